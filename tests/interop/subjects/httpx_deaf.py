"""Wrong: a loop of one's own around plain HTTP that does not listen to Retry-After."""

import os
import secrets
import time

import httpx

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
KEY = os.environ["OPENAI_API_KEY"]


def ask(question):
    headers = {"authorization": f"Bearer {KEY}",
               "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"}
    body = {"model": "gpt-4o", "max_tokens": 50,
            "messages": [{"role": "user", "content": question}]}
    for attempt in range(4):
        answer = httpx.post(URL, headers=headers, json=body, timeout=30)
        if answer.status_code != 429 and answer.status_code < 500:
            break
        time.sleep(0.1 * 2 ** attempt)
    answer.raise_for_status()
    return answer.json()["choices"][0]["message"]["content"]


for question in ("How tall is a giraffe?", "How deep is the sea?"):
    try:
        print(ask(question))
    except httpx.HTTPError as error:
        print(f"no answer: {error}")
