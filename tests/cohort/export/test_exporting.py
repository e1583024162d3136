"""The whole copy: nothing of the source in it, everything that is needed in it, and all of it or nothing."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from onephase.cohort.case_of import case_of
from onephase.cohort.export import exporting
from onephase.cohort.export.exporting import EVERY_FILE_S, plan_export
from onephase.cohort.export.form import Form
from onephase.cohort.export.pseudonyms import names_of
from onephase.cohort.sources.duke import SOURCE as DUKE
from onephase.cohort.table import check_cohort, read_cohort
from onephase.errors import CohortError, ExportError, ImageError
from onephase.imaging.case import Mask
from onephase.settings import SplitSettings

from .conftest import GREY, KEY, export_cohort, nifti


def everything_in(folder: Path) -> bytes:
    """Return all names and bytes of a folder, unpacked and in small letters, also with each second byte left out."""
    parts = []
    for path in sorted(folder.rglob("*")):
        parts.append(str(path.relative_to(folder)).encode())
        if path.is_file():
            content = path.read_bytes()
            parts += [content, gzip.decompress(content) if path.suffix == ".gz" else b""]
    whole = b"\n".join(parts).lower()
    return b"\n".join((whole, whole[::2], whole[1::2]))


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "cohort.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_no_canary_is_anywhere(source: Path, copy: Path) -> None:
    there = everything_in(copy)
    header = dcmread(next((source.parent / "canary_study").iterdir()))
    telling = [b"canary", b"yellow", b"4711", b"second", b"19610203", b"1961-02-03", b"20200102"]
    telling += [
        str(header[name].value).encode() for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
    ]
    assert not [text for text in telling if text in there]
    before = everything_in(source.parent)
    assert all(text in before for text in telling)


def test_every_case_reads_back_as_it_was(source: Path, copy: Path) -> None:
    before = read_cohort(source, labelled=False).records
    after = {record.case_id: record for record in read_cohort(copy / "cohort.csv", labelled=False).records}
    names = names_of(before, key=KEY)
    assert len(after) == len(before)
    for record, name in zip(before, names, strict=True):
        other = after[name.case]
        old, new = case_of(record), case_of(other)
        np.testing.assert_array_equal(old.volume.array, new.volume.array)
        assert old.volume.grid.same_as(new.volume.grid)
        if isinstance(old.roi, Mask):
            assert isinstance(new.roi, Mask)
            np.testing.assert_array_equal(old.roi.array, new.roi.array)
        else:
            assert new.roi == old.roi
        assert (other.texts, other.split, other.provenance) == (record.texts, record.split, record.provenance)


def test_check_takes_the_copy(copy: Path) -> None:
    assert not check_cohort([copy / "cohort.csv"], SplitSettings()).errors


def test_lesions_of_one_patient_stay_together(source: Path, copy: Path) -> None:
    rows = rows_of(copy)
    assert len({row["case_id"] for row in rows}) == 4
    assert len({row["patient_id"] for row in rows}) == 3  # Canary-001 and CANARY_1 are one


def test_all_files_are_of_one_time_and_gzip_has_none(copy: Path) -> None:
    for path in (copy, *copy.rglob("*")):
        assert path.stat().st_mtime == EVERY_FILE_S
        if path.suffix == ".gz":
            assert path.read_bytes()[3:8] == bytes(5)  # flags and time (RFC 1952)


def test_same_key_same_bytes_and_other_key_other_names(source: Path, copy: Path, tmp_path: Path) -> None:
    export_cohort([source], tmp_path / "same", key=KEY)
    assert everything_in(tmp_path / "same") == everything_in(copy)
    export_cohort([source], tmp_path / "other", key=KEY[::-1])
    names, others = ({path.name for path in (folder / "images").iterdir()} for folder in (copy, tmp_path / "other"))
    assert not names & others


def test_the_manifest_says_what_was_done(copy: Path) -> None:
    told = json.loads((copy / "export.json").read_text())
    assert told["counts"] == {"cases": 4, "patients": 3, "sites": 2, "masks": 2, "boxes": 1, "points": 1}
    assert told["dropped"] == {"columns": 2, "cells": {"age": 1, "label_convention": 1}}
    files = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    assert set(told["sha256"]) == files - {"export.json"}
    assert told["searched_for"] > 30


def test_the_plan_names_what_is_dropped(source: Path, tmp_path: Path) -> None:
    plan = plan_export([source])
    assert plan.to_json()["dropped_columns"] == ["radiologist canary", "canary"]
    assert "Columns dropped: radiologist canary, canary; cells emptied in age: 1" in str(plan)


def test_a_leak_is_refused_and_nothing_remains(source: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(exporting, "table_text", lambda records, names, form: f"case_id\n{records[0].patient_id}\n")
    with pytest.raises(ExportError) as told:
        export_cohort([source], tmp_path / "shared", key=KEY)
    assert "cohort.csv: a patient's id" in str(told.value)
    assert "canary" not in str(told.value).lower()
    assert not list(tmp_path.iterdir())


def test_a_leak_in_the_name_of_a_file_is_told_by_its_number(source: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(Form, "image", lambda form, case: f"CANARY_left/{case}{form.suffix}")
    with pytest.raises(ExportError, match=r"file 1 of \d+: the id of a case, in its name") as told:
        export_cohort([source], tmp_path / "shared", key=KEY)
    assert "canary" not in str(told.value).lower()
    assert not list(tmp_path.iterdir())


def test_a_case_that_cannot_be_read_stops_before_anything_is_written(source: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.nii.gz").write_bytes(b"\x1f\x8b\x08 no image")
    (tmp_path / "broken" / "cohort.csv").write_text("case_id,image,col,row,slice\nc1,a.nii.gz,1,1,1\n")
    with pytest.raises(CohortError, match=r"case c1.* or leave the case out"):
        export_cohort([tmp_path / "broken" / "cohort.csv"], tmp_path / "shared", key=KEY)
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


@pytest.mark.parametrize("offset", [np.nan, np.inf, 0.0])
def test_voxels_that_begin_nowhere_stop_before_anything_is_written(tmp_path: Path, offset: float) -> None:
    content = bytearray(gzip.decompress(nifti(GREY)))
    content[108:112] = np.float32(offset).tobytes()
    (tmp_path / "a.nii").write_bytes(content)
    (tmp_path / "cohort.csv").write_text("case_id,image,col,row,slice\nc1,a.nii,1,1,1\n")
    with pytest.raises((CohortError, ImageError)) as told:
        export_cohort([tmp_path / "cohort.csv"], tmp_path / "shared", key=KEY)
    assert "a.nii" in str(told.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nii", "cohort.csv"]


def test_nothing_left_to_copy_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.nii.gz").write_bytes(nifti(GREY))
    (tmp_path / "cohort.csv").write_text("case_id,image,col,row,slice\nc1,a.nii.gz,1,1,1\n")
    (tmp_path / "cohort.excluded.csv").write_text("case_id,reason\nc1,blurred\n")
    with pytest.raises(
        ExportError, match=r"no case is left to copy: every case of cohort\.csv is left out; take a case"
    ):
        plan_export([tmp_path / "cohort.csv"])


def test_a_case_that_breaks_off_while_it_is_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.nii.gz").write_bytes(nifti(GREY))
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(gzip.decompress(nifti(GREY))[:-4]))  # its header is sound
    (tmp_path / "cohort.csv").write_text("case_id,image,col,row,slice\nc1,a.nii.gz,1,1,1\nc2,b.nii.gz,1,1,1\n")
    with pytest.raises(ImageError, match=r"case c2: .* is cut short"):
        export_cohort([tmp_path / "cohort.csv"], tmp_path / "shared", key=KEY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nii.gz", "b.nii.gz", "cohort.csv"]


def test_no_folder_with_something_in_it_is_replaced(source: Path, copy: Path) -> None:
    with pytest.raises(ExportError, match="is not empty: name a new folder for each copy"):
        export_cohort([source], copy, key=KEY)


def test_a_copy_can_be_copied_and_its_names_are_searched_for(copy: Path, tmp_path: Path, monkeypatch) -> None:
    plan = export_cohort([copy / "cohort.csv"], tmp_path / "again", key=KEY)
    assert len(plan.records) == 4
    old = {row["case_id"] for row in rows_of(copy)}
    assert not old & {row["case_id"] for row in rows_of(tmp_path / "again")}
    monkeypatch.setattr(exporting, "table_text", lambda records, names, form: f"case_id\n{records[0].case_id}\n")
    with pytest.raises(ExportError, match=r"cohort.csv: the (id of a case|name of a file or folder)"):
        export_cohort([copy / "cohort.csv"], tmp_path / "leaking", key=KEY)


def test_terms_of_a_public_set_may_hold_the_name_of_a_folder(tmp_path: Path, copy: Path) -> None:
    source = tmp_path / DUKE.title
    source.mkdir()
    image = next((copy / "images").iterdir())
    (source / "cohort.csv").write_text(f"case_id,image,col,row,slice\nDuke_1,{image},1,1,1\n")
    terms = {"title": DUKE.title, "licence": DUKE.licence, "citation": DUKE.citation}
    (source / "cohort.source.json").write_text(json.dumps(terms))
    export_cohort([source / "cohort.csv"], tmp_path / "shared", key=KEY)
    assert json.loads((tmp_path / "shared" / "export.json").read_text())["sources"] == [terms]


def test_a_record_without_terms_is_refused(tmp_path: Path, copy: Path) -> None:
    (tmp_path / "cohort.source.json").write_text("{}")
    image = next((copy / "images").iterdir())
    (tmp_path / "cohort.csv").write_text(f"case_id,image,col,row,slice\nx1,{image},1,1,1\n")
    with pytest.raises(ExportError, match="does not say title, licence and citation of the set: import it again"):
        export_cohort([tmp_path / "cohort.csv"], tmp_path / "shared", key=KEY)


@pytest.mark.parametrize("licence", ["Only for the study", "Only for the friends of Canary-001"])
def test_terms_of_the_set_come_along_and_are_searched_too(tmp_path: Path, licence: str, copy: Path) -> None:
    source = tmp_path / "set"
    source.mkdir()
    image = next((copy / "images").iterdir())
    (source / "cohort.csv").write_text(f"case_id,patient_id,image,col,row,slice\nx1,Canary-001,{image},1,1,1\n")
    terms = {"title": "A clinic's cohort", "licence": licence, "citation": "none"}
    (source / "cohort.source.json").write_text(json.dumps(terms | {"left_out": ["Canary-007"]}))
    if "Canary" in licence:
        with pytest.raises(ExportError, match=r"export\.json: a patient's id"):
            export_cohort([source / "cohort.csv"], tmp_path / "shared", key=KEY)
        return
    export_cohort([source / "cohort.csv"], tmp_path / "shared", key=KEY)
    assert json.loads((tmp_path / "shared" / "export.json").read_text())["sources"] == [terms]
