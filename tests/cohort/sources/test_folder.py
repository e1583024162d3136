"""A plain folder, and what every import promises: counts that add up, the same bytes twice, nothing overwritten."""

import contextlib
import csv
import json
from pathlib import Path

import pytest
from tests.cohort.sources.conftest import phantom, write_csv, write_nifti, write_workbook

from onephase.cohort.sources.record import record_file_of
from onephase.cohort.table import read_cohort
from onephase.errors import CohortError, StorageError

HEADER = ("ID", "Subject", "ER_status", "HER-2", "Ki67 index", "Age")
ROWS = (
    ("a", "P1", "95%", "2+/ISH-", "18", "=1+1"),
    ("b", "P2", "<1%", "3+", "NA", "-3"),
    ("c", "P3", "80%", "NA", ">=20%", "50"),
)
MAP = {
    "case_id": "ID", "patient_id": "Subject", "er": "ER_status", "her2": "HER-2", "ki67": "Ki67 index",
    "image": "cases/{ID}/post1.nii.gz", "mask": "cases/{ID}/tumour.nii.gz", "missing": "NA,unknown",
    "label_convention": "asco-cap-2020",
}  # fmt: skip


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    folder = tmp_path / "clinic"
    for case in ("a", "b"):
        volume, mask = phantom()
        write_nifti(folder / "cases" / case / "post1.nii.gz", volume)
        write_nifti(folder / "cases" / case / "tumour.nii.gz", mask)
    write_csv(folder / "patients.csv", [HEADER, *ROWS])
    return folder


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_columns_are_mapped_and_the_table_passes_the_check(clinic: Path, do_import, tmp_path: Path) -> None:
    done = do_import("folder", clinic, **MAP)
    assert not done.check.errors
    a, b = read_cohort(tmp_path / "out" / "cohort.csv").records
    assert (a.case_id, a.patient_id, a.label_convention, a.provenance) == ("a", "P1", "asco-cap-2020", "real")
    assert a.texts == {"er": "95%", "pr": "", "her2": "2+/ISH-", "hr": "", "ki67": "18"}
    assert b.texts["ki67"] == ""
    assert a.image.resolve() == (clinic / "cases" / "a" / "post1.nii.gz").resolve()
    assert [label.origin for label in done.record.labels] == ["column ER_status", "column HER-2", "column Ki67 index"]


def test_who_a_patient_is_is_not_taken(clinic: Path, do_import, tmp_path: Path) -> None:
    """A hospital's table, with a name and a date of birth that nobody mapped."""
    rows = [(*HEADER, "Patient Name", "DOB"), *((*row, "CANARY^YELLOW", "1961-02-03") for row in ROWS)]
    write_csv(clinic / "patients.csv", rows)
    do_import("folder", clinic, **MAP)
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or not [word for word in (b"CANARY", b"1961") if word in path.read_bytes()]
    notes = json.loads((tmp_path / "out" / "cohort.source.json").read_text())["notes"]
    assert notes == ["2 columns of the table say who a patient is, and were not taken"]


def test_a_column_that_speaks_of_a_label_and_is_not_mapped_is_named(clinic: Path, do_import, tmp_path: Path) -> None:
    said = {name: value for name, value in MAP.items() if name != "er"}
    done = do_import("folder", clinic, **said)
    notes = json.loads((tmp_path / "out" / "cohort.source.json").read_text())["notes"]
    assert notes == ["'ER_status' became a covariate and er is empty: is it --map er='ER_status'?"]
    assert [problem.column for problem in done.check.problems if "speaks of" in problem.problem] == ["ER_status"]


def test_counts_add_up_and_the_record_says_why(clinic: Path, do_import, tmp_path: Path) -> None:
    done = do_import("folder", clinic, licence="CC BY 4.0", **MAP)
    record = json.loads((tmp_path / "out" / "cohort.source.json").read_text())
    assert (record["licence"], record["citation"]) == ("CC BY 4.0", "not said (--map citation= writes it down)")
    assert record["counts"] == {"found": 3, "used": 2, "left_out": 1}
    assert record["left_out"] == [{"reason": "the image is not here", "count": 1, "cases": ["c: cases/c/post1.nii.gz"]}]
    page = (tmp_path / "out" / "cohort.source.md").read_text()
    assert "3 cases found = 2 used + 1 left out" in page
    assert "left out, 1: the image is not here" in page
    assert str(tmp_path) not in json.dumps(record) + page
    assert done.record.lines()[0] in page


def test_no_cell_is_a_formula_to_a_spreadsheet(clinic: Path, do_import, tmp_path: Path) -> None:
    do_import("folder", clinic, **MAP)
    assert [row["Age"] for row in rows_of(tmp_path / "out" / "cohort.csv")] == ["'=1+1", "-3"]


def test_no_column_is_a_formula_to_a_spreadsheet(clinic: Path, do_import, tmp_path: Path) -> None:
    write_csv(clinic / "patients.csv", [(*HEADER[:-1], '=HYPERLINK("evil";"x")'), *ROWS])
    do_import("folder", clinic, **MAP)
    header = (tmp_path / "out" / "cohort.csv").read_text().splitlines()[0]
    assert "'=HYPERLINK" in header
    assert "=HYPERLINK" not in header.replace("'=HYPERLINK", "")


@pytest.mark.parametrize("given", ["i", "{tmp}/clinic", "{tmp}/x/../i"])
@pytest.mark.parametrize("out", ["out/cohort.csv", "{tmp}/out/cohort.csv", "i/cohort.csv"])
def test_paths_in_the_record_begin_in_the_folder_and_its_words_stay(
    clinic: Path, do_import, tmp_path: Path, monkeypatch, given: str, out: str
) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "i").symlink_to(clinic)
    (clinic / "cases" / "b" / "post1.nii.gz").write_bytes(b"no image of this kind")
    monkeypatch.chdir(tmp_path)
    do_import("folder", Path(given.replace("{tmp}", str(tmp_path))), out=out.replace("{tmp}", str(tmp_path)), **MAP)
    table = Path(out.replace("{tmp}", str(tmp_path)))
    record = record_file_of(tmp_path / table).read_text()
    said = {reason["reason"]: reason["cases"] for reason in json.loads(record)["left_out"]}
    assert said["the image is not here"] == ["c: cases/c/post1.nii.gz"]
    (damaged,) = said["image or mask cannot be used"]
    assert damaged.startswith("b: column image: cases/b/post1.nii.gz is no image but text")
    assert str(tmp_path) not in record


@pytest.mark.parametrize("said", ["[1]", '"text"', "{}"])
def test_a_record_that_is_none_leaves_the_table_foreign(clinic: Path, do_import, tmp_path: Path, said: str) -> None:
    do_import("folder", clinic, **MAP)
    record_file_of(tmp_path / "out" / "cohort.csv").write_text(said)
    with pytest.raises(CohortError, match="was not written by onephase import, or was changed since"):
        do_import("folder", clinic, **MAP)


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("writes", range(1, 7))
def test_an_import_that_is_killed_leaves_nothing_that_the_next_refuses(
    clinic: Path, do_import, tmp_path: Path, monkeypatch, writes: int, earlier: bool
) -> None:
    if earlier:
        do_import("folder", clinic, **MAP)
        write_csv(clinic / "patients.csv", [HEADER, *ROWS[:2], ("d", "P4", *ROWS[2][2:])])
    replaced = Path.replace
    done = iter(range(1, writes))

    def killed(self: Path, target: Path) -> Path:
        if next(done, None) is None:
            raise KeyboardInterrupt
        return replaced(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with contextlib.suppress(KeyboardInterrupt):
            do_import("folder", clinic, **MAP)
    do_import("folder", clinic, **MAP)
    record = json.loads((tmp_path / "out" / "cohort.source.json").read_text())
    assert "replaced_sha256" not in record
    do_import("folder", clinic, **MAP)


def test_a_file_name_that_no_system_takes_leaves_its_case_out(clinic: Path, do_import) -> None:
    write_csv(
        clinic / "patients.csv", [(*HEADER, "file"), *((*row, "post1") for row in ROWS[:1]), (*ROWS[1], "x" * 300)]
    )
    done = do_import("folder", clinic, **MAP | {"image": "cases/{ID}/{file}.nii.gz"})
    (left,) = done.record.by_reason()["a file or folder of it cannot be opened"]
    assert left.case == "b"
    assert "File name too long" in left.detail


def test_a_folder_that_may_not_be_opened_leaves_its_case_out(clinic: Path, do_import, monkeypatch) -> None:
    stat = Path.stat

    def closed(self: Path, **how: bool):
        if "b" in self.parts:
            raise PermissionError(13, "Permission denied", str(self))
        return stat(self, **how)

    monkeypatch.setattr(Path, "stat", closed)
    done = do_import("folder", clinic, **MAP)
    (left,) = done.record.by_reason()["a file or folder of it cannot be opened"]
    assert (left.case, left.detail.split(" ", 1)[1]) == ("b", "cannot be opened (Permission denied)")


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"table": "x" * 300}, CohortError, r"cannot be opened \(File name too long\): check its name"),
        ({"out": f"out/{'x' * 300}.csv"}, StorageError, "could not be written because its name is too long"),
    ],
)
def test_a_name_too_long_of_a_table_is_a_sentence(clinic: Path, do_import, tmp_path: Path, change, error, said) -> None:
    with pytest.raises(error, match=said):
        do_import("folder", clinic, **MAP | change)
    assert not list(tmp_path.glob("out/*"))


def test_a_second_run_gives_the_same_bytes(clinic: Path, do_import, tmp_path: Path) -> None:
    def written() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    do_import("folder", clinic, **MAP)
    first = written()
    assert set(first) == {"cohort.csv", "cohort.source.json", "cohort.source.md"}
    do_import("folder", clinic, **MAP)
    assert written() == first


def test_decisions_beside_the_table_are_no_table_to_a_second_run(clinic: Path, do_import) -> None:
    """The table stands in the folder of the cases, and what the page of ``check --images`` gave to save beside it."""
    first = do_import("folder", clinic, out="clinic/cohort.csv", **MAP)
    (clinic / "cohort.excluded.csv").write_text("case_id,reason\na,another phase\n")
    (clinic / "cohort.accepted.csv").write_text("case_id,flag,reason\nb,touches-border,seen\n")
    assert do_import("folder", clinic, out="clinic/cohort.csv", **MAP).record.to_json() == first.record.to_json()


def test_a_table_of_the_users_own_is_never_replaced(clinic: Path, do_import, tmp_path: Path) -> None:
    do_import("folder", clinic, **MAP)
    table = tmp_path / "out" / "cohort.csv"
    table.write_text(table.read_text() + "\n")
    with pytest.raises(CohortError, match="was not written by onephase import, or was changed since"):
        do_import("folder", clinic, **MAP)
    record_file_of(table).unlink()
    with pytest.raises(CohortError, match="give another --out"):
        do_import("folder", clinic, **MAP)


def test_what_cannot_be_read_or_does_not_fit_is_left_out(clinic: Path, do_import) -> None:
    write_nifti(clinic / "cases" / "b" / "tumour.nii.gz", phantom()[1][:, :, :4])
    done = do_import("folder", clinic, **MAP)
    assert [lesion.case_id for lesion in done.record.found.lesions] == ["a"]
    assert "the mask's grid" in done.record.found.left_out[-1].detail


def test_patients_of_another_table_are_left_out_under_any_name(clinic: Path, do_import, tmp_path: Path) -> None:
    other = write_csv(
        tmp_path / "other" / "cohort.csv",
        [("case_id", "patient_id", "image", "mask", "er"), ("z", "p-01", "z.nii.gz", "m.nii.gz", "1")],
    )
    for name in ("z", "m"):
        (other.parent / f"{name}.nii.gz").touch()
    done = do_import("folder", clinic, without=[other], **MAP)
    assert [lesion.case_id for lesion in done.record.found.lesions] == ["b"]
    assert "the patient is also in cohort other" in done.record.by_reason()


def test_a_simulated_cohort_stays_simulated(clinic: Path, do_import, tmp_path: Path) -> None:
    write_csv(clinic / "patients.csv", [(*HEADER, "provenance"), *((*row, "simulated") for row in ROWS)])
    do_import("folder", clinic, **MAP)
    assert {row["provenance"] for row in rows_of(tmp_path / "out" / "cohort.csv")} == {"simulated"}


def test_a_workbook_keeps_every_cell_as_text(clinic: Path, do_import, tmp_path: Path) -> None:
    (clinic / "patients.csv").unlink()
    write_workbook(clinic / "patients.xlsx", {"first": [("note",)], "Data": [HEADER, *ROWS]})
    with pytest.raises(CohortError, match=r"no column named 'ID'"):
        do_import("folder", clinic, **MAP)
    do_import("folder", clinic, sheet="Data", **MAP)
    assert [row["ki67"] for row in rows_of(tmp_path / "out" / "cohort.csv")] == ["18", ""]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"er": "ER"}, "has no column named 'ER' (it has 'ID', 'Subject', 'ER_status'"),
        ({"image": "{Id}.nii.gz"}, "has no column named 'Id'"),
        ({"her2": None}, "has a column 'HER-2', which looks like her2: say --map her2='HER-2'"),
        ({"case_id": None}, "has no column case_id: name the one that holds it with --map case_id=COLUMN"),
        ({"erx": "ER_status"}, "--map erx=... says nothing to folder"),
        ({"er": "Age"}, 'case a, column er: er "\'=1+1" is not understood'),
        (
            {"image": "nowhere/{ID}.nii.gz"},
            "of 3 cases of a folder of cases with a table none can be used (3: the image",
        ),
        ({"table": "gone.csv"}, "there is no"),
    ],
)
def test_what_does_not_fit_stops_the_import_with_a_sentence(clinic: Path, do_import, tmp_path, change, message) -> None:
    said = {name: value for name, value in (MAP | change).items() if value is not None}
    with pytest.raises(CohortError) as fault:
        do_import("folder", clinic, **said)
    assert message in str(fault.value)
    assert not list(tmp_path.glob("out/*"))


def test_a_name_that_a_spreadsheet_would_run_is_refused(clinic: Path, do_import) -> None:
    write_csv(clinic / "patients.csv", [HEADER, ("a", "@P1", *ROWS[0][2:]), *ROWS[1:]])
    with pytest.raises(CohortError, match="case a, column patient_id: it begins like a formula of a spreadsheet"):
        do_import("folder", clinic, **MAP)


def test_several_tables_and_doubled_cases_are_refused(clinic: Path, do_import) -> None:
    write_csv(clinic / "patients.csv", [HEADER, *ROWS, ROWS[0]])
    with pytest.raises(CohortError, match=r"patients.csv names 1 patients twice \(such as a\)"):
        do_import("folder", clinic, **MAP)
    write_csv(clinic / "more.csv", [HEADER])
    with pytest.raises(CohortError, match="holds 2 files that could be table of cases"):
        do_import("folder", clinic, **MAP)
