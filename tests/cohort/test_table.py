"""Every way in which a table can be wrong, with the sentence that says so; and the real tables."""

import json
from collections import Counter
from pathlib import Path

import pytest

from onephase.cohort.table import check_cohort, cohort_names, read_cohort, write_splits
from onephase.errors import CohortError
from onephase.settings import SplitSettings

SHARES = SplitSettings()
BOX = "col_start,col_end,row_start,row_end,slice_start,slice_end"
SOUND = (
    f"case_id,image,{BOX},er,pr,her2,ki67,age",
    "a,a.nii.gz,1,5,1,6,0,4,95%,1-10%,2+/ISH-,18,61",
    "b,b.nii.gz,1.5,5,1,6,0,4,<1%,,3+,>=20%,47",
    "c,c.nii.gz,1,5,1,6,0,4,positive,<1%,2+,,",
)


def problems_of(*paths: Path) -> list[tuple[str, str, str, str, str]]:
    result = check_cohort(list(paths), SHARES, headers=False)
    return [(p.severity, p.case, p.column, p.problem, p.fix) for p in result.problems]


def errors_of(*paths: Path) -> list[str]:
    """Return ``case|column|problem|fix`` of each error."""
    return ["|".join(problem[1:]) for problem in problems_of(*paths) if problem[0] == "error"]


def test_a_sound_table_becomes_records(write_table) -> None:
    table = write_table(*SOUND)
    cohort = read_cohort(table)
    a, b, c = cohort.records
    assert (a.case_id, a.patient_id, a.site, a.cohort, a.provenance) == ("a", "a", "clinic", "clinic", "real")
    assert a.image == table.parent / "a.nii.gz"
    assert a.covariates == {"age": "61"}
    assert a.texts == {"er": "95%", "pr": "1-10%", "her2": "2+/ISH-", "hr": "", "ki67": "18"}
    assert a.events.ki67.tolist() == [[0.18, 0.19]]
    assert b.box is not None
    assert b.box.bounds == ((0, 4), (1, 6), (1.5, 5))
    assert c.events.status("er").tolist() == [1]
    assert {record.split for record in cohort.records} <= {"train", "validation", "test"}


def test_blanks_bom_and_windows_lines_do_no_harm(write_table) -> None:
    table = write_table(*SOUND)
    plain = [record.texts for record in read_cohort(table).records]
    text = table.read_text().replace(",", " , ").replace("\n", "\r\n\r\n")
    table.write_bytes(b"\xef\xbb\xbf" + text.encode() + b",,,,,,,,,,,,\r\n")
    assert [record.texts for record in read_cohort(table).records] == plain


def test_who_a_patient_is_is_not_carried_along(write_table) -> None:
    header, *rows = SOUND
    personal = ("CANARY^YELLOW,1961-02-03,61 Elm Street", "CANARY^GREEN,1971-02-03,x", "CANARY^RED,1981-02-03,y")
    lines = [
        f"{header},PatientName,Date of Birth,address",
        *(",".join(pair) for pair in zip(rows, personal, strict=True)),
    ]
    table = write_table(*lines)
    assert [record.covariates for record in read_cohort(table).records] == [{"age": "61"}, {"age": "47"}, {"age": ""}]
    told = [problem for problem in problems_of(table) if "says who a patient is" in problem[3]]
    assert [(severity, column) for severity, _, column, _, _ in told] == [
        ("warning", column) for column in ("PatientName", "Date of Birth", "address")
    ]
    assert "CANARY" not in str(told)


def test_a_label_under_another_name_is_a_covariate_and_said(write_table) -> None:
    header, *rows = SOUND
    table = write_table(f"{header},PR status,gender,Ki-67 index", *(f"{row},1,f,20" for row in rows))
    told = [problem for problem in problems_of(table) if "speaks of" in problem[3]]
    assert [(severity, column) for severity, _, column, _, _ in told] == [
        ("warning", "PR status"),
        ("warning", "Ki-67 index"),
    ]
    assert all("PR status" in record.covariates for record in read_cohort(table).records)


def test_counts_tell_known_partly_known_and_missing(write_table) -> None:
    result = check_cohort([write_table(*SOUND)], SHARES, headers=False)
    whole = next(count for count in result.counts if count.split == "all")
    assert (whole.lesions, whole.patients) == (3, 3)
    labels = {label.label: (label.positive, label.negative, label.partial, label.missing) for label in whole.labels}
    assert labels == {
        "er": (2, 1, 0, 0),
        "pr": (1, 1, 0, 1),
        "her2": (1, 1, 1, 0),
        "hr": (2, 0, 1, 0),  # of b ER is negative and PR unknown
        "ki67": (1, 1, 0, 1),
    }
    assert sum(whole.subtypes.values()) == 3
    assert whole.subtypes["luminal A-like"] == 1
    assert whole.subtypes["indeterminate"] == 2
    assert json.loads(json.dumps(result.to_json()))["ok"] is True


def test_splits_are_written_beside_the_table_and_read_again(write_table) -> None:
    table = write_table(*SOUND)
    before = table.read_bytes()
    result = check_cohort([table], SHARES, headers=False)
    assert [facts.splits for facts in result.tables] == ["drawn"]
    (written,) = write_splits(result)
    assert written == table.with_name("cohort.splits.csv")
    assert table.read_bytes() == before
    again = check_cohort([table], SplitSettings(seed=9), headers=False)
    assert [facts.splits for facts in again.tables] == ["file"]
    assert [record.split for record in again.records] == [record.split for record in result.records]
    assert write_splits(again) == ()

    written.write_text("case_id,split\na,holiday\n")
    assert "is not a file of splits" in errors_of(table)[0]


def test_the_split_column_comes_before_what_was_written(write_table) -> None:
    table = write_table("case_id,image,mask,er,split", "a,a.nii.gz,m.nii.gz,1,external", "b,b.nii.gz,m.nii.gz,0,test")
    table.with_name("cohort.splits.csv").write_text("case_id,split\na,train\nb,train\n")
    assert [record.split for record in read_cohort(table).records] == ["external", "test"]
    assert check_cohort([table], SHARES, headers=False).tables[0].splits == "column"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file of this name"),
        (b"", "the file is empty"),
        (b"case_id,image\n", "the table holds no case"),
        (b"case_id;image\na;b\n", "the columns are not separated by commas"),
        ("case_id,image,note\na,b,Größe\n".encode("latin-1"), "it is no CSV in UTF-8"),
        ("case_id,image\na,b\n".encode("utf-16"), "it is no CSV in UTF-8"),
        (b"case_id,image\na,\0b\n", "zero bytes"),
        (b'case_id,image\na,"b\n', "line 2 is not CSV"),
        (b"case_id,er\na,1\n", "image|the column is missing|add it"),
        (b"case_id,image,\na,b,c\n", "column 3 has no name"),
        (b"case_id,image,er,er\na,b,1,0\n", "er (twice)|two columns have one name"),
        (b"case_id,image,mask,HER-2\na,a.nii.gz,m.nii.gz,1\n", "HER-2|the column looks like her2|rename it to her2"),
        (b"case_id,image,mask,er\na,b,c,1,5\n", "line 2||the row has 5 cells, the header 4"),
    ],
)
def test_a_broken_file_is_one_sentence(write_table, content, message: str) -> None:
    table = write_table("case_id,image")
    table.unlink()
    if content is not None:
        table.write_bytes(content)
    found = "\n".join(errors_of(table))
    for part in message.split("|"):
        assert part in found
    with pytest.raises(CohortError):
        read_cohort(table)


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("mask,er", "{image},m.nii.gz,maybe", "case x|er|'maybe'"),
        ("mask,er", "{image},m.nii.gz,95", "case x|er|'95' is not understood"),
        ("mask,er,hr", "{image},m.nii.gz,1,0", "case x|er, hr|contradicts"),
        ("mask,ki67", "{image},m.nii.gz,high", "case x|ki67|'high'"),
        ("mask,er", "{image},,1", "mask|no region of interest is given, and onephase detects no lesions"),
        (f"mask,er,{BOX}", "{image},m.nii.gz,1,1,5,1,6,0,4", "mask|both mask and box are given|keep one of them"),
        (f"er,{BOX}", "{image},1,5,1,1,6,0,4", "col_start, col_end|the box is inverted or empty: col_start 5"),
        (f"er,{BOX}", "{image},1,1,1,1,6,0,4", "col_start, col_end|the box is inverted or empty: col_start 1"),
        (f"er,{BOX}", "{image},1,-1,5,1,6,0,4", "col_start|the box starts at -1"),
        (f"er,{BOX}", "{image},1,1,5,1,,0,4", "row_end|the box or point is incomplete"),
        (f"er,{BOX}", "{image},1,1,5,1,six,0,4", "row_end|expected a number of voxels, got 'six'"),
        (f"er,{BOX}", "{image},1,1,5,1,nan,0,4", "row_end|expected a number of voxels, got 'nan'"),
        ("er,col_start,col_end", "{image},1,1,5", "row_start|the box or point is incomplete"),
        ("er,col,row,slice", "{image},1,1,,3", "row|the box or point is incomplete"),
        ("er,col,row,slice,mask_label", "{image},1,1,2,3,4", "mask_label|a mask label is given without a mask"),
        ("mask,er,provenance", "{image},m.nii.gz,1,synthetic", "provenance|expected real or simulated"),
        ("mask,er,split", "{image},m.nii.gz,1,val", "split|expected train, validation, test, external or"),
        ("mask,er,phase", "{image},m.nii.gz,1,late", "phase|expected first-post, the number of a phase"),
        ("mask,er,site", "{image},m.nii.gz,1,a/b", "site|printable characters without slashes"),
        ("mask,er,site", "{image},m.nii.gz,1,=1+1", "site|begins like a formula of a spreadsheet"),
        ("mask,er", ",m.nii.gz,1", "image|no image is named"),
        ("mask,er", "gone.nii,m.nii.gz,1", "image|there is no|copy the file there"),
        ("mask,er", "{image},gone.nii,1", "mask|there is no"),
    ],
)
def test_a_wrong_row_is_one_sentence_with_case_and_column(write_table, header: str, row: str, message: str) -> None:
    table = write_table(f"case_id,image,{header}", f"x,{row.format(image='x.nii.gz')}")
    (table.parent / "x.nii.gz").touch()
    found = next(error for error in errors_of(table) if not error.startswith("|"))
    for part in message.removeprefix("case x|").split("|"):
        assert part in found
    assert found.startswith("x|")


def test_every_problem_comes_at_once(write_table) -> None:
    table = write_table(
        "case_id,image,mask,er,her2,provenance",
        "a,a.nii.gz,m.nii.gz,maybe,perhaps,synthetic",
        "a,a.nii.gz,m.nii.gz,1,1,real",
        ",b.nii.gz,,1,0,real",
    )
    result = check_cohort([table], SHARES, headers=False)
    columns = {(problem.case, problem.column) for problem in result.errors}
    assert columns >= {
        *(("a", "er"), ("a", "her2"), ("a", "provenance"), ("a", "case_id")),
        *(("line 4", "case_id"), ("line 4", "mask")),
    }
    with pytest.raises(CohortError, match=r"case a, column .*\(\d more problems: onephase check lists all\)"):
        read_cohort(table)


def labelled(*rows: str) -> tuple[str, ...]:
    """Return a table; each row is ``case,patient,image,er,her2,split,provenance,convention``."""
    cells = [row.split(",") for row in rows]
    header = "case_id,patient_id,image,mask,er,her2,split,provenance,label_convention"
    return header, *(",".join([*row[:2], f"{row[2]}.nii.gz", "m.nii.gz", *row[3:]]) for row in cells)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("a,p,a,1,1,,,", "a,q,b,0,0,,,"), "case_id|line 3 has the case id of clinic line 2"),
        (("a,p,a,1,1,train,,", "b,p,b,0,0,test,,"), "two splits: test here, train with case a"),
        (("a,p,a,1,1,,,", "b,q,a,0,0,,,"), "also that of case a, of another patient"),
        (("a,p,a,1,1,,,", "b,p,a,0,0,,,"), "image and region are those of case a"),
        (("a,p,a,1,1,,,", "b,q,b,0,2+,,,"), "her2|('1', case a) with scores ('2+', case b)"),
        (("a,p,a,1,1,,,", "b,q,b,Allred 5,0,,,"), "er|mixes a bare status"),
        (("a,p,a,1,1,,real,", "b,q,b,0,0,,simulated,"), "1 real and 1 simulated cases come together"),
        (("a,p,a,,,,,", "b,q,b,,,,,"), "all labels are missing"),
        (("a,p,a,1,0,,,", "b,q,b,1,0,,,"), "er, her2, hr|one class only"),
    ],
)
def test_rows_that_contradict_each_other_are_refused(write_table, rows: tuple[str, ...], message: str) -> None:
    found = "\n".join(errors_of(write_table(*labelled(*rows))))
    for part in message.split("|"):
        assert part in found


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("a,p,a,1,1,,,", "b,q,b,1,0,,,"), "er|every case in which it is known"),
        (("a,p,a,1,1,,,", "b,q,b,,,,,", "c,r,c,0,,,,"), "1 of 3 cases have no label"),
        (("a,p,a,1,1,train,,", "b,q,b,0,0,,,"), "1 of 2 rows have no split"),
        (("a,p,a,1,1,train,,", "b,q,b,0,0,train,,"), "no case is in validation or test"),
        (("a,p,a,1,1,,,ispy1", "b,q,b,0,0,,,duke"), "positive meant different things (duke, ispy1)"),
        (("a,p,../clinic/a,1,1,,,", "b,q,b,0,0,,,"), "1 paths are absolute or lead out"),
    ],
)
def test_what_should_be_known_is_a_warning(write_table, rows: tuple[str, ...], message: str) -> None:
    found = problems_of(write_table(*labelled(*rows)))
    assert not [problem for problem in found if problem[0] == "error"]
    text = "\n".join("|".join(problem) for problem in found)
    for part in message.split("|"):
        assert part in text


@pytest.mark.parametrize(
    ("patient", "message"), [("q", "also that of case a, of another patient"), ("p", "image and region are those of")]
)
def test_another_phase_makes_neither_another_patient_nor_another_lesion(write_table, patient: str, message: str):
    header = "case_id,patient_id,image,mask,er,phase"
    table = write_table(header, "a,p,a.nii.gz,m.nii.gz,1,", f"b,{patient},a.nii.gz,m.nii.gz,0,2")
    assert message in "\n".join(errors_of(table))


def test_a_file_of_splits_names_a_case_once(write_table) -> None:
    table = write_table(*SOUND)
    table.with_name("cohort.splits.csv").write_text("case_id,split\na,train\na,test\n")
    assert "names case a twice: keep one line" in errors_of(table)[0]


def test_an_unlabelled_cohort_can_be_read_for_prediction(write_table) -> None:
    table = write_table("case_id,image,mask", "a,a.nii.gz,m.nii.gz")
    assert len(read_cohort(table, labelled=False).records) == 1
    with pytest.raises(CohortError, match="all labels are missing"):
        read_cohort(table)


def test_several_tables_are_told_apart_and_share_case_ids_with_none(write_table, tmp_path: Path) -> None:
    first = write_table(*SOUND, folder="north")
    second = write_table(*SOUND, folder="south")
    assert "a|case_id|line 2 has the case id of north line 2" in "\n".join(errors_of(first, second))
    second.write_text(second.read_text().replace("\na,", "\nd,").replace("\nb,", "\ne,").replace("\nc,", "\nf,"))
    cohort = read_cohort(first, second)
    assert Counter(record.cohort for record in cohort.records) == {"north": 3, "south": 3}
    counted = check_cohort([first, second], SHARES, headers=False).counts
    assert {count.cohort for count in counted} == {"north", "south", "all"}


def test_names_of_tables_grow_until_they_differ() -> None:
    assert cohort_names([Path("/x/duke/cohort.csv"), Path("/x/ispy/cohort.csv")]) == ("duke", "ispy")
    assert cohort_names([Path("/x/a/c/t.csv"), Path("/x/b/c/t.csv")]) == ("a/c", "b/c")
    assert cohort_names([Path("/x/c/one.csv"), Path("/x/c/two.csv")]) == ("c/one", "c/two")


def test_the_real_tables_are_sound(shared_data: Path) -> None:
    tables = [shared_data / "slices" / name / "cases.csv" for name in ("ispy1", "ispy2")]
    result = check_cohort(tables, SHARES)
    assert result.errors == ()
    whole = {count.cohort: count for count in result.counts if count.split == "all"}
    assert {name: count.patients for name, count in whole.items()} == {"ispy1": 66, "ispy2": 198, "all": 264}
    assert all("tumour_volume_cc" in record.covariates for record in result.records)
    hr = {name: next(label for label in count.labels if label.label == "hr") for name, count in whole.items()}
    assert (hr["ispy1"].positive, hr["ispy1"].negative) == (41, 25)
    assert (hr["ispy2"].positive, hr["ispy2"].negative) == (103, 95)
    er = next(label for label in whole["ispy2"].labels if label.label == "er")
    assert (er.positive, er.negative, er.partial, er.missing) == (0, 95, 103, 0)
    sizes = Counter((record.cohort, record.split) for record in result.records)
    assert abs(sizes["ispy2", "train"] - 138.6) <= 1
    assert abs(sizes["ispy1", "test"] - 13.2) <= 1


def test_a_row_with_a_bad_label_and_no_files_says_both(write_table) -> None:
    table = write_table("case_id,image,mask,er", "a,gone.nii,lost.nii,perhaps")
    assert [error.split("|")[1] for error in errors_of(table)] == ["er", "image", "mask"]
