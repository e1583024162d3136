from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.biomarkers.panel import CELLS, Events  # noqa: E402
from onephase.cohort.prepared import PreparedCohort, fingerprint_of  # noqa: E402
from onephase.cohort.records import Record  # noqa: E402
from onephase.errors import StorageError, TrainingError  # noqa: E402
from onephase.imaging.descriptors import DESCRIPTORS  # noqa: E402
from onephase.imaging.patches import FILES, STORED, PatchStore, StoredCase  # noqa: E402
from onephase.learning.dataset import gather  # noqa: E402
from onephase.settings import Settings  # noqa: E402

pytestmark = pytest.mark.torch


def _cohort(folder: Path, settings: Settings, *, splits: tuple[str, ...], name: str) -> PreparedCohort:
    """A prepared cohort whose patch of case k holds the number k; the store's order is not that of the records."""
    folder.mkdir()
    cases = len(splits)
    numbers = np.arange(cases)[::-1, None]
    for part, file in FILES.items():
        of_a_case = len(DESCRIPTORS) if part == "descriptors" else int(np.prod(settings.imaging.patch_voxels))
        np.repeat(numbers, of_a_case, axis=1).astype(STORED[part]).tofile(folder / file)
    stored = tuple(StoredCase(f"{name} {cases - 1 - row}", row, "", "mask", (), {}) for row in range(cases))
    store = PatchStore(folder, fingerprint_of(settings), settings.imaging.patch_voxels, stored)
    records = tuple(
        Record(
            case_id=f"{name} {case}",
            patient_id=f"{name} {case}",
            image=Path("image.nii.gz"),
            events=Events(
                (np.arange(8) == case % 8)[None], np.array([[0.01 * case, 1.0]]), np.array([-1], dtype=np.int8)
            ),
            cohort=name,
            split=split,
        )
        for case, split in enumerate(splits)
    )
    return PreparedCohort(store, records)


@pytest.fixture
def settings(make_settings):
    return Settings.model_validate_json(make_settings().model_dump_json())


def test_patches_and_events_of_a_split_belong_together(tmp_path, settings):
    first = _cohort(tmp_path / "first", settings, splits=("train", "test", "train", "validation"), name="first")
    second = _cohort(tmp_path / "second", settings, splits=("test", "train"), name="second")
    dataset = gather([first, second], split="train", settings=settings)
    assert dataset.case_ids == ("first 0", "first 2", "second 1")
    assert dataset.image[:, 0, 0, 0].tolist() == [0, 2, 1]
    assert dataset.cells.nonzero().tolist() == [[0, 0], [1, 2], [2, 1]]
    np.testing.assert_allclose(dataset.ki67[:, 0], [0, 0.02, 0.01])
    batch = dataset.batch(torch.tensor([2, 0]))
    assert batch.image.shape == batch.distance_mm.shape == (2, 1, *settings.imaging.patch_voxels)
    assert batch.image.dtype == torch.float32
    assert batch.image[:, 0, 0, 0, 0].tolist() == [1, 0]
    assert batch.cells[0].nonzero().tolist() == [[1]]


def test_a_patient_is_one_under_every_name_that_sets_give_her(tmp_path, settings):
    """Folds and standard errors keep her lesions together."""
    first, second = (_cohort(tmp_path / name, settings, splits=("train",) * 2, name=name) for name in ("duke", "mama"))
    named = [replace(second.records[0], patient_id="Breast_MRI_000"), replace(second.records[1], patient_id="other")]
    dataset = gather([first, replace(second, records=tuple(named))], split="train", settings=settings)
    assert dataset.patients == ("duke 0", "duke 1", "duke 0", "other")


def test_an_empty_split_is_a_sentence(tmp_path, settings):
    cohort = _cohort(tmp_path / "cohort", settings, splits=("train",), name="cohort")
    with pytest.raises(TrainingError, match=r"no case of .*cohort is in the validation split: run onephase check"):
        gather([cohort], split="validation", settings=settings)


def test_patches_of_other_settings_are_refused(tmp_path, settings):
    cohort = _cohort(tmp_path / "cohort", settings, splits=("train",), name="cohort")
    other = settings.model_copy(update={"imaging": settings.imaging.model_copy(update={"spacing_mm": 2.0})})
    with pytest.raises(StorageError, match=r"was prepared with imaging.spacing_mm = 1.5, training has 2.0"):
        gather([cohort], split="train", settings=other)


def test_the_cell_order_is_that_of_the_panel():
    assert CELLS[6].tolist() == [True, True, False]
