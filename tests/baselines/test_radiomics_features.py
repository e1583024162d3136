from pathlib import Path

import numpy as np
import pytest

from onephase.baselines import radiomics_features as module
from onephase.baselines.ibsi import IbsiSettings, ibsi_features
from onephase.baselines.radiomics_features import MEASURING, radiomics_features
from onephase.biomarkers.panel import Events
from onephase.cohort.prepared import PreparedCohort, fingerprint_of
from onephase.cohort.records import Record
from onephase.errors import StorageError
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.imaging.geometry import Grid
from onephase.imaging.patch import Patch
from onephase.imaging.patches import open_store, writing
from onephase.imaging.yardsticks import Yardsticks
from onephase.settings import ImagingSettings, Settings

PATCH = (12, 14, 16)
SETTINGS = Settings(imaging=ImagingSettings(patch_voxels=PATCH, spacing_mm=2.0))
NUMBERS = np.zeros(len(DESCRIPTORS), dtype=np.float32)


def _prepared(folder: Path, cases: int, *, settings: Settings = SETTINGS) -> PreparedCohort:
    """Return a cohort in a folder, of balls that grow from case to case; what is there is added to."""
    where = np.stack(np.meshgrid(*(2.0 * (np.arange(size) - size / 2) for size in PATCH), indexing="ij"))
    frame = Grid.axial(PATCH, (2.0, 2.0, 2.0))
    with writing(folder, fingerprint=fingerprint_of(settings), patch_voxels=PATCH) as writer:
        for row in range(cases):
            if f"case {row}" not in writer:
                image = np.random.default_rng(row).normal(size=PATCH).astype(np.float32)
                distance = (np.linalg.norm(where, axis=0) - 6 - 0.5 * row).astype(np.float32)
                writer.add(
                    f"case {row}",
                    Patch(image, distance, Yardsticks.even(air=-3.0), NUMBERS, frame, "given", (), {}),
                    key=f"made {row}",
                )
    names = [f"case {row}" for row in range(cases)]
    records = [Record(case_id=name, patient_id=name, image=Path("x"), events=Events.unknown(1)) for name in names]
    return PreparedCohort(open_store(folder), tuple(records))


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Put two quick features in MIRP's place; the volume of each lesion that is measured is returned."""
    seen: list[float] = []

    def quick(image: np.ndarray, distance_mm: np.ndarray, *, settings: IbsiSettings) -> dict[str, float]:
        seen.append(float((distance_mm < 0).sum()))
        return {"tumour mean": float(image[distance_mm < 0].mean()), "shell missing": np.nan}

    monkeypatch.setattr(module, "ibsi_features", quick)
    monkeypatch.setattr(module, "mirp_version", lambda: "1.2.3")
    return seen


def test_features_are_measured_once_and_kept(tmp_path: Path, measured: list[float]) -> None:
    prepared = _prepared(tmp_path, 3)
    first = radiomics_features(prepared, prepared.records)
    assert first.names == ("tumour mean", "shell missing")
    assert len(measured) == 3
    expected = [np.asarray(prepared.store.image[row])[prepared.store.distance_mm[row] < 0].mean() for row in range(3)]
    assert first.values[:, 0] == pytest.approx(expected, rel=1e-3)
    again = radiomics_features(prepared, prepared.records[::-1])
    assert len(measured) == 3
    np.testing.assert_array_equal(again.values, first.values[::-1])
    assert len(list(tmp_path.glob("radiomics-*.npz"))) == 1


def test_a_case_that_is_new_or_changed_is_measured(tmp_path: Path, measured: list[float]) -> None:
    prepared = _prepared(tmp_path, 2)
    radiomics_features(prepared, prepared.records)
    more = _prepared(tmp_path, 3)
    radiomics_features(more, more.records)
    assert len(measured) == 3
    listing = tmp_path / "cases.jsonl"
    listing.write_text(listing.read_text().replace("made 1", "made anew"))
    changed = _prepared(tmp_path, 3)
    radiomics_features(changed, changed.records)
    assert len(measured) == 4


def test_what_was_measured_outlives_an_interruption(
    tmp_path: Path, measured: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_EVERY", 2)
    prepared = _prepared(tmp_path, 5)

    def broken_off(task: str, done: int, total: int) -> None:
        assert (task, total) == (MEASURING, 5)
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        radiomics_features(prepared, prepared.records, progress=broken_off)
    del measured[:]
    radiomics_features(prepared, prepared.records)
    assert len(measured) == 3


def test_another_version_or_setting_is_another_file(
    tmp_path: Path, measured: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = _prepared(tmp_path, 2)
    radiomics_features(prepared, prepared.records)
    monkeypatch.setattr(module, "mirp_version", lambda: "1.2.4")
    radiomics_features(prepared, prepared.records)
    assert len(measured) == 4
    assert len(list(tmp_path.glob("radiomics-*.npz"))) == 2


def test_a_broken_file_is_one_sentence(tmp_path: Path, measured: list[float]) -> None:
    prepared = _prepared(tmp_path, 2)
    radiomics_features(prepared, prepared.records)
    (kept,) = tmp_path.glob("radiomics-*.npz")
    whole = kept.read_bytes()
    for content in (b"", b"no archive", whole[: len(whole) // 2]):
        kept.write_bytes(content)
        with pytest.raises(StorageError, match=r"radiomics-\w+\.npz is no file of radiomics features: delete it"):
            radiomics_features(prepared, prepared.records)


def test_workers_measure_stored_patches_as_this_process_does(tmp_path: Path) -> None:
    pytest.importorskip("mirp", reason="the radiomics extra is not installed")
    prepared = _prepared(tmp_path, 2)
    table = radiomics_features(prepared, prepared.records, workers=2)
    store = prepared.store
    here = ibsi_features(
        np.array(store.image[1]), np.array(store.distance_mm[1]), settings=IbsiSettings.of_store(store)
    )
    assert table.names == tuple(here)
    assert table.values[1] == pytest.approx(list(here.values()), rel=1e-12, nan_ok=True)
    volume = dict(zip(table.names, table.values.T, strict=True))["tumour morph_vol_approx"]
    assert volume == pytest.approx((store.distance_mm[:] < 0).sum(axis=(1, 2, 3)) * 8.0)
