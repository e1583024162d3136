"""The table of a copy: known columns, known words, ages grouped; every other cell is emptied and counted."""

import csv
import io
from pathlib import Path

import pytest

from onephase.biomarkers.panel import Events
from onephase.cohort.columns import KNOWN
from onephase.cohort.export.form import Form
from onephase.cohort.export.pseudonyms import Names
from onephase.cohort.export.shared_table import COLUMNS, CONVENTIONS, dropped_columns, emptied_cells, table_text
from onephase.cohort.records import Record
from onephase.cohort.sources.breastdcedl import SETS as OF_BREASTDCEDL
from onephase.cohort.sources.known import ALL
from onephase.cohort.sources.mama_mia import CONVENTIONS as OF_MAMA_MIA
from onephase.imaging.case import Box, SeedPoint


def record(case: str = "c", **fields) -> Record:
    return Record(case_id=case, patient_id=case, image=Path("secret.nii.gz"), events=Events.unknown(1), **fields)


def table(*records: Record) -> list[dict[str, str]]:
    names = [Names(case=f"case-{one.case_id}", patient="p", lesion="", site="s") for one in records]
    return list(csv.DictReader(io.StringIO(table_text(records, names, form=Form.NIFTI))))


@pytest.mark.parametrize(
    ("written", "kept"),
    [("61", "61"), ("61.9", "61"), ("89", "89"), ("90", "90"), ("104", "90"), ("about 60", ""), ("1961", ""), ("", "")],
)
def test_ages_are_whole_years_and_above_89_one_group(written: str, kept: str) -> None:
    one = record(covariates={"age": written})
    assert table(one)[0].get("age", "") == kept
    assert emptied_cells([one]) == ({"age": 1} if written and not kept else {})


def test_other_columns_are_dropped_by_name() -> None:
    one = record(covariates={"age": "50", "radiologist": "Dr Who", "date": "2020-01-01"})
    assert dropped_columns([one, record()]) == ("radiologist", "date")
    assert not {"radiologist", "date"} & set(table(one)[0])
    assert "Dr Who" not in str(table(one))


def test_a_convention_of_ones_own_is_emptied() -> None:
    records = [record("a", label_convention="as Dr Who likes it"), record("b", label_convention="ispy2")]
    assert [row["label_convention"] for row in table(*records)] == ["", "ispy2"]
    assert emptied_cells(records) == {"label_convention": 1}


def test_every_convention_of_a_source_is_known() -> None:
    of_sets = {*OF_MAMA_MIA.values(), *(convention for _, convention in OF_BREASTDCEDL.values())}
    assert {source.convention for source in ALL} - {""} | of_sets <= CONVENTIONS
    assert {"asco-cap-2020", "tcga-ihc"} <= CONVENTIONS
    assert "" not in CONVENTIONS


def test_every_column_of_a_cohort_table_is_decided_on() -> None:
    assert set(KNOWN) == set(COLUMNS) - {"age"} | {"phase", "mask_label"}  # what is read is one phase, and one label


def test_boxes_and_points_stay_and_rows_stand_by_pseudonym() -> None:
    box = Box(column=(1.5, 4.0), row=(2.0, 5.25), slice=(0.0, 3.0))
    rows = table(record("z", box=box), record("a", seed=SeedPoint(column=3.0, row=2.5, slice=1.0)))
    assert [row["case_id"] for row in rows] == ["case-a", "case-z"]
    assert [rows[0][name] for name in ("col", "row", "slice", "col_start")] == ["3", "2.5", "1", ""]
    bounds = ("col_start", "col_end", "row_start", "row_end", "slice_start", "slice_end")
    assert [rows[1][name] for name in bounds] == ["1.5", "4", "2", "5.25", "0", "3"]
    assert "mask" not in rows[0]
