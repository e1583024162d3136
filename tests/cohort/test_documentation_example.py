"""The example of docs/cohort-table.md is a sound table."""

import re
from pathlib import Path

from onephase.cohort.columns import KNOWN
from onephase.cohort.table import read_cohort

PAGE = Path(__file__).parents[2] / "docs" / "cohort-table.md"


def test_the_example_table_is_sound(tmp_path: Path) -> None:
    example = re.search(r"```csv\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example is not None
    for path in re.findall(r"(?:images|masks|studies)/[\w.]+", example[1]):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    table = tmp_path / "cohort.csv"
    table.write_text(example[1])
    records = read_cohort(table).records
    assert [record.patient_id for record in records] == ["P1", "P1", "P2", "P3"]
    assert [record.covariates["age"] for record in records] == ["61", "61", "47", ""]
    assert records[2].mask_label == "2"


def test_every_column_is_described() -> None:
    assert all(f"`{column}`" in PAGE.read_text() for column in KNOWN)
