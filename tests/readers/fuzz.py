"""Readers on broken forms of the real files: a case or one sentence, soon, within 2 GiB, and no other exception.

    python tests/readers/fuzz.py INPUTS SEED DATA WORK [--readers NAME ...] [--jobs NUMBER]

Each reader has a process of its own, so that what it takes of memory is its own, and the readers take turns. Most
inputs are broken small forms of the files, one in a hundred is a whole file. How far each has come stands in WORK: the
same command goes on there. An input that is not answered as it should be is kept there, to become a test.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np
from fuzz_rounds import Plan, rounds
from fuzz_tally import Tally, add_finding, opened
from fuzz_targets import TARGETS, Form, Target, laid_out
from mutation import mutated

from onephase.errors import OnephaseError

LONGEST_S = 5.0
LARGEST_KIB = 2 * 1024**2
WHOLE_SHARE = 0.01


class TooLong(BaseException):
    """An input has been computed on for too long; no reader takes this for a damaged file."""


def read_broken(name: str, plan: Plan, *, until: int) -> None:
    """Read the inputs of one reader one after the other, from where it stopped."""
    target = TARGETS[name]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch, Watch(plan.work_of(name)) as watch:
        small, whole = (read_unbroken(target, plan.data, Path(scratch) / str(few), small=few) for few in (True, False))
        tally = watch.tally
        while tally.done < until and tally.largest_mib * 1024 <= LARGEST_KIB:
            rng = np.random.default_rng([plan.seed, tally.done])
            form = whole if rng.random() < WHOLE_SHARE else small
            watch.read(target, form, mutated(form.content, rng, target.mutation))


class Watch:
    """Reads one input after the other and looks at each answer; findings go to ``findings.txt``.

    Args:
        work: Where findings go, and how far it has come.
    """

    def __init__(self, work: Path) -> None:
        self.work, self.tally = work, Tally.of(work)

    def __enter__(self) -> Self:
        signal.signal(signal.SIGPROF, _too_long)
        self._stream = opened(self.work)
        Path("/proc/self/clear_refs").write_text("5")  # other tests of this process may have taken more before
        self._before = _kib("VmRSS")
        self._started = time.perf_counter() - self.tally.seconds
        self._processor = time.process_time() - self.tally.processor_s
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def read(self, target: Target, form: Form, content: bytes) -> None:
        """Read an input, and write down at once how far it has come, so that a crash says in which input it was."""
        _read_one(target, form, content, tally=self.tally, work=self.work, before=self._before)
        self.tally.seconds = time.perf_counter() - self._started
        self.tally.processor_s = time.process_time() - self._processor
        self.tally.write(self._stream)


def read_unbroken(target: Target, data: Path, folder: Path, *, small: bool) -> Form:
    """Lay files out and read them as they are: what is refused whole would tell little when it is broken."""
    form = laid_out(target, data, folder, small=small)
    form.broken.write_bytes(form.content)
    target.read(form.folder, form.broken)
    return form


def _kib(what: str) -> int:
    """Return what this process takes of memory (``VmRSS``), or took at most since that was forgotten (``VmHWM``)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{what}:")).split()[1])


def _read_one(target: Target, form: Form, content: bytes, *, tally: Tally, work: Path, before: int) -> None:
    started = time.process_time()  # on a busy machine the clock tells little
    said = _answer(target, form, content)
    took = time.process_time() - started
    memory = _kib("VmHWM") - before
    wrong = said or (f"took {took:.1f} s" if took > LONGEST_S else "")
    if memory > LARGEST_KIB:
        wrong += f" took {memory / 1024**2:.1f} GiB"
    if wrong:
        kept = work / f"{tally.done}{form.broken.suffix}"
        kept.write_bytes(content)
        add_finding(work, f"input {tally.done}, kept as {kept}: {wrong}")
        tally.findings += 1
    if took > tally.slowest_s:
        tally.slowest_s, tally.slowest = took, tally.done
    tally.largest_mib = max(tally.largest_mib, memory / 1024)
    tally.done += 1


def _answer(target: Target, form: Form, content: bytes) -> str:
    """Return what is wrong with the answer; empty where a case or one sentence came."""
    form.broken.write_bytes(content)
    signal.setitimer(signal.ITIMER_PROF, 3 * LONGEST_S)
    try:
        target.read(form.folder, form.broken)
    except OnephaseError as fault:
        said = str(fault)
        return "" if said and "\n" not in said else f"not one sentence: {said!r}"
    except (Exception, TooLong):  # noqa: BLE001 - whatever else it is, it is a finding
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return ""


def _too_long(number: int, frame: object) -> None:
    raise TooLong


def main(read: Callable[..., None], *, program: str, doc: str | None) -> int:
    """Read what the command line asks for; 1 where something was found.

    Args:
        read: Reads the inputs of one reader up to a number.
        program: The file that is run again for each turn of a reader.
        doc: What ``--help`` says.
    """
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("inputs", type=int, help="how many inputs each reader gets in all")
    parser.add_argument("seed", type=int)
    parser.add_argument("data", type=Path, help="the shared data")
    parser.add_argument("work", type=Path, help="where findings and tallies go")
    parser.add_argument("--readers", nargs="+", choices=[*TARGETS], default=[*TARGETS])
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes at a time")
    parser.add_argument("--until", type=int, help=argparse.SUPPRESS)  # one turn of each reader, in this process
    given = parser.parse_args()
    plan = Plan(given.inputs, given.seed, given.data, given.work, Path(program))
    if given.until is not None:
        for name in given.readers:
            read(name, plan, until=given.until)
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        rounds(plan, given.readers, jobs=given.jobs)
    print(plan.table(given.readers))
    return int(any(Tally.of(plan.work_of(name)).findings for name in given.readers))


if __name__ == "__main__":
    sys.exit(main(read_broken, program=__file__, doc=__doc__))
