"""Whole-process times of the commands a user types: `python benchmarks/command_times.py DEMO` (what `make demo` left).

Each command runs several times after a warm-up; the table gives the median of wall and processor seconds and the
largest resident memory, as the operating system accounts for a finished process. Below it: warm predictions within
one process, reading and predicting apart. Patches and reports go to a temporary folder.
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AS_INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""What is installed has its bytecode: the warm-up writes it where it is stale."""
ONEPHASE = (sys.executable, "-m", "onephase.cli")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("demo", type=Path)
    options.add_argument("--runs", type=int, default=5)
    chosen = options.parse_args()
    table, bundle = chosen.demo / "cohort" / "cohort.csv", chosen.demo / "bundle"
    with table.open(encoding="utf-8", newline="") as stream:  # heavy imports here would count as each child's memory
        row = next(csv.DictReader(stream))
    image, mask = str(table.parent / row["image"]), str(table.parent / row["mask"])
    with tempfile.TemporaryDirectory() as scratch:
        answer, store = str(Path(scratch) / "answer"), str(Path(scratch) / "store")
        commands = {
            "python -c pass": (sys.executable, "-c", "pass"),
            "onephase --help": (*ONEPHASE, "--help"),
            "onephase check, all headers": (*ONEPHASE, "check", str(table), "--no-write"),
            "onephase predict, page and JSON": (
                *(*ONEPHASE, "predict", str(bundle), image, "--mask", mask, "--out", answer),
            ),
        }
        print("| command | wall s | processor s | memory MiB |\n|---|---|---|---|")
        for name, command in commands.items():
            print(_row(name, *_measured(command, runs=chosen.runs, warm_up=True)), flush=True)
        prepare = (*ONEPHASE, "prepare", str(table), "--out", store, "--workers", "1")
        print(_row("onephase prepare, one worker", *_measured(prepare, runs=1, warm_up=False)))
    _warm(bundle, table, cases=20)


def _row(name: str, wall: float, processor: float, memory: float) -> str:
    return f"| `{name}` | {wall:.2f} | {processor:.2f} | {memory:.0f} |"


def _measured(command: tuple[str, ...], *, runs: int, warm_up: bool) -> tuple[float, float, float]:
    """Return median wall and processor seconds, and the largest memory in MiB."""
    if warm_up:  # fills the file cache
        _run(command)
    wall, processor, memory = zip(*(_run(command) for _ in range(runs)), strict=True)
    return statistics.median(wall), statistics.median(processor), max(memory)


def _run(command: tuple[str, ...]) -> tuple[float, float, float]:
    started = time.perf_counter()
    process = subprocess.Popen(command, env=AS_INSTALLED, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} failed with exit code {process.returncode}")
    return time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _warm(folder: Path, table: Path, *, cases: int) -> None:
    from onephase.cohort.case_of import case_of
    from onephase.cohort.table import read_cohort
    from onephase.inference.bundle import load_bundle
    from onephase.inference.predict import predict

    bundle, reading, predicting = load_bundle(folder), [], []
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
