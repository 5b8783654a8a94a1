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

from clients import CLIENTS

HERE = pathlib.Path(__file__).parent
AT_A_TIME = 12


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
        self.urls = {}
        while "admin" not in self.urls:
            name, url = self.process.stdout.readline().split()
            self.urls[name] = url

    def stop(self):
        """What the mock saw: its journal without the closing line."""
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        lines = self.journal.read_text().splitlines()
        self.folder.cleanup()
        return [json.loads(line) for line in lines[:-1]]


def told_error(client, error):
    """Class, status, and the provider's word for it as the SDK has parsed it; then what was read."""
    if isinstance(error, AssertionError):  # ours, about an answer
        return str(error)
    words = [type(error).__name__]
    if hasattr(error, "status_code"):
        assert error.request_id.startswith("req_"), error.request_id
        words += [str(error.status_code), client.word(error) or "null"]
    if getattr(error, "words", 0):
        words.append(f"after {error.words} tokens")
    return " ".join(words)


def make_call(client, url, check):
    try:
        opened = client(url, check)
        with opened.sdk:
            return getattr(opened, check["call"])()
    except Exception as error:  # its class is what is checked
        return told_error(client, error)


def allowed(value, name):
    """A value of the table: for all, or by client or language; of a list, any will do."""
    if isinstance(value, dict):
        value = value.get(name, value.get("python"))
    return value if isinstance(value, list) else [value]


def applies(check, name):
    """Has the client this call, and the row a word for it?"""
    return (check.get("only", "python") == "python" and hasattr(CLIENTS[name], check["call"])
            and allowed(check["ends"], name)[0] is not None)


def waited(journal):
    """Seconds from the first answer to the second request."""
    return (journal[1]["head_in_at"] - journal[0]["first_out_at"]) / 1e9


def run(program, name, check):
    """What is wrong, as a list of lines."""
    client = CLIENTS[name]
    mock = Mock(program, check.get("fault"))
    try:
        end = make_call(client, mock.urls[client.listener], check)
    finally:
        journal = mock.stop()
    ends = allowed(check["ends"], name)
    attempts = allowed(check.get("attempts", 1), name)
    waits = allowed(check.get("waits"), name)[0]
    wrong = []
    if end not in ends:
        wrong.append(f"ended as {end}, expected {' or '.join(ends)}")
    if len(journal) not in attempts:
        wrong.append(f"{len(journal)} attempts, expected {' or '.join(map(str, attempts))}")
    elif waits and waited(journal) < waits:
        wrong.append(f"waited {waited(journal):.3f} s, expected {waits} s or more")
    return wrong


def main():
    warnings.simplefilter("ignore")  # the SDKs know better models than ours
    program = os.path.abspath(sys.argv[1])
    checks = [(name, check) for check in json.loads((HERE / "checks.json").read_text())
              for name in CLIENTS if applies(check, name)]
    print(f"python: anthropic {anthropic.__version__}, openai {openai.__version__}")
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        results = list(pool.map(lambda item: run(program, *item), checks))
    for (name, check), wrong in zip(checks, results):
        for line in wrong:
            print(f"  {name}, {check['check']}: {line}")
    failed = sum(map(bool, results))
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
