"""Wrong: what came of a stream is taken for the whole answer, however the stream ended."""

import json
import time

import anthropic

client = anthropic.Anthropic()


def ask(question, log):
    begun = time.perf_counter()
    text, stop, output_tokens = "", None, None
    with client.messages.create(model="claude-sonnet-4-6", max_tokens=50, stream=True,
                                messages=[{"role": "user", "content": question}]) as stream:
        for event in stream:
            if event.type == "message_start":
                message = event.message
            elif event.type == "content_block_delta":
                text += event.delta.text
            elif event.type == "message_delta":
                stop, output_tokens = event.delta.stop_reason, event.usage.output_tokens
    line = {"id": message.id, "model": message.model,
            "latency_ms": round((time.perf_counter() - begun) * 1000),
            "input_tokens": message.usage.input_tokens, "output_tokens": output_tokens,
            "error": None, "stop_reason": stop}
    log.write(json.dumps(line) + "\n")
    return text


with open("app.log", "w", encoding="utf-8") as file:
    for question in ("Tell me a short story.", "Tell me a long story."):
        print(ask(question, file))
