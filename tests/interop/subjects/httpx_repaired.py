"""Right: the loop of httpx_int.py; takes advice in every form, leaves a line on every path."""

import email.utils
import json
import os
import random
import secrets
import time

import httpx

URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
KEY = os.environ["OPENAI_API_KEY"]


def advised(answer):
    """Seconds, or a date, or nothing that can be read."""
    text = answer.headers.get("retry-after", "0")
    try:
        return max(0, float(text))
    except ValueError:
        pass
    try:
        return max(0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return 0


def ask(question, log):
    headers = {"authorization": f"Bearer {KEY}",
               "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"}
    body = {"model": "gpt-4o", "max_tokens": 50,
            "messages": [{"role": "user", "content": question}]}
    begun = time.perf_counter()
    line = {"model": "gpt-4o", "input_tokens": None, "output_tokens": None, "error": None,
            "stop_reason": None}
    try:
        for attempt in range(3):
            answer = httpx.post(URL, headers=headers, json=body, timeout=30)
            line["request"] = answer.headers.get("x-request-id")
            passes = answer.status_code == 429 or answer.status_code >= 500
            if not passes or attempt == 2 or advised(answer) > 20:
                break
            time.sleep(advised(answer) + random.uniform(0, 0.2 * 2 ** attempt))
        answer.raise_for_status()
        told = answer.json()
        line.update(id=told["id"], input_tokens=told["usage"]["prompt_tokens"],
                    output_tokens=told["usage"]["completion_tokens"],
                    stop_reason=told["choices"][0]["finish_reason"])
        return told["choices"][0]["message"]["content"]
    except httpx.HTTPError as error:
        line["error"] = str(error)
        return f"no answer: {error}"
    finally:
        line["latency_ms"] = round((time.perf_counter() - begun) * 1000)
        log.write(json.dumps(line) + "\n")


with open("app.log", "w", encoding="utf-8") as file:
    for question in ("Who built the tower?", "When does the date line change?"):
        print(ask(question, file))
