"""The short form of `make fuzz`: each reader on a few broken forms of a real file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).with_name("fuzz.py")
INPUTS = os.environ.get("ONEPHASE_FUZZ_INPUTS", "30")
SEED = os.environ.get("ONEPHASE_FUZZ_SEED", "1")
READERS = (
    *("nifti", "nifti mask", "nrrd", "nrrd mask", "dicom series", "dicom slice", "enhanced dicom", "dicom seg", "zip"),
    "cohort table",
)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(FUZZ), *arguments], capture_output=True, text=True, check=False)


def test_every_reader_has_its_turn():
    assert tuple(_run("--list").stdout.splitlines()) == READERS


@pytest.mark.parametrize("reader", READERS)
def test_broken_files_are_a_case_or_one_sentence(reader: str, shared_data: Path, tmp_path: Path):
    done = _run(reader, INPUTS, SEED, str(shared_data), str(tmp_path))
    findings = tmp_path / "findings.txt"
    assert not findings.exists(), findings.read_text()
    assert (tmp_path / "done").exists(), f"the process ended with {done.returncode}: {done.stderr[-2000:]}"
