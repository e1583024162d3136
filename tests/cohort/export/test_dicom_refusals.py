"""What stops a copy as DICOM: a writer that lets something through, and a series that cannot be shared."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import DataElement, Dataset
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from tests.readers.conftest import write_series

from onephase.cohort.export.dicom_attributes import MAY_STAND
from onephase.cohort.export.form import Form
from onephase.errors import ExportError, ImageError
from onephase.writers import dicom_copy, dicom_profile

from .conftest import KEY, export_cohort

pytest.importorskip("highdicom", reason="highdicom, which writes masks as DICOM SEG, comes with the dicom extra")


def told_of_the_patient(dataset: Dataset, phase: int, place: int) -> None:
    """Write what a scanner writes and no copy may have."""
    dataset.PatientWeight, dataset.AccessionNumber = "70", "4711815"
    dataset.AcquisitionDate, dataset.AcquisitionTime = "20190304", "101112"
    dataset.ProcedureCodeSequence = [Dataset()]
    dataset.ProcedureCodeSequence[0].CodeMeaning = "MR of the left breast"


def kept_too(*keywords: str) -> Callable[[pytest.MonkeyPatch], None]:
    """Break the list of what is kept."""
    return lambda patch: patch.setattr(dicom_copy, "KEPT", dicom_copy.KEPT | {*keywords})


def rewritten(patch: pytest.MonkeyPatch) -> None:
    """Break the rule that numbers stay as they are written: a number of the patient comes in as one of a slice."""
    honest = dicom_copy.say_disguised

    def leaking(copy: Dataset) -> None:
        honest(copy)
        copy.SliceLocation = "4.711815E+6"

    patch.setattr(dicom_copy, "say_disguised", leaking)


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        (kept_too("PatientWeight"), "an attribute that no copy has"),
        (kept_too("ProcedureCodeSequence"), "an attribute that no copy has"),
        (kept_too("AcquisitionTime", "AcquisitionDate"), "an attribute that no copy has"),
        (rewritten, "a number that the source is known by"),
    ],
    ids=["a number", "a sequence", "times", "another way to write"],
)
def test_what_a_broken_writer_lets_through_is_found(tmp_path: Path, monkeypatch, broken: Callable, kind: str) -> None:
    write_series(tmp_path / "dce", change=told_of_the_patient)
    (tmp_path / "cohort.csv").write_text("case_id,image,col,row,slice\nc1,dce,1,1,1\n")
    broken(monkeypatch)
    with pytest.raises(ExportError, match=rf"slice-\w+\.dcm: {kind}"):
        export_cohort([tmp_path / "cohort.csv"], tmp_path / "shared", key=KEY, form=Form.DICOM)
    assert not (tmp_path / "shared").exists()


def test_both_lists_of_what_is_kept_say_the_same_of_images() -> None:
    kept = {tag_for_keyword(keyword) for keyword in (*dicom_profile.KEPT, *dicom_profile.IDENTITY)}
    may_stand = {group << 16 | number for group, number in MAY_STAND}
    assert kept <= may_stand
    of_masks = {keyword_for_tag(tag) for tag in may_stand - kept}
    assert "" not in of_masks
    assert not [keyword for keyword in of_masks if keyword.endswith(("Date", "Time", "Comments"))]


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"BurnedInAnnotation": "YES"}, "has annotations burned into its pixels"),
        ({"ConversionType": "WSD"}, "is a picture of a screen or a film"),
        ({"FrameOfReferenceUID": ""}, "has no FrameOfReferenceUID, without which a copy belongs nowhere"),
    ],
)
def test_one_slice_that_cannot_be_shared_stops_the_copy(tmp_path: Path, attributes: dict, sentence: str) -> None:
    def spoil(dataset: Dataset, phase: int, place: int) -> None:
        if place == 1:  # the series is judged by its first file alone
            for keyword, value in attributes.items():
                setattr(dataset, keyword, value)

    write_series(tmp_path / "dce", change=spoil)
    (tmp_path / "cohort.csv").write_text("case_id,image,col,row,slice\nc1,dce,1,1,1\n")
    with pytest.raises(ImageError, match=sentence):
        export_cohort([tmp_path / "cohort.csv"], tmp_path / "shared", key=KEY, form=Form.DICOM)
    assert not [path for path in tmp_path.iterdir() if "shared" in path.name or "writing" in path.name]


@pytest.mark.parametrize(
    "element",
    [
        DataElement("ImageType", "UI", ["1.2.3", "1.2.4"]),
        DataElement("ContentDate", "SQ", [Dataset()]),
        DataElement("Manufacturer", "FD", 4711.0),  # eight bytes of any name
        DataElement("ScanOptions", "IS", "4711"),
    ],
    ids=["uids", "sequence", "name as a number", "name in digits"],
)
def test_a_value_of_another_kind_than_its_attribute_has_is_damage(tmp_path: Path, element: DataElement) -> None:
    def disguised(dataset: Dataset, phase: int, place: int) -> None:
        if place == 1:
            dataset.add(element)

    write_series(tmp_path / "dce", change=disguised)
    (tmp_path / "cohort.csv").write_text("case_id,image,col,row,slice\nc1,dce,1,1,1\n")
    with pytest.raises(ImageError, match=r"\.dcm is a damaged or truncated DICOM file: copy or export it again"):
        export_cohort([tmp_path / "cohort.csv"], tmp_path / "shared", key=KEY, form=Form.DICOM)
    assert not (tmp_path / "shared").exists()
