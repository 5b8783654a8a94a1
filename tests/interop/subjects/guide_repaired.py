"""Right: the guide's retry loop, repaired. The SDK's own retries are off, advice in any form is
heeded up to a limit, waits have jitter, and it does not sleep before giving up."""

import contextlib
import email.utils
import random
import time

import anthropic


def advised(error, longest=20):
    """Seconds to wait as the server asks, 0 where it does not, None if nobody waits so long."""
    headers, seconds = error.response.headers, 0
    try:
        if "retry-after-ms" in headers:
            seconds = float(headers["retry-after-ms"]) / 1000
        else:
            seconds = float(headers.get("retry-after", 0))
    except ValueError:
        with contextlib.suppress(ValueError):
            date = email.utils.parsedate_to_datetime(headers["retry-after"])
            seconds = date.timestamp() - time.time()
    return max(0, seconds) if seconds <= longest else None


def call_with_retry(client, max_retries=3, **kwargs):
    for attempt in range(max_retries):
        wait = 0
        try:
            return client.messages.create(**kwargs)
        except anthropic.APIConnectionError:
            if attempt + 1 == max_retries:
                raise
        except anthropic.APIStatusError as error:
            wait = advised(error)
            passes = error.status_code == 429 or error.status_code >= 500
            if not passes or wait is None or attempt + 1 == max_retries:
                raise
        time.sleep(wait + random.uniform(0, 0.5 * 2 ** attempt))


with anthropic.Anthropic(max_retries=0) as sdk:
    for question in ("Why does my bill grow?", "Is this long? " + "Yes, it is. " * 1000):
        try:
            answer = call_with_retry(sdk, model="claude-sonnet-4-6", max_tokens=50,
                                     messages=[{"role": "user", "content": question}])
            print(answer.content[0].text)
        except anthropic.APIError as error:
            print(f"no answer: {error}")
