"""Readers take turns: a round of inputs for each, every turn a process of its own that is watched from here."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz_tally import Tally, add_finding

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - where a file costs no disk; a folder of our own is made in it
ROUND = 5000
LOOKS_S = 10.0
HANGS_S = 60.0  # of computing: beyond this no alarm within the process has helped
STOPPED = {signal.SIGINT, signal.SIGTERM}  # by somebody, and not by the input
HEADS = ("reader", "inputs", "findings", "seconds", "processor s", "slowest s", "largest MiB")


@dataclass(frozen=True)
class Plan:
    """What is read.

    Attributes:
        inputs: How many broken inputs each reader gets.
        seed: Of the inputs.
        data: The shared data.
        work: Where tallies and findings go, a folder for each reader.
        program: Reads one turn of one reader.
    """

    inputs: int
    seed: int
    data: Path
    work: Path
    program: Path

    def work_of(self, reader: str) -> Path:
        """Return the folder of a reader."""
        return self.work / reader.replace(" ", "_")

    def left_s(self, readers: Sequence[str]) -> float:
        """Return how long the rest takes by what an input has taken of each reader; of others by the mean of these."""
        tallies = [Tally.of(self.work_of(reader)) for reader in readers]
        begun = [tally.seconds / tally.done for tally in tallies if tally.done]
        usual = sum(begun) / max(1, len(begun))
        return sum(
            (self.inputs - tally.done) * (tally.seconds / tally.done if tally.done else usual) for tally in tallies
        )

    def table(self, readers: Sequence[str]) -> str:
        """Return what came of it, a line for each reader."""
        rows = [HEADS]
        for reader in readers:
            one = Tally.of(self.work_of(reader))
            figures = f"{one.seconds:.0f}", f"{one.processor_s:.0f}", f"{one.slowest_s:.2f}", f"{one.largest_mib:.0f}"
            rows.append((reader, f"{one.done:,}", str(one.findings), *figures))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows)


def rounds(plan: Plan, readers: Sequence[str], *, jobs: int) -> None:
    """Let readers take turns until each has read all its inputs; say after each turn how far it is."""
    started = time.monotonic()
    with ThreadPoolExecutor(jobs) as threads:
        for until in [*range(ROUND, plan.inputs, ROUND), plan.inputs]:
            for reader in threads.map(partial(_turn, plan, until=until), readers):
                tally = Tally.of(plan.work_of(reader))
                gone, left = time.monotonic() - started, plan.left_s(readers) / jobs
                print(
                    f"{reader}: {tally.done:,} of {plan.inputs:,}, {tally.findings} findings; "
                    f"{_clock(gone)} gone, about {_clock(left)} left",
                    flush=True,
                )


def _turn(plan: Plan, reader: str, *, until: int) -> str:
    """Let a reader read up to an input; a process that crashes or hangs is a finding, and the next goes on behind."""
    work = plan.work_of(reader)
    work.mkdir(parents=True, exist_ok=True)
    while Tally.of(work).done < until:
        numbers = map(str, (plan.inputs, plan.seed))
        command = [sys.executable, str(plan.program), *numbers, str(plan.data), str(plan.work), "--readers", reader]
        place = IN_MEMORY if IN_MEMORY.is_dir() else None
        with (work / "said.txt").open("w") as said, TemporaryDirectory(prefix="fuzz-", dir=place) as scratch:
            surroundings = os.environ | {
                "TMPDIR": scratch
            }  # removed here, for a process that is killed removes nothing
            process = subprocess.Popen([*command, "--until", str(until)], stdout=said, stderr=said, env=surroundings)
            ended = _watched(process, work)
        if ended > 0:
            message = f"{reader}: the process ended with {ended}: {(work / 'said.txt').read_text()[-2000:]}"
            raise RuntimeError(message)
        if -ended in STOPPED:
            raise KeyboardInterrupt
        if ended < 0:
            tally = Tally.of(work)
            add_finding(work, f"input {tally.done}: the process was ended by signal {-ended}")
            tally.done, tally.findings = tally.done + 1, tally.findings + 1
            tally.store(work)
    return reader


def _watched(process: subprocess.Popen[bytes], work: Path) -> int:
    """Return how a process ended; it is killed where it computes and its tally stands still."""
    before, since_s = -1, 0.0
    while True:
        try:
            return process.wait(LOOKS_S)
        except subprocess.TimeoutExpired:
            now, used_s = Tally.of(work).done, _processor_s(process.pid)
            if now != before:
                before, since_s = now, used_s
            elif used_s - since_s > HANGS_S:
                process.kill()


def _processor_s(pid: int) -> float:
    """Return how long a process has computed: on a busy machine the clock tells little."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()  # proc(5): utime, stime
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _clock(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02d}"
