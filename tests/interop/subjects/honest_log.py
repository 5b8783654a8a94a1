"""Right: one line of JSON for each call on every path, the guide's with an id and the cost."""

import json
import time

import anthropic

MICRODOLLARS = {"claude-sonnet-4-6": (3, 15)}  # per token in, out
client = anthropic.Anthropic()


def cost(model, input_tokens, output_tokens):
    if output_tokens is None:
        return None
    price_in, price_out = MICRODOLLARS[model]
    return (input_tokens * price_in + output_tokens * price_out) / 1_000_000


def ask(question, log):
    begun = time.perf_counter()
    line = {"model": "claude-sonnet-4-6", "error": None, "stop_reason": None}
    text, input_tokens, output_tokens = "", None, None
    try:
        with client.messages.create(model="claude-sonnet-4-6", max_tokens=50, stream=True,
                                    messages=[{"role": "user", "content": question}]) as stream:
            for event in stream:
                if event.type == "message_start":
                    line["id"], input_tokens = event.message.id, event.message.usage.input_tokens
                elif event.type == "content_block_delta":
                    text += event.delta.text
                elif event.type == "message_delta":
                    line["stop_reason"] = event.delta.stop_reason
                    output_tokens = event.usage.output_tokens
        if line["stop_reason"] is None:
            line["error"] = "the stream ended before its answer did"
        return text if line["error"] is None else f"no answer: {line['error']}"
    except anthropic.APIStatusError as error:
        line["request"], line["error"] = error.request_id, str(error)
        return f"no answer: {error}"
    finally:
        line["latency_ms"] = round((time.perf_counter() - begun) * 1000)
        line["input_tokens"], line["output_tokens"] = input_tokens, output_tokens
        line["cost"] = cost(line["model"], input_tokens, output_tokens)
        log.write(json.dumps(line) + "\n")


with open("app.log", "w", encoding="utf-8") as file:
    for kind in ("short", "long", "forbidden"):
        print(ask(f"Tell me a {kind} story.", file))
