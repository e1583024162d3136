import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from onephase.biomarkers.evidence import read_evidence
from onephase.cohort.records import Record, read_records, write_records
from onephase.errors import StorageError
from onephase.imaging.case import Box, SeedPoint


def _full(folder: Path) -> Record:
    return Record(
        case_id="0001",
        patient_id="p1",
        lesion_id="left",
        cohort="clinic",
        site="north",
        split="test",
        events=read_evidence(case_id="0001", er="95%", her2="2+", ki67="18.5"),
        texts={"er": "95%", "pr": "", "her2": "2+", "hr": "", "ki67": "18.5"},
        label_convention="asco-cap-2020",
        provenance="simulated",
        covariates={"age": "61"},
        image=folder / "images" / "a.nii.gz",
        phase="2",
        mask=folder / "a-mask.nii.gz",
        mask_label="3",
    )


def test_records_come_back_as_they_were_and_move_with_their_images(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    full = _full(folder)
    box = replace(full, mask=None, mask_label="", box=Box(column=(1.5, 4.0), row=(0.0, 5.0), slice=(2.0, 6.0)))
    seed = replace(full, mask=None, mask_label="", seed=SeedPoint(column=1.0, row=2.0, slice=3.0))
    write_records(folder / "store" / "records.json", (full, box, seed))
    assert str(tmp_path) not in (folder / "store" / "records.json").read_text()

    moved = tmp_path / "there"
    shutil.move(folder, moved)
    for read, written in zip(read_records(moved / "store" / "records.json"), (full, box, seed), strict=True):
        assert read.to_json(folder=moved) == written.to_json(folder=folder)
        assert read.image.resolve() == moved.resolve() / "images" / "a.nii.gz"
        assert (read.events.cells == written.events.cells).all()
        assert (read.box, read.seed) == (written.box, written.seed)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"format": 99, "records": []}, "is of format 99, expected 1"),
        ({"records": []}, "is not a file of records"),
        ([], "is not a file of records"),
        ({"format": 1, "records": [{"case_id": "a"}]}, "is not a file of records"),
    ],
)
def test_a_file_that_is_none_of_records_is_refused(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "records.json"
    path.write_text(json.dumps(content))
    with pytest.raises(StorageError, match=message):
        read_records(path)


@pytest.mark.parametrize("module", ["records", "prepared"])
def test_what_learning_starts_from_imports_no_reader_and_no_table(module: str) -> None:
    heavy = "{'pandas', 'SimpleITK', 'pydicom', 'torch'}"
    code = f"import sys, onephase.cohort.{module}; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
