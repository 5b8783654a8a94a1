"""Wrong: a loop of one's own that takes Retry-After for a whole number. A date, which is as good,
kills it in the middle of a call, and no line of the log tells of that."""

import json
import os
import secrets
import time

import httpx

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
KEY = os.environ["OPENAI_API_KEY"]


def ask(question, log):
    headers = {"authorization": f"Bearer {KEY}",
               "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"}
    body = {"model": "gpt-4o", "max_tokens": 50,
            "messages": [{"role": "user", "content": question}]}
    begun = time.perf_counter()
    for _ in range(3):
        answer = httpx.post(URL, headers=headers, json=body, timeout=30)
        if answer.status_code != 429:
            break
        time.sleep(int(answer.headers["retry-after"]))
    answer.raise_for_status()
    told = answer.json()
    line = {"id": told["id"], "model": told["model"],
            "latency_ms": round((time.perf_counter() - begun) * 1000),
            "input_tokens": told["usage"]["prompt_tokens"],
            "output_tokens": told["usage"]["completion_tokens"], "error": None,
            "stop_reason": told["choices"][0]["finish_reason"]}
    log.write(json.dumps(line) + "\n")
    log.flush()
    return told["choices"][0]["message"]["content"]


with open("app.log", "w", encoding="utf-8") as file:
    for question in ("Who built the tower?", "When does the date line change?"):
        print(ask(question, file))
