"""Wrong: tries again whatever it was. A prompt that is too long is so the third time, too."""

import anthropic
from tenacity import retry, stop_after_attempt, wait_random

client = anthropic.Anthropic(max_retries=0)


@retry(stop=stop_after_attempt(3), wait=wait_random(0.1, 0.2), reraise=True)
def ask(question):
    return client.messages.create(
        model="claude-sonnet-4-6", max_tokens=50, messages=[{"role": "user", "content": question}])


for question in ("Is this short?", "Is this long? " + "Yes, it is. " * 1000):
    try:
        print(ask(question).content[0].text)
    except anthropic.APIError as error:
        print(f"no answer: {error}")
