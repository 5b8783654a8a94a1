"""Wrong: the cookbook's decorator around an SDK that retries by itself. It draws its own waits, and
so comes back before the time that the server asked for."""

import backoff
import openai

client = openai.OpenAI()


@backoff.on_exception(backoff.expo, openai.RateLimitError, max_tries=3, max_value=0.5)
def ask(question):
    return client.chat.completions.create(
        model="gpt-4o", max_tokens=50, messages=[{"role": "user", "content": question}])


try:
    print(ask("What is a token?").choices[0].message.content)
except openai.APIError as error:
    print(f"no answer: {error}")
