"""Wrong: four tries around an SDK that itself tries three times."""

import anthropic
from tenacity import retry, stop_after_attempt, wait_random_exponential

client = anthropic.Anthropic()


@retry(stop=stop_after_attempt(4), wait=wait_random_exponential(0.1, max=1), reraise=True)
def ask(question):
    return client.messages.create(
        model="claude-sonnet-4-6", max_tokens=50, messages=[{"role": "user", "content": question}])


for question in ("Why is the sky blue?", "Why is the sea salty?"):
    try:
        print(ask(question).content[0].text)
    except anthropic.APIError as error:
        print(f"no answer: {error}")
