"""Right: one layer of retries, for what may pass, with jitter, and never too early."""

import email.utils
import time

import anthropic
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

LONGEST_S = 20
client = anthropic.Anthropic(max_retries=0)
jitter = wait_random_exponential(multiplier=0.2, max=5)


def is_passing(error):
    return isinstance(error, anthropic.APIConnectionError) or (
        isinstance(error, anthropic.APIStatusError)
        and (error.status_code in (408, 409, 429) or error.status_code >= 500)
        and advice_s(error) <= LONGEST_S)


def advice_s(error):
    """Seconds that the server asks for, in any of three forms; 0: it asks for nothing."""
    headers = error.response.headers if isinstance(error, anthropic.APIStatusError) else {}
    try:
        if "retry-after-ms" in headers:
            return float(headers["retry-after-ms"]) / 1000
        return float(headers.get("retry-after", 0))
    except ValueError:
        pass
    try:
        return email.utils.parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time()
    except ValueError:
        return 0


def wait(state):
    return max(0, advice_s(state.outcome.exception())) + jitter(state)


@retry(retry=retry_if_exception(is_passing), stop=stop_after_attempt(4), wait=wait, reraise=True)
def ask(question):
    return client.messages.create(
        model="claude-sonnet-4-6", max_tokens=50, messages=[{"role": "user", "content": question}])


for question in ("What is jitter?", "What is a herd?"):
    try:
        print(ask(question).content[0].text)
    except anthropic.APIError as error:
        print(f"no answer: {error}")
