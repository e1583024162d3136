"""Predictions of nnU-Net as masks, in its own layout and names."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from tests.cohort.sources.conftest import phantom, write_csv, write_nifti
from tests.readers.conftest import write_series

from onephase.cohort.table import read_cohort
from onephase.errors import CohortError

MAP = {"case_id": "ID", "image": "imagesTs/{ID}_0001.nii.gz", "er": "ER", "label_convention": "asco-cap-2020"}
LABELS = {"background": 0, "breast": 1, "tumour": 2}


def dataset(folder: Path, labels: object) -> Path:
    """Write a dataset.json with the keys of nnU-Net 2."""
    content = {"channel_names": {"0": "pre", "1": "post"}, "labels": labels, "numTraining": 3, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(content))
    return folder / "dataset.json"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "Dataset501"
    for seed, case in enumerate(("a", "b", "c")):
        volume, mask = phantom(seed)
        for channel in (0, 1):
            write_nifti(folder / "imagesTs" / f"{case}_{channel:04d}.nii.gz", volume + channel)
        if case != "c":
            write_nifti(folder / "predictions" / f"{case}.nii.gz", 1 + mask if case == "a" else mask * 0)
    dataset(folder / "predictions", LABELS)
    write_csv(folder / "table.csv", [("ID", "ER"), *((case, "95%") for case in ("a", "b", "c", "d"))])
    return folder


def test_predictions_are_found_by_the_naming_rule(results: Path, do_import, tmp_path: Path) -> None:
    done = do_import("nnunet", results, label="tumour", **MAP)
    (record,) = read_cohort(tmp_path / "out" / "cohort.csv", labelled=False).records
    assert (record.case_id, record.mask_label) == ("a", "2")
    assert record.image.name == "a_0001.nii.gz"
    assert record.mask is not None
    assert record.mask.resolve() == (results / "predictions" / "a.nii.gz").resolve()
    assert {one.case: one.reason for one in done.record.found.left_out} == {
        "b": "nnU-Net has predicted no tumour in it",
        "c": "there is no prediction of it",
        "d": "the image is not here",
    }
    assert any("nobody has drawn" in note for note in done.record.found.notes)


def left_out_of(done) -> dict[str, str]:
    return {one.case: f"{one.reason}: {one.detail}" for one in done.record.found.left_out}


def test_a_prediction_that_is_no_volume_file_is_left_out(results: Path, do_import, tmp_path: Path) -> None:
    with zipfile.ZipFile(results / "predictions" / "b.nii.gz", "w") as archive:
        archive.writestr("b.nii", b"voxels")
    (dicom,) = write_series(tmp_path / "study", shape=(1, 4, 5)).files[0]
    (results / "predictions" / "c.nii.gz").write_bytes(dicom.read_bytes())
    why = left_out_of(do_import("nnunet", results, label="tumour", **MAP))
    unusable = "image or mask cannot be used: "
    assert why["b"].startswith(unusable)
    assert "b.nii.gz is a ZIP by its content, expected NIfTI, NRRD or MetaImage" in why["b"]
    assert why["c"].startswith(unusable)
    assert "c.nii.gz is a DICOM file by its content" in why["c"]


def test_a_prediction_of_several_volumes_is_left_out(results: Path, do_import) -> None:
    _, mask = phantom(1)
    volumes = [SimpleITK.GetImageFromArray(values) for values in (mask * 2, np.zeros_like(mask))]
    SimpleITK.WriteImage(SimpleITK.JoinSeries(volumes), str(results / "predictions" / "b.nii.gz"))
    why = left_out_of(do_import("nnunet", results, label="tumour", **MAP))
    assert "b.nii.gz holds 2 volumes: a mask has one" in why["b"]


def test_an_image_by_another_rule_is_left_out(results: Path, do_import) -> None:
    (results / "imagesTs" / "a_0001.nii.gz").rename(results / "imagesTs" / "a.nii.gz")
    with pytest.raises(CohortError, match=r"not named by nnU-Net's rule, CASE_0000\.nii\.gz"):
        do_import("nnunet", results, label="tumour", **MAP | {"image": "imagesTs/{ID}.nii.gz"})


@pytest.mark.parametrize(
    ("labels", "more", "message"),
    [
        (LABELS, {}, "has the labels breast, tumour: name the tumour's"),
        (LABELS, {"label": "lesion"}, "has the labels breast, tumour: name the tumour's"),
        ({"background": 0, "whole": [1, 2]}, {}, "one of a single value"),
        (["background", "tumour"], {}, "names no labels as nnU-Net 2 does"),
        ({"0": "background", "1": "tumour"}, {}, "names no labels as nnU-Net 2 does"),
    ],
)
def test_a_label_that_is_not_told_stops_the_import(results: Path, do_import, labels, more, message) -> None:
    dataset(results / "predictions", labels)
    with pytest.raises(CohortError, match=message):
        do_import("nnunet", results, **MAP, **more)


def test_no_dataset_file_stops_the_import(results: Path, do_import) -> None:
    (results / "predictions" / "dataset.json").unlink()
    with pytest.raises(CohortError, match=r"there is no dataset\.json in .*--map predictions=FOLDER"):
        do_import("nnunet", results, **MAP)
    dataset(results, {"background": 0, "tumour": 2})
    assert len(do_import("nnunet", results, **MAP).record.found.lesions) == 1


def test_a_dataset_json_that_may_not_be_opened_is_one_sentence(results: Path, do_import, close) -> None:
    with pytest.raises(CohortError, match=r"cannot be opened \(File name too long\): check its name"):
        do_import("nnunet", results, label="tumour", predictions="x" * 300, **MAP)
    close("dataset.json")
    with pytest.raises(CohortError, match=r"dataset.json cannot be opened \(Permission denied\): check its name"):
        do_import("nnunet", results, label="tumour", **MAP)
