"""How long an import takes, and how long the second of the same files: the NACT pilot's layout and Duke's.

Lays out so many patients from one real case of the NACT pilot by hard links: 180 files of three phases and a
segmentation each, or, as Duke has it, two series of 60 files each, a path mapping, clinical data and boxes. Files are
in the cache after the first run, as after a download. Prints seconds on the clock and of the processor.

    python benchmarks/import_speed.py UCSF-BR-06 --patients 60
"""

import argparse
import csv
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PHASE = 60  # slices of a phase of the real case
MAPPING = "Breast-Cancer-MRI-filepath_filename-mapping.csv"
CLINICAL = ("Patient ID", "ER", "PR", "HER2", "Mol Subtype")
BOX = ("Patient ID", "Start Row", "End Row", "Start Column", "End Column", "Start Slice", "End Slice")
SIDES = ("73", "196", "41", "148", "10", "51")  # the volume of interest of the real case, counted from 1
MAPPED = ("original_path_and_filename", "classic_path", "descriptive_path")


def nact_pilot(case: Path, folder: Path, *, patients: int) -> None:
    """Lay out the NACT pilot."""
    for number in range(1, patients + 1):
        study = folder / f"UCSF-BR-{number:02d}" / "study"
        for series in ("dce", "fibroglandular-seg"):
            _link(sorted((case / series).glob("*.dcm")), study / series)


def duke(case: Path, folder: Path, *, patients: int) -> None:
    """Lay out Duke, with one box for all."""
    files = sorted((case / "dce").glob("*.dcm"))
    clinical, boxes, mapping = [("",) * len(CLINICAL), CLINICAL, ("",) * len(CLINICAL)], [BOX], [MAPPED]
    for number in range(1, patients + 1):
        patient = f"Breast_MRI_{number:03d}"
        clinical.append((patient, "1", "1", "0", "0"))
        boxes.append((patient, *SIDES))
        for phase, sequence in enumerate(("pre", "post_1")):
            series = folder / patient / "study" / sequence
            _link(files[phase * PHASE : (phase + 1) * PHASE], series)
            for place in range(1, PHASE + 1):
                original = f"DICOM_Images/{patient}/{sequence}/{patient}_{sequence}_{place:03d}.dcm"
                path = f"Duke-Breast-Cancer-MRI/{patient}/study/{sequence}/1-{place:03d}.dcm"
                mapping.append((original, path, path))
    tables: dict[str, Sequence[tuple[str, ...]]]
    tables = {"Clinical_and_Other_Features.csv": clinical, "Annotation_Boxes.csv": boxes, MAPPING: mapping}
    for name, rows in tables.items():
        with (folder / name).open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows(rows)


LAYOUTS: dict[str, Callable[..., None]] = {"nact-pilot": nact_pilot, "duke": duke}


def _link(files: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, path in enumerate(files, start=1):
        to = folder / f"1-{number:03d}.dcm"
        try:
            os.link(path, to)
        except OSError:  # on another disk
            shutil.copyfile(path, to)


def timed(command: Sequence[Any]) -> tuple[float, float, str]:
    """Run a command; return its seconds on the clock and of the processor, and what it said last."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True)
    clock, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    return clock, used, (done.stdout + done.stderr).strip().splitlines()[0]


def main() -> None:
    """Import each layout three times: anew, again, and once more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", type=Path, help="folder of UCSF-BR-06, with dce/ and fibroglandular-seg/")
    parser.add_argument("--patients", type=int, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for source, lay_out in LAYOUTS.items():
            folder, out = Path(name) / source, Path(name) / f"{source}-out" / "cohort.csv"
            folder.mkdir()
            lay_out(given.case, folder, patients=given.patients)
            out.parent.mkdir()
            before = b""
            for run in ("first", "second", "third"):
                command = [Path(sys.executable).with_name("onephase"), "import", source, folder, "--out", out]
                clock, used, said = timed(command)
                table = out.read_bytes() if out.exists() else b""
                same = "" if run == "first" else (", the same bytes" if table == before else ", OTHER BYTES")
                print(f"{source}, {run}: {clock:.2f} s, processor {used:.2f} s{same}; {said}", flush=True)
                before = table


if __name__ == "__main__":
    main()
