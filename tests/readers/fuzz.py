"""Readers on broken forms of the real files: a case or one sentence, soon, within 2 GiB, and no other exception.

A process for one reader, so that what it takes of memory is its own:

    python tests/readers/fuzz.py READER INPUTS SEED DATA WORK

An input that is not answered as it should be is kept in WORK beside its seed, to become a test.
"""

import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mutation import Mutation, csv_cells, dicom_elements, header_lines, mutated, nifti_fields, zip_members

from onephase.cohort.table import read_cohort
from onephase.errors import OnephaseError
from onephase.imaging.case import Box
from onephase.readers.case import read_case

LONGEST_S = 5.0
LARGEST_KIB = 2 * 1024**2
BOX = Box((2.0, 8.0), (2.0, 8.0), (0.0, 3.0))
SERIES_SLICES = 4


@dataclass(frozen=True)
class Target:
    """What is broken, how, and who reads it.

    Attributes:
        file: The whole file, within the shared data.
        mutation: How its fields are changed.
        read: Takes the folder where the broken file lies, and the broken file.
        beside: Files that lie in the folder as they are.
    """

    file: str
    mutation: Mutation
    read: Callable[[Path, Path], object]
    beside: tuple[str, ...] = ()


def _image(folder: Path, broken: Path) -> object:
    return read_case(broken, case_id="fuzz", box=BOX)


def _folder(folder: Path, broken: Path) -> object:
    return read_case(folder, case_id="fuzz", box=BOX, phase=1)


def _mask(folder: Path, broken: Path) -> object:
    image = next(path for path in sorted(folder.iterdir()) if path != broken)
    return read_case(image, case_id="fuzz", mask=broken)


def _table(folder: Path, broken: Path) -> object:
    return read_cohort(broken)


UCSF = tuple(f"ucsf-br-06/dce/1-{number:03d}.dcm" for number in range(1, SERIES_SLICES + 1))
TARGETS = {
    "nifti": Target("ibsi/phantom.nii.gz", nifti_fields, _image),
    "nifti mask": Target("ibsi/mask.nii.gz", nifti_fields, _mask, ("ibsi/phantom.nii.gz",)),
    "nrrd": Target("breast1/breast1_image.nrrd", header_lines, _image),
    "nrrd mask": Target("breast1/breast1_label.nrrd", header_lines, _mask, ("breast1/breast1_image.nrrd",)),
    "dicom series": Target(UCSF[0], dicom_elements, _folder, UCSF[1:]),
    "dicom slice": Target(UCSF[-1], dicom_elements, _folder, UCSF[:-1]),  # read after others that it is like
    "enhanced dicom": Target("enhanced-mr/siemens-xa30-enhanced-gre.dcm", dicom_elements, _image),
    "dicom seg": Target(
        "ucsf-br-06/fibroglandular-seg/1-1.dcm", dicom_elements, _mask, ("breast1/breast1_image.nrrd",)
    ),
    "zip": Target(UCSF[0], zip_members, _image),
    "cohort table": Target("slices/ispy1/cases.csv", csv_cells, _table),
}
SUFFIXES = {"zip": ".zip"}


def run(name: str, inputs: int, seed: int, data: Path, work: Path) -> None:
    """Read broken inputs one after the other; what goes wrong is written to ``findings.txt`` in ``work``."""
    target = TARGETS[name]
    whole = data / target.file
    folder = work / "in"
    folder.mkdir()
    for beside in target.beside:
        shutil.copy(data / beside, folder)
    broken = folder / (whole.name + SUFFIXES.get(name, ""))
    _answer(target, folder, broken, whole.read_bytes())  # imports are no part of the first input's time
    for number in range(inputs):
        content = mutated(whole, np.random.default_rng([seed, number]), target.mutation)
        started = time.perf_counter()
        said = _answer(target, folder, broken, content)
        took = time.perf_counter() - started
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        wrong = said or (f"took {took:.1f} s" if took > LONGEST_S else "")
        if memory > LARGEST_KIB:
            wrong += f" took {memory / 1024**2:.1f} GiB"
        if wrong:
            kept = work / f"{number}{broken.suffix}"
            kept.write_bytes(content)
            with (work / "findings.txt").open("a") as findings:
                findings.write(f"{name}, seed {seed}, input {number}, kept as {kept}: {wrong}\n")
            if memory > LARGEST_KIB:
                return
    (work / "done").touch()


def _answer(target: Target, folder: Path, broken: Path, content: bytes) -> str:
    """Return what is wrong with the answer; empty where a case or one sentence came."""
    broken.write_bytes(content)

    def too_long(number: int, frame: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, 3 * LONGEST_S)
    try:
        target.read(folder, broken)
    except OnephaseError as fault:
        said = str(fault)
        return "" if said and "\n" not in said else f"not one sentence: {said!r}"
    except BaseException:  # noqa: BLE001 - whatever else it is, it is a finding
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return ""


if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        print("\n".join(TARGETS))
    else:
        run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))
