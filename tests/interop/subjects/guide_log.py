"""Wrong: the guide's logger, to the letter but for its base URL, its file and the id that it forgot. A
failed call has a line, but no id in it, so nobody finds the request that it is about; and no line
has the cost that the guide promises."""

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
for question in ("Tell me a short story.", "Tell me a forbidden story."):
    try:
        message = client.create(model="claude-sonnet-4-6", max_tokens=50,
                                messages=[{"role": "user", "content": question}])
        print(message.content[0].text)
    except anthropic.APIError as error:
        print(f"no answer: {error}")
