"""`onephase import` as a user calls it: two commands to a prepared cohort, and one sentence where the data mislead."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cohort.sources.conftest import write_csv
from tests.cohort.sources.test_mama_mia import ROWS, write_set
from typer.testing import CliRunner

from onephase.cli.commands import app
from onephase.cohort.sources.known import SOURCES
from onephase.errors import OnephaseError

ROOT = Path(__file__).parents[3]


def called(*words: object) -> tuple[int, str]:
    """Call the command in this process; return its exit code and what it said, or the sentence of its refusal."""
    answer = CliRunner().invoke(app, list(map(str, words)))
    fault = answer.exception
    return (fault.exit_code, str(fault)) if isinstance(fault, OnephaseError) else (answer.exit_code, answer.stdout)


def onephase(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "onephase.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_two_commands_reach_a_prepared_cohort(tmp_path: Path) -> None:
    table = tmp_path / "cohort.csv"
    code, said = called("import", "mama-mia", write_set(tmp_path / "set"), "--out", table)
    assert code == 0
    for part in ("5 cases found = 4 used + 1 left out", "Licence: CC BY-NC 4.0", "Cite: Garrucho L", "er from er: "):
        assert part in said
    assert called("prepare", table, "--out", tmp_path / "prepared", "--workers", 1)[0] == 0


def test_a_set_that_misleads_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    row = ("DUKE_001", "DUKE", 0, 1, 1, 2, 0, 1, "x", 45, 3, "", "")
    done = onephase("import", "mama-mia", write_set(tmp_path / "set", (row, *ROWS[1:])), "--out", tmp_path / "c.csv")
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if line.startswith("onephase: ")]
    assert len(said) == 1
    assert "expected 1, 0, NA, nan or nothing, got '2'" in said[0]


def test_the_table_that_cannot_be_used_yet_is_exit_code_1_and_json_tells_why(tmp_path: Path) -> None:
    write_csv(tmp_path / "set" / "table.csv", [("case_id", "image", "col", "row", "slice"), ("a", "a.nrrd", 1, 1, 1)])
    (tmp_path / "set" / "a.nrrd").mkdir()  # a folder of DICOM by its looks, which the check does not open
    code, said = called("import", "folder", tmp_path / "set", "--out", tmp_path / "cohort.csv", "--json")
    assert code == 1
    answer = json.loads(said)
    assert answer["counts"] == {"found": 1, "used": 1, "left_out": 0}
    assert any("all labels are missing" in problem["problem"] for problem in answer["problems"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("folder", "x"), "x is no folder: give the folder of the downloaded set"),
        (("duke", "x", "--map", "er=ER"), "--map er=... says nothing to duke: it takes none"),
    ],
)
def test_a_wrong_call_is_one_sentence(tmp_path: Path, words, message: str) -> None:
    code, said = called("import", *words, "--out", tmp_path / "cohort.csv")
    assert code == 1
    assert message in said


def test_help_and_the_page_name_every_source() -> None:
    page = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
    told = " ".join(called("import", "--help")[1].split())
    for name, source in SOURCES.items():
        assert f"## `{name}`" in page
        assert name in told
        assert source.licence
        assert source.citation
        assert source.labels or name in {"folder", "dicom-study", "nnunet"}
