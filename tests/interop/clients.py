"""Anthropic's and OpenAI's SDKs for Python, each with the same few calls. A call returns one line
about its answer, as the SDK has parsed it, or raises what the SDK raises."""

import json
import math
from types import SimpleNamespace

import anthropic
import openai

PROMPT = "Say something, in the words of your own choice, please."
MESSAGES = [{"role": "user", "content": PROMPT}]
TOOL = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def told(stop, text, tokens=None, ids=()):
    """One line about an answer. Text, counts and ids of one answer must agree."""
    words = len(text.split())
    assert tokens in (None, words), f"{tokens} tokens counted, {words} words in the text"
    assert len({name.split("_")[-1].split("-")[-1] for name in ids}) <= 1, ids
    return f"{stop or 'null'}, {words} tokens"


def told_call(stop, name, tool_input):
    if isinstance(tool_input, str):
        tool_input = json.loads(tool_input)
    return f"{stop or 'null'}, {name} in {tool_input['city']}"


def collect(stream, take):
    """Reads a stream to its end. What breaks it learns how much had been read."""
    seen = SimpleNamespace(text="", stop=None, tokens=None)
    try:
        for event in stream:
            take(seen, event)
    except Exception as error:
        error.words = len(seen.text.split())
        raise
    return told(seen.stop, seen.text, seen.tokens)


class Anthropic:
    listener = "anthropic"
    model = "claude"
    thinking_ask = {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}}

    def __init__(self, url, check):
        self.sdk = anthropic.Anthropic(base_url=url, api_key="any", **limit_of(check))
        self.ask = {"model": check.get("model", self.model), "messages": MESSAGES,
                    "max_tokens": check.get("max_tokens", 100)}
        self.tool_ask = {**self.ask, "model": "claude-tool",
                         "tools": [{"name": "get_weather", "input_schema": TOOL}]}

    @staticmethod
    def word(error):
        return error.body["error"]["type"] if isinstance(error.body, dict) else None

    @staticmethod
    def _told(message, ids=()):
        return told(message.stop_reason, message.content[0].text, message.usage.output_tokens,
                    (message.id, *ids))

    @staticmethod
    def _told_tool(message):
        block = next(block for block in message.content if block.type == "tool_use")
        return told_call(message.stop_reason, block.name, block.input)

    @staticmethod
    def _told_thinking(message):
        thinking, text = message.content
        return (f"{len(thinking.thinking.split())} thought, "
                + told(message.stop_reason, text.text, message.usage.output_tokens - 20))

    @staticmethod
    def _take(seen, event):
        if event.type == "content_block_delta":
            seen.text += event.delta.text
        if event.type == "message_delta":
            seen.stop, seen.tokens = event.delta.stop_reason, event.usage.output_tokens

    def whole(self):
        message = self.sdk.messages.create(**self.ask)
        if isinstance(message, str):
            return f"a string, {message[:8]}"
        return self._told(message, [message._request_id])

    def stream(self):
        return collect(self.sdk.messages.create(**self.ask, stream=True), self._take)

    def helper(self):
        with self.sdk.messages.stream(**self.ask) as stream:
            return self._told(stream.get_final_message())

    def thinking(self):
        return self._told_thinking(self.sdk.messages.create(**{**self.ask, **self.thinking_ask}))

    def thinking_stream(self):
        with self.sdk.messages.stream(**{**self.ask, **self.thinking_ask}) as stream:
            return self._told_thinking(stream.get_final_message())

    def tool(self):
        return self._told_tool(self.sdk.messages.create(**self.tool_ask))

    def tool_stream(self):
        with self.sdk.messages.stream(**self.tool_ask) as stream:
            return self._told_tool(stream.get_final_message())

    def count(self):
        counted = self.sdk.messages.count_tokens(model=self.model, messages=MESSAGES)
        return f"{counted.input_tokens} tokens"

    def models(self):
        return " ".join(model.id for model in self.sdk.models.list())

    def model_card(self):
        return self.sdk.models.retrieve(self.model).id


class OpenAI:
    """Chat Completions, and what has no format of its own."""
    listener = "openai"
    model = "gpt"

    def __init__(self, url, check):
        self.sdk = openai.OpenAI(base_url=url, api_key="any", **limit_of(check))
        self.ask = {"model": check.get("model", self.model), "messages": MESSAGES,
                    "max_tokens": check.get("max_tokens", 100)}
        function = {"name": "get_weather", "parameters": {**TOOL, "additionalProperties": False},
                    "strict": True}
        self.tool_ask = {**self.ask, "model": "gpt-tool",
                         "tools": [{"type": "function", "function": function}]}

    @staticmethod
    def word(error):
        return error.code

    @staticmethod
    def _told(completion, ids=()):
        choice = completion.choices[0]
        return told(choice.finish_reason, choice.message.content,
                    completion.usage.completion_tokens, (completion.id, *ids))

    @staticmethod
    def _told_tool(completion):
        choice = completion.choices[0]
        function = choice.message.tool_calls[0].function
        return told_call(choice.finish_reason, function.name, function.arguments)

    @staticmethod
    def _take(seen, chunk):
        for choice in chunk.choices:
            seen.text += choice.delta.content or ""
            seen.stop = choice.finish_reason
        if chunk.usage:
            seen.tokens = chunk.usage.completion_tokens

    def whole(self):
        completion = self.sdk.chat.completions.create(**self.ask)
        if isinstance(completion, str):
            return f"a string, {completion[:8]}"
        return self._told(completion, [completion._request_id])

    def stream(self):
        return collect(self.sdk.chat.completions.create(
            **self.ask, stream=True, stream_options={"include_usage": True}), self._take)

    def helper(self):
        with self.sdk.chat.completions.stream(
                **self.ask, stream_options={"include_usage": True}) as stream:
            return self._told(stream.get_final_completion())

    def tool(self):
        return self._told_tool(self.sdk.chat.completions.create(**self.tool_ask))

    def tool_stream(self):
        with self.sdk.chat.completions.stream(**self.tool_ask) as stream:
            return self._told_tool(stream.get_final_completion())

    def models(self):
        return " ".join(model.id for model in self.sdk.models.list())

    def model_card(self):
        return self.sdk.models.retrieve(self.model).id

    def embed(self):
        answer = self.sdk.embeddings.create(model=self.model, input=["one", "two"], dimensions=8)
        vectors = [item.embedding for item in answer.data]
        assert abs(math.hypot(*vectors[1]) - 1) < 1e-6
        return f"{len(vectors)} of {len(vectors[0])}, {answer.usage.prompt_tokens} tokens"


class Azure(OpenAI):
    """Azure's path, which names the model, and its key header."""

    def __init__(self, url, check):
        super().__init__(url, check)
        self.sdk = openai.AzureOpenAI(
            azure_endpoint=url.removesuffix("/v1"), api_key="any", api_version="2024-10-21",
            azure_deployment=self.model, **limit_of(check))


class Responses:
    listener = "openai"
    model = "gpt"

    def __init__(self, url, check):
        self.sdk = openai.OpenAI(base_url=url, api_key="any", **limit_of(check))
        self.ask = {"model": check.get("model", self.model), "input": PROMPT,
                    "max_output_tokens": check.get("max_tokens", 100)}
        self.tool_ask = {**self.ask, "model": "gpt-tool",
                         "tools": [{"type": "function", "name": "get_weather", "strict": True,
                                    "parameters": {**TOOL, "additionalProperties": False}}]}

    word = OpenAI.word

    @staticmethod
    def _told(response, ids=()):
        return told(response.status, response.output_text, response.usage.output_tokens,
                    (response.id, *ids))

    @staticmethod
    def _told_tool(response):
        call = next(item for item in response.output if item.type == "function_call")
        return told_call(response.status, call.name, call.arguments)

    @staticmethod
    def _told_thinking(response):
        summary = response.output[0].summary[0].text
        return (f"{len(summary.split())} thought, "
                + told(response.status, response.output_text, response.usage.output_tokens - 20))

    @staticmethod
    def _take(seen, event):
        if event.type == "response.output_text.delta":
            seen.text += event.delta
        if event.type == "error":
            seen.stop = f"error {event.code}"
        if event.type in ("response.completed", "response.incomplete", "response.failed"):
            seen.stop = event.response.status
            seen.tokens = event.response.usage and event.response.usage.output_tokens

    def whole(self):
        response = self.sdk.responses.create(**self.ask)
        return self._told(response, [response._request_id])

    def stream(self):
        return collect(self.sdk.responses.create(**self.ask, stream=True), self._take)

    def helper(self):
        with self.sdk.responses.stream(**self.ask) as stream:
            return self._told(stream.get_final_response())

    def thinking(self):
        return self._told_thinking(
            self.sdk.responses.create(**self.ask, reasoning={"effort": "low"}))

    def thinking_stream(self):
        with self.sdk.responses.stream(
                **self.ask, reasoning={"effort": "low", "summary": "auto"}) as stream:
            return self._told_thinking(stream.get_final_response())

    def tool(self):
        return self._told_tool(self.sdk.responses.create(**self.tool_ask))

    def tool_stream(self):
        with self.sdk.responses.stream(**self.tool_ask) as stream:
            return self._told_tool(stream.get_final_response())


def limit_of(check):
    return {"timeout": check["timeout"]} if "timeout" in check else {}


CLIENTS = {"anthropic": Anthropic, "openai": OpenAI, "azure": Azure, "responses": Responses}
