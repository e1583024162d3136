"""Whole-process times of the commands a user types: `python benchmarks/command_times.py DEMO` (what `make demo` left).

Each command runs several times after a warm-up; the table gives the median of wall and processor seconds and the
largest resident memory, as the operating system accounts for a finished process. Below it: warm predictions within
one process, reading and predicting apart. Patches and reports go to a temporary folder.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from onephase.cohort.table import read_cohort
from onephase.inference.bundle import Bundle, load_bundle
from onephase.inference.cohort_prediction import case_of
from onephase.inference.predict import predict

ONEPHASE = (sys.executable, "-m", "onephase.cli")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("demo", type=Path)
    options.add_argument("--runs", type=int, default=5)
    chosen = options.parse_args()
    table, bundle = chosen.demo / "cohort" / "cohort.csv", chosen.demo / "bundle"
    record = read_cohort(table).records[0]
    with tempfile.TemporaryDirectory() as scratch:
        answer = ("--out", str(Path(scratch) / "answer"))
        commands = {
            "python -c pass": (sys.executable, "-c", "pass"),
            "onephase --help": (*ONEPHASE, "--help"),
            "onephase check, all headers": (*ONEPHASE, "check", str(table), "--no-write"),
            "onephase predict, page and JSON": (
                *(*ONEPHASE, "predict", str(bundle), str(record.image), "--mask", str(record.mask)),
                *answer,
            ),
        }
        print("| command | wall s | processor s | memory MiB |\n|---|---|---|---|")
        for name, command in commands.items():
            wall, processor, memory = _measured(command, runs=chosen.runs)
            print(f"| `{name}` | {wall:.2f} | {processor:.2f} | {memory:.0f} |")
    _warm(load_bundle(bundle), table, cases=20)


def _measured(command: tuple[str, ...], *, runs: int) -> tuple[float, float, float]:
    """Return median wall and processor seconds, and the largest memory in MiB."""
    wall, processor, memory = [], [], []
    for run in range(runs + 1):
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)} failed with exit code {process.returncode}")
        if run > 0:  # the first fills the file cache
            wall.append(time.perf_counter() - started)
            processor.append(used.ru_utime + used.ru_stime)
            memory.append(used.ru_maxrss / 1024)
    return statistics.median(wall), statistics.median(processor), max(memory)


def _warm(bundle: Bundle, table: Path, *, cases: int) -> None:
    reading, predicting = [], []
    for record in read_cohort(table).records[:cases]:
        started = time.perf_counter()
        case = case_of(record)
        read = time.perf_counter()
        predict(bundle, case)
        reading.append(read - started)
        predicting.append(time.perf_counter() - read)
    print(
        f"\nwarm, median of {cases} cases: {1e3 * statistics.median(reading):.0f} ms to read, "
        f"{1e3 * statistics.median(predicting):.0f} ms to prepare, run and read off"
    )


if __name__ == "__main__":
    main()
