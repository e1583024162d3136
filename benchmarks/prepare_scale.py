"""Time and memory of preparing many small cases: linear and flat, or not.

Writes cohorts of so many volumes of 24 x 24 x 24 voxels with a bright ball each (four volumes under many names, by
hard links), prepares each cohort in a process of its own, and prints as it goes seconds and the greatest memory of the
leader; at the end that of any worker, and processor time.
Run it with ``python benchmarks/prepare_scale.py 1000 10000 --workers 2``.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from onephase.imaging.geometry import Grid
from onephase.writers.volume_file import write_array

SIDE = 24
DIFFERENT = 4
SETTINGS = "[imaging]\nspacing_mm = 2.0\npatch_voxels = [12, 12, 12]\n"
LEADER = """
import resource, sys, time
from pathlib import Path
from onephase.cohort.preparation import prepare
from onephase.settings import parse_settings

if __name__ == "__main__":
    started = time.perf_counter()

    def note(task, done, total):
        if task == "preparing" and done and done % max(1, total // 10) == 0:
            taken, peak = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"  {done:7d} prepared after {taken:6.1f} s, leader {peak:5.0f} MiB", flush=True)

    settings = parse_settings(sys.argv[3], source="benchmark")
    prepare([Path(sys.argv[1])], Path(sys.argv[2]), settings, workers=int(sys.argv[4]), progress=note)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    processor = sum(one.ru_utime + one.ru_stime for one in used)
    print(f"  worker {used[1].ru_maxrss / 1024:.0f} MiB, processor {processor:.0f} s of all")
"""


def write_cohort(folder: Path, *, cases: int) -> Path:
    """Write a cohort table and its volumes."""
    rng = np.random.default_rng(1)
    grid = Grid.axial((SIDE,) * 3, (1.0,) * 3, origin_mm=(0.0,) * 3)
    axes = np.meshgrid(*[np.arange(SIDE) - SIDE / 2] * 3, indexing="ij")
    ball = sum(axis**2 for axis in axes) < 30
    rows = ["case_id,image,mask,er"]
    write_array(folder / "mask.nii.gz", ball.astype(np.uint8), grid)
    for number in range(cases):
        path = folder / f"{number}.nii.gz"
        if number < DIFFERENT:
            write_array(path, (rng.normal(100, 5, ball.shape) + 150 * ball).astype(np.float32), grid)
        else:
            os.link(folder / f"{number % DIFFERENT}.nii.gz", path)
        rows.append(f"c{number},{path.name},mask.nii.gz,{number % 2}")
    (folder / "cohort.csv").write_text("\n".join(rows) + "\n")
    return folder / "cohort.csv"


def main() -> None:
    """Prepare each cohort, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=int, nargs="+", help="sizes of the cohorts")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    arguments = parser.parse_args()
    for cases in arguments.cases:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "leader.py").write_text(LEADER)
            table = write_cohort(folder, cases=cases)
            command = [
                sys.executable,
                *map(str, (folder / "leader.py", table, folder / "store", SETTINGS, arguments.workers)),
            ]
            print(f"{cases} cases, {arguments.workers} workers", flush=True)
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
