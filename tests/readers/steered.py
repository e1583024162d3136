"""Readers on broken forms that are steered by what they reach: an input that leads to new code is kept and broken on.

    python tests/readers/steered.py INPUTS SEED DATA WORK [--readers NAME ...] [--jobs NUMBER]

What fuzz.py does, by atheris (libFuzzer): half of the inputs are changed by fields of their format, half by bytes that
libFuzzer chooses, and all come from the small form or from what was kept of it. What is kept lies in WORK, so that the
same command goes on with it.
"""

import io
import sys
import tempfile
from contextlib import redirect_stderr, suppress
from pathlib import Path

import atheris
import numpy as np

INSTRUMENTED = ["onephase"]

with redirect_stderr(io.StringIO()), atheris.instrument_imports(include=INSTRUMENTED):  # it says so of each module
    from fuzz import Watch, main, read_unbroken
    from fuzz_rounds import Plan
    from fuzz_targets import TARGETS, Target

LONGEST = 2  # times the small form
OURS = 0.5
QUIET = ("-verbosity=0", "-print_final_stats=0")
SIGNALS = tuple(f"-handle_{name}=0" for name in ("int", "term", "segv", "abrt", "bus", "fpe", "ill"))  # fuzz.py says
LIMITS = ("-rss_limit_mb=0", "-timeout=100000")  # and looks after these too
ALONE = "-reload=0"  # nobody else keeps inputs there: looking for them anew each second would read some twice


def read_steered(name: str, plan: Plan, *, until: int) -> None:
    """Read the inputs of one reader, from where it stopped; the process ends with the last."""
    target, work = TARGETS[name], plan.work_of(name)
    kept = work / "kept"
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch, Watch(work) as watch:
        with atheris.instrument_imports(include=INSTRUMENTED):  # what is imported when it is needed
            form = read_unbroken(target, plan.data, Path(scratch) / "form", small=True)
        (kept / "unbroken").write_bytes(form.content)
        seed, runs, longest = plan.seed + watch.tally.done, until - watch.tally.done, LONGEST * len(form.content)
        options = [f"-seed={seed}", f"-runs={runs}", f"-max_len={longest}", *QUIET, *SIGNALS, *LIMITS, ALONE]
        atheris.Setup(
            [str(plan.program), *options, str(kept)],
            lambda content: watch.read(target, form, content),
            custom_mutator=lambda content, most, number: changed(target, bytes(content), most=most, seed=number),
        )
        atheris.Fuzz()


def changed(target: Target, content: bytes, *, most: int, seed: int) -> bytes:
    """Return an input made of another: by its format's fields where it still has any, else by libFuzzer."""
    rng = np.random.default_rng(seed)
    if rng.random() < OURS:
        with suppress(Exception):  # what is broken may have no fields left to change
            return target.mutation(content, rng)[:most]
    return bytes(atheris.Mutate(content, most))


if __name__ == "__main__":
    sys.exit(main(read_steered, program=__file__, doc=__doc__))
