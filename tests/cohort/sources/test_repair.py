"""Masks that are written anew stay in their folder, whatever a case is called."""

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.cohort.sources.conftest import SHAPE

from onephase.cohort.sources.repair import kept_mask
from onephase.errors import CohortError
from onephase.imaging.case import Mask
from onephase.imaging.geometry import Grid

PARTS = st.sampled_from(["..", ".", "", "a", "escaped", "-", "ä"])
NAMES = st.builds("/".join, st.lists(PARTS, min_size=1, max_size=5))


def some_mask() -> Mask:
    inside = np.zeros(SHAPE, dtype=np.bool_)
    inside[2, 3, 4] = True
    return Mask(inside, Grid(SHAPE, (2.0, 0.7, 0.7), (0.0, 0.0, 0.0), np.eye(3)))


@given(name=NAMES)
@example(name="../../../escaped")
@example(name="/escaped")
def test_no_name_leads_out_of_the_folder_of_masks(name: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        beside = Path(place) / "set" / "out"
        beside.mkdir(parents=True)
        with contextlib.suppress(CohortError):
            kept_mask(some_mask, made_from="x", folder=beside, case_id=name)
        written = [path for path in Path(place).rglob("*") if path.is_file()]
        assert all(path.parent == beside / "masks" for path in written)


@pytest.mark.parametrize("name", ["../escaped", "a/b", "/escaped"])
def test_a_name_that_leads_elsewhere_is_refused_before_anything_is_read(tmp_path: Path, name: str) -> None:
    def never() -> Mask:
        pytest.fail("the mask was read")

    with pytest.raises(CohortError, match="a case is named like a way to another folder"):
        kept_mask(never, made_from="x", folder=tmp_path, case_id=name)
