"""Do Anthropic's and OpenAI's own Python SDKs take the mock for the real service?

    sdk_check.py MOCK        MOCK: the program, bin/brownout-mock

README.md in this folder tells how the table of checks is read."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import anthropic
import openai

HERE = pathlib.Path(__file__).parent
PROMPT = [{"role": "user", "content": "Say something, in the words of your own choice, please."}]
CLIENTS = {"anthropic": anthropic.Anthropic, "openai": openai.OpenAI}
MODELS = {"anthropic": "claude", "openai": "gpt"}


class Mock:
    """A mock of its own for each check, so that the journal holds this check alone."""

    def __init__(self, program, fault):
        scenario = json.loads((HERE / "scenario.json").read_text())
        if fault:
            scenario["chaos"] = [{"phase": "fault", "fault": fault}]
        self.folder = tempfile.TemporaryDirectory()
        self.journal = pathlib.Path(self.folder.name, "journal.jsonl")
        self.process = subprocess.Popen(
            [program, "--scenario", "-", "--journal", self.journal],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(json.dumps(scenario))
        self.process.stdin.close()
        self.urls = dict(self.process.stdout.readline().split() for _ in range(3))

    def stop(self):
        """What the mock saw: its journal without the closing line."""
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        lines = self.journal.read_text().splitlines()
        self.folder.cleanup()
        return [json.loads(line) for line in lines[:-1]]


def told(stop, text, tokens=None, ids=()):
    """One line about an answer. Text, counts and ids of one answer must agree."""
    words = len(text.split())
    assert tokens in (None, words), f"{tokens} tokens counted, {words} words in the text"
    assert len({name.split("_")[-1].split("-")[-1] for name in ids}) <= 1, ids
    return f"{stop or 'null'}, {words} tokens"


def told_message(message, ids=()):
    return told(message.stop_reason, message.content[0].text, message.usage.output_tokens,
                (message.id, *ids))


def told_completion(completion, ids=()):
    choice = completion.choices[0]
    return told(choice.finish_reason, choice.message.content, completion.usage.completion_tokens,
                (completion.id, *ids))


def anthropic_whole(client, ask):
    message = client.messages.create(**ask)
    return told_message(message, [message._request_id])


def anthropic_stream(client, ask):
    text, stop, tokens = "", None, None
    for event in client.messages.create(**ask, stream=True):
        if event.type == "content_block_delta":
            text += event.delta.text
        if event.type == "message_delta":
            stop, tokens = event.delta.stop_reason, event.usage.output_tokens
    return told(stop, text, tokens)


def anthropic_helper(client, ask):
    with client.messages.stream(**ask) as stream:
        return told_message(stream.get_final_message())


def openai_whole(client, ask):
    completion = client.chat.completions.create(**ask)
    return told_completion(completion, [completion._request_id])


def openai_stream(client, ask):
    text, stop, tokens = "", None, None
    for chunk in client.chat.completions.create(
            **ask, stream=True, stream_options={"include_usage": True}):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            stop = choice.finish_reason
        if chunk.usage:
            tokens = chunk.usage.completion_tokens
    return told(stop, text, tokens)


def openai_helper(client, ask):
    with client.chat.completions.stream(**ask, stream_options={"include_usage": True}) as stream:
        return told_completion(stream.get_final_completion())


def told_error(provider, error):
    """Class, status, and the provider's word for it as the SDK has parsed it."""
    name = type(error).__name__
    if isinstance(error, AssertionError):  # ours, about an answer
        return str(error)
    if not hasattr(error, "status_code"):
        return name
    assert error.request_id.startswith("req_"), error.request_id
    word = error.body["error"]["type"] if provider == "anthropic" else error.code
    return f"{name} {error.status_code} {word or 'null'}"


def make_call(provider, url, check):
    limit = {"timeout": check["timeout"]} if "timeout" in check else {}
    ask = {"model": check.get("model", MODELS[provider]), "messages": PROMPT,
           "max_tokens": check.get("max_tokens", 100)}
    try:
        with CLIENTS[provider](base_url=url, api_key="any", **limit) as client:
            return globals()[f"{provider}_{check['call']}"](client, ask)
    except Exception as error:  # its class is what is checked
        return told_error(provider, error)


def allowed(value, provider):
    """A value of the table: for all, by provider or by language; of a list, any will do."""
    if isinstance(value, dict):
        value = value.get(provider, value.get("python"))
    return value if isinstance(value, list) else [value]


def waited(journal):
    """Seconds from the first answer to the second request."""
    return (journal[1]["head_in_at"] - journal[0]["first_out_at"]) / 1e9


def run(program, provider, check):
    """What is wrong, as a list of lines."""
    mock = Mock(program, check.get("fault"))
    try:
        end = make_call(provider, mock.urls[provider], check)
    finally:
        journal = mock.stop()
    ends = allowed(check["ends"], provider)
    attempts = allowed(check.get("attempts", 1), provider)
    wrong = []
    if end not in ends:
        wrong.append(f"ended as {end}, expected {' or '.join(ends)}")
    if len(journal) not in attempts:
        wrong.append(f"{len(journal)} attempts, expected {' or '.join(map(str, attempts))}")
    elif "waits" in check and waited(journal) < check["waits"]:
        wrong.append(f"waited {waited(journal):.3f} s, expected {check['waits']} s or more")
    return wrong


def main():
    warnings.simplefilter("ignore")  # the SDKs know better models than ours
    program = os.path.abspath(sys.argv[1])
    checks = [(provider, check) for check in json.loads((HERE / "checks.json").read_text())
              for provider in CLIENTS]
    print(f"python: anthropic {anthropic.__version__}, openai {openai.__version__}")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda item: run(program, *item), checks))
    for (provider, check), wrong in zip(checks, results):
        for line in wrong:
            print(f"  {provider}, {check['check']}: {line}")
    failed = sum(map(bool, results))
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
