"""Wrong: the retry loop of a guide to AI APIs in production, to the letter but for its imports.
Three tries around the SDK's three, no jitter, and one more sleep before it gives up."""

import time

import anthropic


def call_with_retry(client, max_retries=3, **kwargs):
    for attempt in range(max_retries):
        try:
            return client.messages.create(**kwargs)
        except anthropic.RateLimitError as e:
            wait = 2 ** attempt  # 1s, 2s, 4s
            if hasattr(e, "response"):
                # Use Retry-After header if available
                wait = int(e.response.headers.get(
                    "retry-after", wait
                ))
            time.sleep(wait)
        except anthropic.APIStatusError as e:
            if e.status_code >= 500:
                time.sleep(2 ** attempt)
                continue
            raise  # 4xx = client error, don't retry
    raise RuntimeError("Max retries exceeded")


try:
    answer = call_with_retry(anthropic.Anthropic(), model="claude-sonnet-4-6", max_tokens=50,
                             messages=[{"role": "user", "content": "Why does my bill grow?"}])
    print(answer.content[0].text)
except (RuntimeError, anthropic.APIError) as error:
    print(f"no answer: {error}")
