from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from onephase.cohort.records import Record
from onephase.cohort.table import read_cohort
from onephase.errors import ImageError
from onephase.evaluation.robustness import other_scans
from onephase.evaluation.robustness.change import Original
from onephase.evaluation.robustness.other_scans import moved, rephased, retimed
from onephase.simulation.cohort import simulate_cohort
from onephase.simulation.sites import SITES

Ball = Callable[..., Original]


def _rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    table = simulate_cohort(tmp_path_factory.mktemp("two"), cases=2, seed=11)
    return read_cohort(table, labelled=False).records[0]


def test_a_simulated_case_at_its_own_time_is_the_file(record: Record) -> None:
    original = Original.read(record, in_plane=False)
    again = retimed(original, _rng(), by_s=0.0)
    np.testing.assert_array_equal(again.volume.array, original.case.volume.array)
    np.testing.assert_array_equal(again.roi.array, original.mask.array)


def test_later_the_outline_is_the_same_and_the_image_is_not(record: Record) -> None:
    original = Original.read(record, in_plane=False)
    later = retimed(original, _rng(), by_s=60.0)
    np.testing.assert_array_equal(later.roi.array, original.mask.array)
    assert np.abs(later.volume.array - original.case.volume.array).max() > 50


def test_at_another_site_it_has_that_sites_grid(record: Record) -> None:
    original = Original.read(record, in_plane=False)
    there = moved(original, _rng(), site="larch")
    assert there.volume.grid.spacing_mm == (SITES["larch"].slice_mm, *(SITES["larch"].in_plane_mm,) * 2)
    with pytest.raises(ImageError, match=f"scanned at {record.site} already"):
        moved(original, _rng(), site=record.site)


def test_a_table_that_stands_where_the_command_is_given_has_short_paths(
    record: Record, ball: Ball, monkeypatch
) -> None:
    monkeypatch.chdir(record.image.parent)
    near = replace(record, image=Path(record.image.name))
    assert retimed(Original.read(near, in_plane=False), _rng(), by_s=0.0).volume.array.any()
    with pytest.raises(ImageError, match="not simulated"):
        retimed(replace(ball(), record=replace(near, provenance="real")), _rng(), by_s=10.0)


def test_a_real_case_is_not_simulated_again(ball: Ball) -> None:
    with pytest.raises(ImageError, match="not simulated"):
        retimed(ball(), _rng(), by_s=10.0)


def test_another_simulator_is_not_asked(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Original.read(record, in_plane=False)
    monkeypatch.setattr(other_scans, "source_sha256", lambda: "another")
    with pytest.raises(ImageError, match="another version of the simulator"):
        retimed(original, _rng(), by_s=10.0)


def test_a_series_of_one_phase_has_no_other(ball: Ball) -> None:
    with pytest.raises(ImageError, match="the series has 1 phase, and no phase 2"):
        rephased(ball(), _rng(), by=1)


def test_the_next_phase_is_read_with_the_outline_as_it_was(ball: Ball, monkeypatch: pytest.MonkeyPatch) -> None:
    original = ball()
    of_three = replace(original.case, source={"phase": "2 of 3"}, phase_number=2)
    asked: list[Record] = []

    def read(record: Record) -> object:
        asked.append(record)
        return replace(of_three, roi=replace(original.mask, method="other"))

    monkeypatch.setattr(other_scans, "case_of", read)
    other = rephased(replace(original, case=of_three), _rng(), by=1)
    assert [record.phase for record in asked] == ["3"]
    assert other.roi is original.mask
    with pytest.raises(ImageError, match="the series has 3 phases, and no phase 0"):
        rephased(replace(original, case=of_three), _rng(), by=-2)
