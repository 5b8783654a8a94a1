"""One client of Failover Bench's table, as its methodology configures it: two retries, one backup, a
timeout; the rest is the vendor's default.

    client.py NAME [COUNT [EVERY]]      COUNT calls, one each EVERY seconds

It asks FAILOVER_PRIMARY and FAILOVER_BACKUP, has FAILOVER_TIMEOUT seconds (3), and writes what its
caller gets, a line of JSON each call, into the file FAILOVER_TOLD. `portkey-gateway` needs its
gateway's base URL in FAILOVER_GATEWAY."""

import asyncio
import json
import os
import pathlib
import sys
import time

PRIMARY = os.environ["FAILOVER_PRIMARY"]
BACKUP = os.environ["FAILOVER_BACKUP"]
TIMEOUT = float(os.environ.get("FAILOVER_TIMEOUT", "3"))
RETRIES = 2
KEY = "sk-failover-0123456789abcdef"
USAGE = {"include_usage": True}


class Answer:
    """What a caller has read so far."""

    def __init__(self):
        self.text = ""
        self.model = None
        self.has_usage = False

    def told(self, error, seconds):
        return {"ok": error is None, "words": len(self.text.split()), "model": self.model, "usage": self.has_usage,
                "error": error, "seconds": round(seconds, 3)}

    def read_chunk(self, chunk):
        """A chunk of Chat Completions as a dictionary."""
        self.model = chunk.get("model") or self.model
        self.has_usage = self.has_usage or bool(chunk.get("usage"))
        for choice in chunk.get("choices") or []:
            self.text += (choice.get("delta") or {}).get("content") or ""


class OverHttp:
    """One call by httpx, read as a careful client does: an error inside of a stream is an error."""

    base, headers = PRIMARY, {}

    def __init__(self):
        import httpx
        self.http = httpx.AsyncClient(timeout=httpx.Timeout(TIMEOUT, connect=5))

    async def ask(self, messages, answer):
        body = {"model": "primary-model", "messages": messages, "stream": True, "stream_options": USAGE}
        headers = {"authorization": f"Bearer {KEY}", **self.headers}
        async with self.http.stream("POST", f"{self.base}/chat/completions", json=body, headers=headers) as response:
            if response.status_code != 200:
                await response.aread()
                raise RuntimeError(f"status {response.status_code}")
            async for line in response.aiter_lines():
                if not line.startswith("data:"):
                    continue
                if line[5:].strip() == "[DONE]":
                    return
                self.read_event(line[5:], answer)

    @staticmethod
    def read_event(data, answer):
        try:
            chunk = json.loads(data)
        except ValueError:
            return  # a careful client goes on behind an event that is none
        if chunk.get("error"):
            raise RuntimeError("an error inside of the stream")
        answer.read_chunk(chunk)


class Portkey(OverHttp):
    """The open gateway, told by header what to do; its caller is the one above."""

    def __init__(self):
        super().__init__()
        import httpx
        self.http.timeout = httpx.Timeout(4 * TIMEOUT)  # above the gateway's own
        self.base = os.environ["FAILOVER_GATEWAY"]
        self.headers = {"x-portkey-config": json.dumps({
            "strategy": {"mode": "fallback"},
            "request_timeout": int(TIMEOUT * 1000),
            "targets": [
                {"provider": "openai", "api_key": KEY, "custom_host": PRIMARY, "override_params": {"model": "primary-model"},
                 "retry": {"attempts": RETRIES, "on_status_codes": [429, 500, 502, 503, 504], "use_retry_after_header": True}},
                {"provider": "openai", "api_key": KEY, "custom_host": BACKUP, "override_params": {"model": "backup-model"}},
            ]})}


class OpenAI:
    def __init__(self):
        import httpx
        import openai
        self.sdk = openai.AsyncOpenAI(base_url=PRIMARY, api_key=KEY, max_retries=RETRIES,
                                      timeout=httpx.Timeout(TIMEOUT, connect=5))

    async def ask(self, messages, answer):
        stream = await self.sdk.chat.completions.create(model="primary-model", messages=messages, stream=True,
                                                        stream_options=USAGE)
        async for chunk in stream:
            answer.read_chunk(chunk.model_dump())


class LangChain:
    def __init__(self):
        self.chain = self.model("primary-model", PRIMARY).with_fallbacks([self.model("backup-model", BACKUP)])

    @staticmethod
    def model(name, base):
        from langchain_openai import ChatOpenAI
        return ChatOpenAI(model=name, base_url=base, api_key=KEY, max_retries=RETRIES, timeout=TIMEOUT, stream_usage=True)

    async def ask(self, messages, answer):
        async for chunk in self.chain.astream([(message["role"], message["content"]) for message in messages]):
            answer.text += chunk.content if isinstance(chunk.content, str) else ""
            answer.has_usage = answer.has_usage or bool(chunk.usage_metadata)
            answer.model = chunk.response_metadata.get("model_name") or answer.model


class LiteLLM:
    """The Router in this process, with its own idea of cooldowns."""

    def __init__(self):
        import litellm
        litellm.suppress_debug_info = True
        models = [("primary", "primary-model", PRIMARY), ("backup", "backup-model", BACKUP)]
        self.router = litellm.Router(
            model_list=[{"model_name": group, "litellm_params": {"model": f"openai/{name}", "api_base": base, "api_key": KEY}}
                        for group, name, base in models],
            num_retries=RETRIES, timeout=TIMEOUT, fallbacks=[{"primary": ["backup"]}],
            context_window_fallbacks=[{"primary": ["backup"]}])

    async def ask(self, messages, answer):
        stream = await self.router.acompletion(model="primary", messages=messages, stream=True, stream_options=USAGE)
        async for chunk in stream:
            answer.read_chunk(chunk.model_dump())


CLIENTS = {"direct": OverHttp, "openai-python": OpenAI, "langchain": LangChain, "litellm-router": LiteLLM,
           "portkey-gateway": Portkey}


async def call(client, number):
    answer, error, begun = Answer(), None, time.monotonic()
    messages = [{"role": "user", "content": f"⟦k0-{number}⟧ Say in about sixty words why a backup is worth its price."}]
    try:
        await client.ask(messages, answer)
    except Exception as exception:  # whatever its caller would get
        error = f"{type(exception).__name__}: {str(exception)[:120]}"
    return answer.told(error, time.monotonic() - begun)


async def play(name, count, every):
    client, begun = CLIENTS[name](), time.monotonic()
    with pathlib.Path(os.environ["FAILOVER_TOLD"]).open("w", encoding="utf-8") as told:
        for number in range(count):
            await asyncio.sleep(max(0, begun + number * every - time.monotonic()))
            at = time.monotonic() - begun
            told.write(json.dumps({"at": round(at, 3), **await call(client, number)}) + "\n")


if __name__ == "__main__":
    asyncio.run(play(sys.argv[1], int((sys.argv + [1])[2] if len(sys.argv) > 2 else 1), float(sys.argv[3]) if len(sys.argv) > 3 else 0))
