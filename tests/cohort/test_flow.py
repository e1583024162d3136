from pathlib import Path

import numpy as np
import pytest
from tests.cohort.quality.conftest import phantom_of

from onephase.cohort.exclusions import Exclusion, counted_reasons
from onephase.cohort.flow import flow_of
from onephase.cohort.preparation import prepare
from onephase.cohort.prepared import open_prepared
from onephase.settings import Settings
from onephase.writers.volume_file import write_mask, write_volume


@pytest.fixture
def table(tmp_path: Path) -> Path:
    lines = ["case_id,image,mask,er"]
    for seed in range(6):
        write_volume(tmp_path / f"{seed}.nrrd", phantom_of(seed).case.volume)
        write_mask(tmp_path / f"{seed}-mask.nrrd", phantom_of(seed).case.roi)
        lines.append(f"c{seed},{seed}.nrrd,{seed}-mask.nrrd,{seed % 2}")
    (tmp_path / "5.nrrd").write_text("no image")
    (tmp_path / "cohort.csv").write_text("\n".join(lines))
    (tmp_path / "cohort.excluded.csv").write_text("case_id,reason\nc1,a b\nc2,another phase\nc3,another phase\n")
    return tmp_path / "cohort.csv"


def test_rows_that_are_left_out_are_counted_on_the_way_to_a_report(table: Path, tmp_path: Path) -> None:
    prepared = prepare([table], tmp_path / "prepared", Settings())
    (flow,) = flow_of([prepared])
    assert flow.left_out == {"another phase": 2, "a b": 1}
    assert (flow.failed, flow.prepared, flow.rows) == (1, 2, 6)
    assert flow_of([open_prepared(tmp_path / "prepared")]) == (flow,)


def test_a_folder_of_an_earlier_version_does_not_say_that_none_was_left_out(table: Path, tmp_path: Path) -> None:
    prepare([table], tmp_path / "prepared", Settings())
    (tmp_path / "prepared" / "exclusions.json").unlink()
    assert flow_of([open_prepared(tmp_path / "prepared")]) == ()


def test_reasons_are_counted_cohort_by_cohort() -> None:
    some = [Exclusion("b", "1", "x"), Exclusion("a", "2", "y"), Exclusion("b", "3", "z"), Exclusion("b", "4", "z")]
    shuffled = [some[at] for at in np.random.default_rng(1).permutation(len(some))]
    assert counted_reasons(shuffled) == counted_reasons(some) == {"a": {"y": 1}, "b": {"z": 2, "x": 1}}
    assert list(counted_reasons(some)["b"]) == ["z", "x"]
