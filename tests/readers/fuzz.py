"""Readers on broken forms of the real files: a case or one sentence, soon, within 2 GiB, and no other exception.

    python tests/readers/fuzz.py INPUTS SEED DATA WORK [--readers NAME ...] [--jobs NUMBER]

Each reader has a process of its own, so that what it takes of memory is its own, and the readers take turns. Most
inputs are broken small forms of the files, one in a hundred is a whole file. How far each has come stands in WORK: the
same command goes on there. An input that is not answered as it should be is kept there, to become a test.
"""

import argparse
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path

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
    """Read the inputs of one reader one after the other, from where it stopped; findings go to ``findings.txt``."""
    target, work = TARGETS[name], plan.work_of(name)
    tally = Tally.of(work)
    signal.signal(signal.SIGPROF, _too_long)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch, opened(work) as stream:
        small, whole = (_read_unbroken(target, plan.data, Path(scratch) / str(few), small=few) for few in (True, False))
        started, processor = time.perf_counter() - tally.seconds, time.process_time() - tally.processor_s
        while tally.done < until and tally.largest_mib * 1024 <= LARGEST_KIB:
            tally.write(stream)  # before the input is read, so that a crash says in which
            rng = np.random.default_rng([plan.seed, tally.done])
            form = whole if rng.random() < WHOLE_SHARE else small
            _read_one(target, form, mutated(form.content, rng, target.mutation), tally=tally, work=work)
            tally.seconds, tally.processor_s = time.perf_counter() - started, time.process_time() - processor
        tally.write(stream)


def _read_unbroken(target: Target, data: Path, folder: Path, *, small: bool) -> Form:
    """Lay files out and read them as they are: what is refused whole would tell little when it is broken."""
    form = laid_out(target, data, folder, small=small)
    form.broken.write_bytes(form.content)
    target.read(form.folder, form.broken)
    return form


def _read_one(target: Target, form: Form, content: bytes, *, tally: Tally, work: Path) -> None:
    started = time.process_time()  # on a busy machine the clock tells little
    said = _answer(target, form, content)
    took = time.process_time() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
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


def main() -> int:
    """Read what the command line asks for; 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("inputs", type=int, help="how many inputs each reader gets in all")
    parser.add_argument("seed", type=int)
    parser.add_argument("data", type=Path, help="the shared data")
    parser.add_argument("work", type=Path, help="where findings and tallies go")
    parser.add_argument("--readers", nargs="+", choices=[*TARGETS], default=[*TARGETS])
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes at a time")
    parser.add_argument("--until", type=int, help=argparse.SUPPRESS)  # one turn of one reader, in this process
    given = parser.parse_args()
    plan = Plan(given.inputs, given.seed, given.data, given.work)
    if given.until is not None:
        read_broken(given.readers[0], plan, until=given.until)
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        rounds(plan, given.readers, jobs=given.jobs)
    print(plan.table(given.readers))
    return int(any(Tally.of(plan.work_of(name)).findings for name in given.readers))


if __name__ == "__main__":
    sys.exit(main())
