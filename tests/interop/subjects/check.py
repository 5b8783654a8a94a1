"""Does brownout say of each program in this folder what is true of it?

    check.py BROWNOUT FOLDER [--only NAME]... [--times N] [--at-a-time N] [--show]

BROWNOUT is the program, bin/brownout; FOLDER holds the environments that ../run makes: python,
python-litellm and node. README.md beside this file tells how subjects.json is read. --times repeats
the whole of it, to see that nothing depends on the day; --show prints the reports, too."""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE_S = 120


def copy_for_node(folder):
    """Node looks for modules beside the file."""
    for program in HERE.glob("*.mjs"):
        shutil.copy(program, folder / "node")


def command_of(subject, folder):
    if subject["with"] == "node":
        return ["node", folder / "node" / subject["file"]]
    return [folder / subject["with"] / "bin" / "python", HERE / subject["file"]]


def lines_of(path):
    """A file of evidence without its checkpoints."""
    lines = map(json.loads, path.read_text().splitlines())
    return [line for line in lines if "checkpoint" not in line]


class Result:
    """What a run of `brownout exec` came to."""

    def __init__(self, subject, brownout, folder):
        with tempfile.TemporaryDirectory() as place:
            self.process = subprocess.run(
                [brownout, "exec", HERE / subject["scenario"], *subject.get("options", []),
                 "--json", "--out", "results", "--", *command_of(subject, folder)],
                cwd=place, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore"})
            self.exit = self.process.returncode
            self.rows, self.attempts, self.report = [], [], ""
            for results in pathlib.Path(place, "results").glob("*/run.json"):
                run = json.loads(results.read_text())
                self.rows = run["laws"] + run["expectations"]
                calls = lines_of(results.parent / "calls.jsonl")
                self.attempts = [call["attempts"] for call in calls]
                self.report = (results.parent / "summary.txt").read_text()

    def names(self, verdict):
        return sorted(row["name"] for row in self.rows if row["verdict"] == verdict)

    def doubts(self):
        """Why rows could not be judged."""
        return [f"{row['name']} is inconclusive: {row['reason']}" for row in self.rows
                if row["verdict"] == "inconclusive"]


def differences(subject, result):
    """Between what is told of the program and what is true of it."""
    wrong = []
    if not result.rows:
        return [f"exit code {result.exit} and no results: {result.process.stderr.strip()[-300:]}"]
    if result.exit != subject["exit"]:
        wrong.append(f"exit code {result.exit}, expected {subject['exit']}")
    if result.names("fail") != sorted(subject["breaks"]):
        wrong.append(f"breaks {result.names('fail')}, expected {sorted(subject['breaks'])}")
    for name in set(subject["keeps"]) - set(result.names("pass")) - set(result.names("fail")):
        wrong.append(f"does not say whether {name} is kept")
    if result.attempts != subject["attempts"]:
        wrong.append(f"{result.attempts} attempts, expected {subject['attempts']}")
    if subject.get("rounds", "") not in result.report:
        wrong.append(f"the report does not say: {subject['rounds']}")
    return wrong + result.doubts()


def is_in_doubt(subject, result):
    """Inconclusive is no wrong answer, while it says why and all that was seen is true."""
    return (bool(result.doubts()) and all(row["reason"] for row in result.rows
                                         if row["verdict"] == "inconclusive")
            and result.exit in (98, subject["exit"])
            and set(result.names("fail")) <= set(subject["breaks"]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("brownout", type=os.path.abspath)
    parser.add_argument("folder", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--only", action="append")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--at-a-time", type=int, default=4)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    subjects = [subject for subject in json.loads((HERE / "subjects.json").read_text())
                if not options.only or subject["name"] in options.only]
    ends = collections.Counter()
    copy_for_node(options.folder)

    def run(subject):
        return subject, Result(subject, options.brownout, options.folder)

    with concurrent.futures.ThreadPoolExecutor(options.at_a_time) as pool:
        for subject, result in pool.map(run, subjects * options.times):
            if options.show:
                print(f"--- {subject['name']}\n{result.process.stdout}{result.report}")
            wrong = differences(subject, result)
            end = "passed" if not wrong else (
                "inconclusive" if is_in_doubt(subject, result) else "failed")
            ends[end] += 1
            for line in wrong:
                print(f"{subject['name']}: {line}", flush=True)
    print(f"{ends['passed']} passed, {ends['inconclusive']} inconclusive, {ends['failed']} failed")
    if ends["failed"] > 0:
        return 1
    return 98 if ends["inconclusive"] > 0 else 0


if __name__ == "__main__":
    sys.exit(main())
