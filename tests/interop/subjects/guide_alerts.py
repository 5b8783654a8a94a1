"""Wrong: the cost monitor of a guide to AI APIs in production, to the letter but for its imports. It
promises one alert for a breach, posts one at every call after it, and waits for the webhook each time."""

import os
import time

import anthropic
import httpx

COSTS = {"claude-sonnet-4-6": {"input": 3.0, "output": 15.0}}


def send_alert(message, webhook_url=None):
    url = webhook_url or os.environ.get("ALERT_WEBHOOK")
    if not url:
        return

    httpx.post(url, json={
        "content": message,  # Discord format
        "text": message,     # Slack format
    }, timeout=5)


class CostMonitor:
    def __init__(self, hourly_budget=5.0):
        self.hourly_budget = hourly_budget
        self.window_start = time.time()
        self.window_cost = 0.0

    def track(self, model, input_tok, output_tok):
        rates = COSTS.get(model, {"input": 5.0, "output": 15.0})
        cost = (input_tok * rates["input"] +
                output_tok * rates["output"]) / 1_000_000

        # Reset window every hour
        now = time.time()
        if now - self.window_start > 3600:
            self.window_start = now
            self.window_cost = 0.0

        self.window_cost += cost

        if self.window_cost > self.hourly_budget:
            send_alert(
                f"AI cost alert: ${self.window_cost:.2f} "
                f"exceeds ${self.hourly_budget}/hr budget"
            )

        return cost


client = anthropic.Anthropic()
monitor = CostMonitor(hourly_budget=0.01)
for number in range(24):
    answer = client.messages.create(model="claude-sonnet-4-6", max_tokens=50,
                                    messages=[{"role": "user", "content": f"What is {number} squared?"}])
    monitor.track("claude-sonnet-4-6", answer.usage.input_tokens, answer.usage.output_tokens)
