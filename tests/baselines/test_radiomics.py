from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from onephase.baselines import boosting, inner_folds, radiomics, selected_panel
from onephase.baselines.geometry import NAMES as GEOMETRY_NAMES
from onephase.baselines.radiomics import (
    lesion_features,
    radiomics_boosted,
    radiomics_boosted_harmonised,
    radiomics_ridge,
    radiomics_ridge_harmonised,
)
from onephase.baselines.radiomics_features import FeatureTable
from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.cohort.lesions import Lesion
from onephase.cohort.prepared import PreparedCohort
from onephase.cohort.records import Record
from onephase.errors import TrainingError
from onephase.imaging.patches import PatchStore, StoredCase

FACTS = {"volume_ml": 4.0, "longest_mm": 30.0, "height_mm": 10.0, "depth_mm": 20.0, "width_mm": 25.0}
NAMES = tuple(f"tumour {number}" for number in range(12))
PLAIN = [radiomics_ridge, radiomics_boosted]
HARMONISED = [radiomics_ridge_harmonised, radiomics_boosted_harmonised]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inner_folds, "INNER_FOLDS", 2)
    monkeypatch.setattr(selected_panel, "COUNTS", (4,))
    monkeypatch.setattr(selected_panel, "SPREADS", (0.3,))
    monkeypatch.setitem(boosting.GROWTH, "max_iter", 15)


@pytest.fixture(autouse=True)
def _invented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put features in MIRP's place: the third tells ER, and site 1 sees everything twice as large and shifted."""

    def invented(prepared: PreparedCohort, records: Sequence[Record]) -> FeatureTable:
        rows = []
        for record in records:
            row = np.random.default_rng(int(record.case_id.split()[-1])).normal(size=len(NAMES))
            row[2] += 3.0 * record.events.status("er")[0]
            rows.append(row * 4 + 20 if record.site == "site 1" else row)
        in_slices = prepared.store.fingerprint["imaging.sampling"] == "stack"
        return FeatureTable(tuple(f"{name} 2d" for name in NAMES) if in_slices else NAMES, np.array(rows))

    monkeypatch.setattr(radiomics, "radiomics_features", invented)


def _event(row: int) -> Events:
    """Return an event: every second is ER-positive; PR, HER2 and Ki-67 have nothing to do with the features."""
    cell = (6, 4, 7)[row // 2 % 3] if row % 2 else (0, 1, 0)[row // 2 % 3]
    percent = 5 + 7 * row % 40
    return Events(
        np.arange(8)[None] == cell, np.array([[percent / 100, (percent + 1) / 100]]), np.array([-1], dtype=np.int8)
    )


def _lesions(cases: int, *, cohort: str = "a", sites: int = 2, sampling: str = "volume") -> list[Lesion]:
    """Return lesions, every second ER-positive, dealt to the sites in runs of two."""
    names = [f"{cohort} {row}" for row in range(cases)]
    stored = tuple(StoredCase(name, row, "", "given", (), FACTS) for row, name in enumerate(names))
    store = PatchStore(Path(cohort), {"imaging.sampling": sampling}, (4, 5, 6), stored)
    records = tuple(
        Record(
            case_id=name,
            patient_id=name,
            image=Path("x"),
            cohort=cohort,
            site=f"site {row // 2 % sites}",
            events=_event(row),
        )
        for row, name in enumerate(names)
    )
    prepared = PreparedCohort(store, records)
    return [Lesion(record, prepared) for record in records]


def _difference(posterior: PanelPosterior | None, lesions: list[Lesion]) -> float:
    """Return by how much more probable ER is for those who have it."""
    assert posterior is not None
    assert len(posterior) == len(lesions)
    positive = np.array([lesion.record.events.status("er")[0] == 1 for lesion in lesions])
    probability = posterior.marginals()[:, 0]
    return float(probability[positive].mean() - probability[~positive].mean())


@pytest.mark.parametrize("contestant", PLAIN)
def test_what_the_features_tell_is_found(contestant) -> None:
    lesions = _lesions(96, sites=1)
    assert _difference(contestant(lesions[:64], lesions[64:]), lesions[64:]) > 0.25


@pytest.mark.parametrize(("plain", "harmonised"), list(zip(PLAIN, HARMONISED, strict=True)))
def test_what_sites_hide_is_found_once_they_are_harmonised(plain, harmonised) -> None:
    lesions = _lesions(96)
    training, tested = lesions[:64], lesions[64:]
    told = _difference(harmonised(training, tested), tested)
    assert told > 0.25
    assert told > _difference(plain(training, tested), tested)


@pytest.mark.parametrize("contestant", HARMONISED)
def test_harmonised_ones_take_no_part_where_a_site_is_not_known(contestant) -> None:
    lesions = _lesions(40)
    assert contestant(_lesions(20, sites=1), lesions) is None
    assert contestant(lesions[:6], lesions[6:]) is None  # two lesions of the second site
    assert contestant(lesions, _lesions(10, sites=3)) is None
    assert contestant(lesions, _lesions(10, cohort="b")) is None


@pytest.mark.parametrize("contestant", PLAIN)
def test_an_answer_does_not_hang_on_who_else_is_asked(contestant) -> None:
    lesions = _lesions(50)
    alone, among = contestant(lesions[:40], lesions[40:41]), contestant(lesions[:40], lesions[40:])
    assert among.marginals()[0] == pytest.approx(alone.marginals()[0])


def test_features_of_several_stores_come_in_the_order_of_the_lesions() -> None:
    first, second = _lesions(3), _lesions(4, cohort="b", sites=1)
    mixed = [second[2], first[0], second[0], first[2]]
    table = lesion_features(mixed)
    assert table.names == (*GEOMETRY_NAMES, *NAMES)
    for row, lesion in enumerate(mixed):
        assert table.values[row] == pytest.approx(lesion_features([lesion]).values[0])


def test_volumes_and_stacks_are_not_mixed() -> None:
    with pytest.raises(TrainingError, match="features of volumes and of stacks of slices differ"):
        lesion_features([*_lesions(2), *_lesions(2, cohort="b", sampling="stack")])
