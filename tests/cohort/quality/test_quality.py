"""The whole look at two cohorts on disk: flags, decisions beside the tables, and files that cannot be read."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.cohort.quality.conftest import phantom_of

from onephase.cohort.quality.flag import FLAGS, QualityFlag
from onephase.cohort.quality.look import look_of
from onephase.cohort.quality.quality import look_at_cohort
from onephase.cohort.table import CheckResult, check_cohort
from onephase.errors import CohortError
from onephase.settings import ImagingSettings, SplitSettings
from onephase.writers.volume_file import write_mask, write_volume


@pytest.fixture
def cohort(tmp_path: Path) -> CheckResult:
    """Three sound cases, one whose mask has a gap, one that is no image, one that was left out."""
    lines = ["case_id,image,mask,er,site"]
    for seed in range(6):
        phantom = phantom_of(seed)
        if seed == 3:
            mask = phantom.mask
            mask[5] = False
            phantom = phantom.with_mask(mask)
        write_volume(tmp_path / f"{seed}.nrrd", phantom.case.volume)
        write_mask(tmp_path / f"{seed}-mask.nrrd", phantom.case.roi)
        lines.append(f"c{seed},{seed}.nrrd,{seed}-mask.nrrd,{seed % 2},s")
    (tmp_path / "4.nrrd").write_text("no image")
    (tmp_path / "cohort.excluded.csv").write_text("case_id,reason\nc5,another phase\n")
    (tmp_path / "cohort.csv").write_text("\n".join(lines))
    return check(tmp_path)


def check(folder: Path) -> CheckResult:
    return check_cohort([folder / "cohort.csv"], SplitSettings(), headers=False)


def test_every_case_is_looked_at_once_and_none_stops_the_others(cohort: CheckResult) -> None:
    told: list[int] = []
    quality = look_at_cohort(cohort, ImagingSettings(), progress=lambda task, done, total: told.append(done))
    assert told == [0, 1, 2, 3, 4, 5]
    names = {case.record.case_id: [flag.name for flag in case.doubts] for case in quality.cases}
    assert names == {"c0": [], "c1": [], "c2": [], "c3": ["empty-slices"], "c4": ["unreadable"]}
    assert quality.cases[4].look.seen is None
    assert quality.cases[4].doubts[0].reason.endswith(".")
    assert str(cohort.records[4].case_id) not in quality.cases[4].doubts[0].reason.split(":")[0]
    assert quality.counts() == {"unreadable": (1, 0), "empty-slices": (1, 0)}
    assert [row["reason"] for row in quality.decisions[0].excluded] == ["another phase"]


def test_an_accepted_flag_is_no_doubt_any_more(cohort: CheckResult, tmp_path: Path) -> None:
    accepted = "case_id,flag,reason,by\nc3,empty-slices,two foci,AB\nc5,flipped,left out since,\n"
    (tmp_path / "cohort.accepted.csv").write_text(accepted)
    quality = look_at_cohort(cohort, ImagingSettings())
    assert quality.counts() == {"unreadable": (1, 0), "empty-slices": (0, 1)}
    assert [one.accepted for one in quality.cases[3].flags] == ["two foci"]
    assert quality.to_json()["flagged"]["c3"][0]["accepted"] == "two foci"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("c9,flipped,why not", "accepts a flag of case c9, which the table lacks: mend its case_id"),
        ("c3,turned,why not", r"accepts 'turned' \(case c3\), expected one of unreadable, outside-breast"),
        ("c3,flipped,", "expected case_id, flag and reason in each line"),
    ],
)
def test_a_line_that_means_nothing_is_one_error(cohort: CheckResult, tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "cohort.accepted.csv").write_text(f"case_id,flag,reason\n{line}\n")
    with pytest.raises(CohortError, match=said):
        look_at_cohort(cohort, ImagingSettings())


def test_a_doubted_phase_is_a_flag_and_other_warnings_are_notes() -> None:
    doubt = "phase 3 was asked for and is a later one: phase 2 looks like the first post-contrast one"
    case = replace(phantom_of(1).case, warnings=("the scanner is unknown", doubt), phase_warnings=(doubt,))
    look = look_of(case, case.roi, imaging=ImagingSettings())
    assert [(flag.name, flag.reason) for flag in look.flags] == [("wrong-phase", f"P{doubt[1:]}.")]
    assert look.notes == ("the scanner is unknown",)


def test_a_flag_has_one_of_the_names_that_files_may_hold() -> None:
    assert all(name == name.lower() and " " not in name for name in FLAGS)
    with pytest.raises(ValueError, match="there is no flag 'turned'"):
        QualityFlag("turned", "it is.")
