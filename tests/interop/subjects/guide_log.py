"""Wrong: the guide's logger, to the letter but for its base URL, its file and an id. A stream is no
answer yet when the line is written: it says 0 tokens, in no time. And nowhere is the cost that the
guide promises."""

import anthropic, time, json, logging

logger = logging.getLogger("ai_monitor")


class MonitoredClient:
    def __init__(self):
        self.client = anthropic.Anthropic()

    def create(self, **kwargs) -> dict:
        start = time.perf_counter()
        error = None
        response = None

        try:
            response = self.client.messages.create(**kwargs)
            return response
        except Exception as e:
            error = str(e)
            raise
        finally:
            latency = time.perf_counter() - start
            log = {
                "id": getattr(response, "id", None),
                "model": kwargs.get("model"),
                "latency_ms": round(latency * 1000),
                "input_tokens": getattr(
                    getattr(response, "usage", None),
                    "input_tokens", 0
                ),
                "output_tokens": getattr(
                    getattr(response, "usage", None),
                    "output_tokens", 0
                ),
                "error": error,
                "stop_reason": getattr(
                    response, "stop_reason", None
                ),
            }
            logger.info(json.dumps(log))


logger.setLevel(logging.INFO)
logger.addHandler(logging.FileHandler("app.log", mode="w"))
client = MonitoredClient()
ask = {"model": "claude-sonnet-4-6", "max_tokens": 50}

message = client.create(**ask, messages=[{"role": "user", "content": "Tell me a short story."}])
print(message.content[0].text)
for event in client.create(**ask, messages=[{"role": "user", "content": "Tell it word by word."}],
                           stream=True):
    if event.type == "content_block_delta":
        print(event.delta.text, end="", flush=True)
print()
try:
    client.create(**ask, messages=[{"role": "user", "content": "Tell me a forbidden story."}])
except anthropic.APIError as error:
    print(f"no answer: {error}")
