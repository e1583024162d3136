"""Bytes that were changed, lost or added at random: a case or one sentence, never another exception."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from onephase.errors import OnephaseError
from onephase.imaging.case import Box
from onephase.readers.case import read_case

BOX = Box((1.0, 5.0), (1.0, 4.0), (0.0, 3.0))
HEADER_BYTES = 1200


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        place, kind = int(rng.integers(min(len(changed), HEADER_BYTES))), int(rng.integers(3))
        if kind == 0:
            changed[place] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del changed[place : place + int(rng.integers(1, 9))]
        else:
            changed[place:place] = rng.bytes(3)
    return bytes(changed)


def answer(path: Path) -> str:
    try:
        read_case(path, case_id="0007", box=BOX)
    except OnephaseError as fault:
        return str(fault)
    return "read"


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_damaged_volume_is_one_sentence(tmp_path: Path, suffix: str):
    rng = np.random.default_rng(11)
    path = tmp_path / f"image{suffix}"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(rng.random((4, 5, 6), dtype=np.float32)), str(path))
    whole = path.read_bytes()
    for _ in range(40):
        path.write_bytes(damaged(whole, rng))
        assert "\n" not in answer(path)


def test_a_damaged_slice_is_one_sentence_without_the_patient(tmp_path: Path, series_writer):
    rng = np.random.default_rng(12)
    made = series_writer(tmp_path)
    path = made.files[0][1]
    whole = path.read_bytes()
    for _ in range(40):
        path.write_bytes(damaged(whole, rng))
        said = answer(tmp_path)
        assert "\n" not in said
        assert "CANARY" not in said
