"""A patch and the key of what it was made from belong together, even where a file changes while it is cut."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from onephase.biomarkers.panel import Events
from onephase.cohort import cutting as module
from onephase.cohort.cutting import CutPatch, cut_patch
from onephase.cohort.records import Record
from onephase.cohort.source_key import source_key
from onephase.imaging.case import Case
from onephase.imaging.patch import Patch
from onephase.imaging.preprocessing import prepare_patch
from onephase.settings import ImagingSettings, Settings

SMALL = Settings(imaging=ImagingSettings(patch_voxels=(8, 10, 12), spacing_mm=2.0))
SHAPE = (12, 20, 16)


def write(path: Path, array: np.ndarray) -> Path:
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), str(path))
    return path


def test_an_image_that_changes_while_it_is_cut_is_cut_again_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = np.zeros(SHAPE, dtype=np.uint8)
    inside[3:9, 5:14, 4:11] = 1
    grey = (np.random.default_rng(4).normal(100, 5, SHAPE) + 150 * inside).astype(np.float32)
    image, mask = write(tmp_path / "image.nii.gz", grey), write(tmp_path / "mask.nii.gz", inside)
    record = Record(case_id="c1", patient_id="p1", image=image, mask=mask, events=Events.unknown(1))
    before = source_key(record)

    def disturbed(case: Case, **settings: object) -> Patch:
        write(image, grey + 1)
        return prepare_patch(case, **settings)

    monkeypatch.setattr(module, "prepare_patch", disturbed)
    cut = cut_patch(record, settings=SMALL)
    assert isinstance(cut, CutPatch)
    assert cut.key == before
    assert cut.key != source_key(record)
