from pathlib import Path

import numpy as np
import pytest

from onephase.baselines.geometry import NAMES, OUTLINE_BOX, geometry_features
from onephase.biomarkers.panel import Events
from onephase.cohort.prepared import PreparedCohort
from onephase.cohort.records import Record
from onephase.imaging.patches import PatchStore, StoredCase
from onephase.imaging.preprocessing import SIDES

OUTLINE = {"volume_ml": 4.0, "longest_mm": 30.0, "height_mm": 10.0, "depth_mm": 20.0, "width_mm": 25.0}
GIVEN = {"given_slice_mm": 40.0, "given_row_mm": 20.0, "given_column_mm": 10.0}


def features(*facts: dict[str, float]) -> np.ndarray:
    """Return the features of lesions of which only the measurements matter."""
    cases = tuple(StoredCase(str(row), row, "", "given", (), entry) for row, entry in enumerate(facts))
    records = tuple(
        Record(case_id=case.case_id, patient_id=case.case_id, image=Path("image.nii.gz"), events=Events.unknown(1))
        for case in cases
    )
    prepared = PreparedCohort(PatchStore(Path("store"), {}, (4, 5, 6), cases), records)
    return geometry_features(prepared, records)


def test_features_are_logarithms_of_what_was_measured() -> None:
    values = dict(zip(NAMES, np.exp(features(OUTLINE)[0]), strict=True))
    assert values == pytest.approx(
        {
            "log volume": 4.0,
            "log longest diameter": 30.0,
            "log longest side": 25.0,
            "log middle side": 20.0,
            "log shortest side": 10.0,
            "log share of the box": 0.8,
        }
    )


def test_a_given_box_comes_before_the_bounds_of_the_outline_in_it() -> None:
    values = np.exp(features({**OUTLINE, **GIVEN}))[0]
    assert values[2:] == pytest.approx([40.0, 20.0, 10.0, 0.5])


def test_which_way_a_lesion_lies_changes_nothing() -> None:
    turned = {**OUTLINE, "height_mm": 25.0, "width_mm": 10.0}
    first, other = features(OUTLINE, turned)
    assert first == pytest.approx(other)


def test_a_lesion_of_no_size_stays_finite() -> None:
    assert np.isfinite(features(dict.fromkeys(OUTLINE, 0.0))).all()


def test_the_names_of_the_sides_are_those_of_the_patch() -> None:
    assert OUTLINE_BOX == SIDES


def test_no_case_gives_no_row() -> None:
    assert features().shape == (0, len(NAMES))
