"""Does every client find the mock by its environment alone? Each is started by `brownout exec` with
no variable of its own, and its one request must come to the listener of its provider, be answered
with 200, and be the only one.

Usage: base_urls_check.py BROWNOUT python|node PROGRAM [FOLDER]
PROGRAM runs the clients of that language; FOLDER is where node's packages lie."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SECONDS_MAX = 120


def environment(home):
    """Nothing that leads anywhere: no key, no base URL, no proxy."""
    return {"PATH": os.environ["PATH"], "HOME": home, "PYTHONDONTWRITEBYTECODE": "1"}


def records(results):
    """What came to the providers, by the mock's journal."""
    (journal,) = pathlib.Path(results).glob("*/journal.jsonl")
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    return [line for line in lines if "checkpoint" not in line]


def complaint(run, found, listener):
    """Why this client was not led to its provider; None: it was."""
    if run.returncode != 0:
        return f"exit {run.returncode}: {(run.stdout + run.stderr)[-2000:]}"
    if [(line["provider"], line["status"]) for line in found] != [(listener, 200)]:
        return f"expected one request to {listener}, found {found}"
    return None


def check(brownout, command, client, listener, folder):
    with tempfile.TemporaryDirectory() as place:
        arguments = [brownout, "exec", HERE / "base_urls.jsonc", "--out", f"{place}/results"]
        run = subprocess.run(
            [*arguments, "--require-success", "--max-time", "60s", "--", *command, client],
            env=environment(place), cwd=folder, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=SECONDS_MAX, check=False)
        return complaint(run, records(f"{place}/results"), listener)


def main():
    brownout, language, program = sys.argv[1:4]
    folder = sys.argv[4] if len(sys.argv) > 4 else "."
    clients = json.loads((HERE / "base_urls.json").read_text())[language]
    suffix = {"python": "py", "node": "mjs"}[language]
    command = [program, HERE / f"base_urls_clients.{suffix}"]
    failed = 0
    for client, listener in clients.items():
        why = check(brownout, command, client, listener, folder)
        print(f"{'ok  ' if why is None else 'FAIL'} {language} {client} -> {listener}", flush=True)
        if why is not None:
            print(why)
            failed += 1
    print(f"clients of {language} that find the mock by their environment:")
    print(f"{len(clients) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
