"""Are the facts of docs/findings/litellm.md true of the proxy installed here?

    litellm_check.py BROWNOUT [--all]      --all: also what takes longer

Each scenario of scenarios/findings starts a proxy of its own, plays its load against it with `brownout run`,
and leaves its calls and the mock's journal; a fact is a question to these two."""

import concurrent.futures
import importlib.metadata
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile

SCENARIOS = pathlib.Path(__file__).resolve().parents[2] / "scenarios/findings"
AT_A_TIME = 2
PATIENCE = 240
TOKENS = 40  # of a whole answer; streams break after half
SLACK = 0.02
RETRIED = ("gpt-500", "gpt-503", "gpt-429", "gpt-reset", "gpt-silent", "claude-529")
HALVED = ("gpt-cut-fin", "gpt-cut-rst", "gpt-event", "gpt-json", "gpt-stall", "claude-event")
WAITS = (0.5, 1.0, 2.0)  # before the second and third attempt, and before the backup: at least


class Call:
    """One call of the run: what its caller got, and when which model was asked for it."""

    def __init__(self, line, records):
        self.line = line
        self.asked = line["model_asked"]
        self.models = [record["model"] for record in records]
        self.begun = [record["model"] for record in records if record["status"] == 200]  # those that got an answer's head
        self.times = [record["head_in_at"] / 1e9 for record in records]
        self.gaps = [later - earlier for earlier, later in zip(self.times, self.times[1:])]
        self.is_ok = line["outcome"] == "ok"
        self.words = line["heard"]["words"]


class Run:
    def __init__(self, folder):
        journal = [record for record in read_lines(folder / "journal.jsonl")
                   if record.get("kind", "generate") == "generate" and "model" in record]
        journal.sort(key=lambda record: record["head_in_at"])
        by_call = {}
        for record in journal:
            by_call.setdefault(record["call"], []).append(record)
        self.calls = [Call(line, by_call.get("mark:k0-" + line["call"].split(":")[1], []))
                      for line in read_lines(folder / "calls.jsonl") if "call" in line]
        assert self.calls and sum(len(call.models) for call in self.calls) == len(journal), "calls and journal do not match"

    def of(self, *models):
        found = [call for call in self.calls if call.asked in models]
        assert found, f"no call of {models}"
        return found


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


# Facts: a question each, answered by a bool.

def tries_thrice_then_backup(run, *models):
    return all(call.models == [call.asked] * 3 + ["gpt-backup"] and call.is_ok for call in run.of(*models))


def waits_as_told(run, *models):
    return all(gap >= least - SLACK for call in run.of(*models) for gap, least in zip(call.gaps, WAITS))


def goes_to_backup_at_once(run, *models):
    return all(call.models == [call.asked, "gpt-backup"] and call.is_ok for call in run.of(*models)) and \
        statistics.median(call.gaps[0] for call in run.of(*models)) < WAITS[0]


def keeps_the_name_that_was_asked(run):
    return all(call.line["model_answered"] == call.asked for call in run.of(*RETRIED))


def waits(run, least, *models):
    return all(len(call.gaps) == 1 and call.gaps[0] >= least - SLACK for call in run.of(*models))


def does_not_wait(run, told, *models):
    return all(len(call.gaps) == 1 for call in run.of(*models)) and min(call.gaps[0] for call in run.of(*models)) < told


def half_is_told_as_whole(run, *models):
    return all(len(call.begun) == 1 and call.is_ok and call.words == TOKENS // 2 for call in run.of(*models))


def half_is_told_as_error(run, *models):
    """A proxy that is so busy that it has passed nothing on yet when the stream breaks may go to the backup."""
    told = [call.begun == [call.asked] and not call.is_ok for call in run.of(*models)]
    mended = [call.models[-1:] == ["gpt-backup"] and call.is_ok and call.words == TOKENS for call in run.of(*models)]
    return all(map(max, told, mended)) and sum(told) > sum(mended)


def is_whole(run, *models):
    return all(call.begun == [call.asked] and call.is_ok and call.words == TOKENS for call in run.of(*models))


def asked_east(run, begin, end):
    return sorted(at for call in run.calls for at, model in zip(call.times, call.models)
                  if model == "gpt-east" and begin <= at < end)


def is_put_aside(run):
    """From the outage on (at 5 s, ten long) there is a pause of the cool-down's length, and few requests meet the outage."""
    times = asked_east(run, 5, 40)
    return any(later - earlier >= 5 for earlier, later in zip(times, times[1:])) and len(asked_east(run, 5, 15)) < 60


def comes_home(run):
    return len(asked_east(run, 15, 40)) >= 5


def other_deployment_is_tried_without_a_wait(run):
    gaps = [call.gaps[0] for call in run.calls if len(call.gaps) >= 1]
    return len(gaps) >= 3 and min(gaps) < WAITS[0]


def all_are_answered(run):
    return all(call.is_ok and call.words == TOKENS for call in run.calls)


def is_put_aside_alone(run):
    return any(call.models == ["gpt-backup"] and call.is_ok for call in run.of("gpt-key"))


def is_asked_by_every_call(run):
    return all(call.models and call.models[0] == "gpt-503" for call in run.of("gpt-503"))


FACTS = {
    "litellm-refusals": [
        ("500, 503, 529, 429, a reset and silence: three attempts, then the backup",
         lambda run: tries_thrice_then_backup(run, *RETRIED)),
        ("waits of at least 0.5, 1 and 2 s, the last of them before the backup", lambda run: waits_as_told(run, *RETRIED)),
        ("too long an input, a content policy: one attempt, then the backup at once",
         lambda run: goes_to_backup_at_once(run, "gpt-long", "gpt-policy")),
        ("the answer names the model that was asked, not the one that answered", keeps_the_name_that_was_asked),
    ],
    "litellm-advice": [
        ("Retry-After of 1 s on a 429 is waited for", lambda run: waits(run, 1, "gpt-advice-1s")),
        ("Retry-After of 3 s on a 429, a 503 and Anthropic's 529 is waited for",
         lambda run: waits(run, 3, "gpt-advice-3s", "gpt-advice-503", "claude-advice")),
        ("a date is waited for, less the part of a second", lambda run: waits(run, 2, "gpt-advice-date")),
        ("Retry-After: 1.5 is not waited for", lambda run: does_not_wait(run, 1.5, "gpt-advice-part")),
        ("retry-after-ms: 2000 is not waited for", lambda run: does_not_wait(run, 2, "gpt-advice-ms")),
        ("Retry-After: 90 is not waited for, nor left to the caller", lambda run: does_not_wait(run, 3, "gpt-advice-90s")),
    ],
    "litellm-streams": [
        ("half a stream, ended in order without its last event, is passed on as whole",
         lambda run: half_is_told_as_whole(run, "gpt-cut-end", "claude-cut")),
        ("a stream that breaks, is silent, or tells an error: an error to the caller, and neither another attempt nor the backup",
         lambda run: half_is_told_as_error(run, *HALVED)),
        ("a whole stream without [DONE] is whole", lambda run: is_whole(run, "gpt-no-done")),
    ],
    "litellm-cooldown": [
        ("a deployment that fails is put aside for the cool-down", is_put_aside),
        ("it is asked again afterwards", comes_home),
        ("with two deployments the next attempt comes without a wait", other_deployment_is_tried_without_a_wait),
        ("all calls are answered", all_are_answered),
    ],
    "litellm-whole": [
        ("a body that breaks or is silent: three attempts, then the backup",
         lambda run: tries_thrice_then_backup(run, "gpt-cut-end", "gpt-cut-fin", "gpt-json", "gpt-stall")),
    ],
    "litellm-lone": [
        ("a lone deployment that refuses its key is put aside, and the backup answers", is_put_aside_alone),
        ("a lone deployment that answers 503 is not put aside", is_asked_by_every_call),
        ("all calls are answered", all_are_answered),
    ],
    "litellm-crowd": [("all calls are answered", all_are_answered)],
}
QUICK = ("litellm-refusals", "litellm-advice", "litellm-streams", "litellm-cooldown")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def play(brownout, name):
    """The run, or a sentence on why there is none."""
    port = free_port()
    environment = {**os.environ, "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
                   "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [brownout, "run", SCENARIOS / f"{name}.jsonc", "--quiet", "--out", folder,
             "--set", f"/subject/service=http://127.0.0.1:{port}", "--set", f'/subject/start/6="{port}"'],
            cwd=SCENARIOS, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
        results = list(pathlib.Path(folder).glob("*/calls.jsonl"))
        if done.returncode in (2, 3) or len(results) != 1:
            return f"exit code {done.returncode}: {done.stderr.strip()[-300:]}"
        return Run(results[0].parent)


def main():
    brownout = os.path.abspath(sys.argv[1])
    names = list(FACTS) if "--all" in sys.argv[2:] else QUICK
    print(f"litellm: {importlib.metadata.version('litellm')}")
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        runs = dict(zip(names, pool.map(lambda name: play(brownout, name), names)))
    failed = total = 0
    for name in names:
        for fact, holds in FACTS[name]:
            total += 1
            is_true = not isinstance(runs[name], str) and holds(runs[name])
            failed += not is_true
            if not is_true:
                print(f"  {name}: {fact}" + (f": {runs[name]}" if isinstance(runs[name], str) else ""))
    print(f"{total - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
