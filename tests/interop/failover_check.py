"""Do clients behave under the sixteen faults of Failover Bench as its published table says?

    failover_check.py BROWNOUT FOLDER [ONLY...]     FOLDER holds the gateway's node_modules

Each cell of the table is one `brownout exec` of a scenario in scenarios/failover: how often primary and backup
were asked is counted in the mock's journal, how the call ended is what the client told. A difference passes
when failover/explained.json says why. ONLY names cells: S08, langchain, S08/langchain."""

import concurrent.futures
import csv
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).parent / "failover"
SCENARIOS = HERE.parents[2] / "scenarios/failover"
AT_A_TIME = 6
WORDS = 64  # of a whole answer
PATIENCE = 120
ADVICE_KEPT = 1.8  # the bench's own bound for a Retry-After of 2 s
FLAP_SECONDS, FLAP_CALLS, FLAP_EVERY, FLAP_BACK = 15, 20, 1, 7.5  # S15: a quarter of the bench's times


def published_end(row):
    """`answer`, `half` or `error`, from the table's verdict."""
    if row["truncated_as_success"] == "yes":
        return "half"
    if row["scenario"] == "S13":  # where an error is what is wanted
        return "error" if row["verdict"] == "pass" else "answer"
    return "answer" if row["verdict"] in ("pass", "partial") else "error"


def published(row):
    if row["scenario"] == "S15":
        served, asked = row["served_in_outage"].split("/")
        return {"served": "all" if served == asked else f"{served} of them" if served != "0" else "none", "back": True}
    facts = {"primary": int(row["attempts_primary"]), "backup": int(row["attempts_fallback"]), "end": published_end(row)}
    if row["scenario"] == "S01" and facts["primary"] > 1:
        facts["advice"] = "kept" if float(row["first_gap_s"]) >= ADVICE_KEPT else "not kept"
    return facts


def end_of(call):
    if not call["ok"]:
        return "error"
    return "answer" if call["words"] == WORDS else "half"


def observed_flap(calls):
    """Calls that began and ended while the primary was down, and how soon it answered one that began later."""
    down = [call for call in calls if call["at"] + call["seconds"] < FLAP_SECONDS]
    served = sum(end_of(call) == "answer" for call in down)
    home = [call["at"] - FLAP_SECONDS for call in calls
            if call["at"] >= FLAP_SECONDS and end_of(call) == "answer" and call["model"] == "primary-model"]
    return {"served": "all" if down and served == len(down) else f"{served} of them" if served else "none",
            "back": bool(home) and home[0] <= FLAP_BACK}


def observed(row, calls, journal):
    if row["scenario"] == "S15":
        return observed_flap(calls)
    asked = [record for record in journal if record["provider"] == "openai"]
    facts = {"primary": len(asked), "backup": sum(record["provider"] == "backup" for record in journal),
             "end": end_of(calls[0])}
    if row["scenario"] == "S01" and len(asked) > 1:
        gap = (asked[1]["head_in_at"] - asked[0]["head_in_at"]) / 1e9
        facts["advice"] = "kept" if gap >= ADVICE_KEPT else "not kept"
    return facts


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def play(brownout, row, gateway):
    """What the client did: facts, or a sentence on why there are none."""
    count, every = (FLAP_CALLS, FLAP_EVERY) if row["scenario"] == "S15" else (1, 0)
    with tempfile.TemporaryDirectory() as folder:
        told = pathlib.Path(folder, "told.jsonl")
        environment = {**os.environ, "FAILOVER_TOLD": str(told), "FAILOVER_GATEWAY": gateway or "",
                       "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [brownout, "exec", SCENARIOS / f"{row['scenario']}.jsonc", "--quiet", "--out", folder, "--",
             sys.executable, HERE / "client.py", row["system"], str(count), str(every)],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
        journals = list(pathlib.Path(folder).glob("*/journal.jsonl"))
        if not told.exists() or len(journals) != 1:
            return f"exit code {done.returncode}: {done.stderr.strip()[-300:]}"
        journal = [record for record in read_lines(journals[0]) if record.get("kind", "generate") == "generate"
                   and "provider" in record]
        return observed(row, read_lines(told), journal)


class Gateway:
    """Portkey's, on loopback, for all of its cells."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/v1"
        self.process = subprocess.Popen(
            ["node", "--import", (HERE / "loopback.mjs").as_uri(),
             pathlib.Path(folder, "node_modules/@portkey-ai/gateway/build/start-server.js"), "--headless", f"--port={port}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise SystemExit("the gateway does not answer")

    def stop(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def is_wanted(row, only):
    names = {row["scenario"], row["system"], f"{row['scenario']}/{row['system']}"}
    return not only or bool(names & set(only))


def complaints(row, facts, explained):
    """A line for each fact that differs, and for each explanation of what does not."""
    if isinstance(facts, str):
        return [facts]
    wrong = []
    for fact, wanted in published(row).items():
        why = explained.pop((row["scenario"], row["system"], fact), None)
        if facts.get(fact) == (why["observed"] if why else wanted):
            continue
        wrong.append(f"{fact}: {facts.get(fact)}, published {wanted}" + (f", explained {why['observed']}" if why else ""))
    return wrong


def main():
    brownout, folder, only = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]
    with (HERE / "scorecard_2026-09-12_a.csv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table) if is_wanted(row, only)]
    rows.sort(key=lambda row: (row["scenario"] not in ("S15", "S06"), row["system"] != "litellm-router"))  # the longest first
    explained = {(one["scenario"], one["system"], one["fact"]): one
                 for one in json.loads((HERE / "explained.json").read_text())}
    gateway = Gateway(folder) if any(row["system"] == "portkey-gateway" for row in rows) else None
    try:
        with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
            results = list(pool.map(lambda row: play(brownout, row, gateway.url if gateway else None), rows))
    finally:
        if gateway:
            gateway.stop()
    failed = 0
    for row, facts in sorted(zip(rows, results), key=lambda pair: (pair[0]["system"], pair[0]["scenario"])):
        wrong = complaints(row, facts, explained)
        failed += bool(wrong)
        for line in wrong:
            print(f"  {row['scenario']} {row['system']}: {line}")
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
