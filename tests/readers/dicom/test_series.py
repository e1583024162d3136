from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage

from onephase.errors import ImageError, NotOurInputError
from onephase.readers.dicom.scan import DicomScan, open_dicom


def names(scan: DicomScan) -> list[str]:
    return [phase.name for phase in scan.phases]


def test_the_dynamic_series_is_chosen_out_of_a_study(tmp_path: Path, series_writer):
    series_writer(tmp_path / "1", number=1, SeriesDescription="3-plane loc", EchoTime=1.0)
    series_writer(tmp_path / "2", number=2, SeriesDescription="ax T2 STIR", EchoTime=90.0)
    series_writer(tmp_path / "3", number=3, SeriesDescription="Ax Vibrant", phases=5, RepetitionTime=6.0)
    series_writer(tmp_path / "4", number=4, SeriesDescription="SUB 1")
    series_writer(tmp_path / "5", number=5, SeriesDescription="sag t1", orientation="sagittal")
    scan = open_dicom(tmp_path)
    assert names(scan) == ["Ax Vibrant"] * 5
    assert scan.source["series"] == "series 3 'Ax Vibrant'"
    assert scan.source["series_passed_over"] == "4"


def test_phases_in_series_of_their_own_are_put_together_in_order_of_time(tmp_path: Path, series_writer):
    for number, (name, time) in enumerate([("post_2", "1005"), ("pre", "1000"), ("post_1", "1002")], start=4):
        series_writer(tmp_path / name, number=number, seed=number, SeriesDescription=name, AcquisitionTime=f"{time}00")
    series_writer(tmp_path / "T1", number=9, SeriesDescription="ax t1 no fat sat", FlipAngle=25.0)
    assert names(open_dicom(tmp_path)) == ["pre", "post_1", "post_2"]


def test_two_series_that_could_be_meant_are_listed(tmp_path: Path, series_writer):
    series_writer(tmp_path / "a", number=3, SeriesDescription="left breast dyn", phases=3)
    series_writer(tmp_path / "b", number=7, SeriesDescription="right breast dyn", phases=3, shape=(6, 5, 4))
    with pytest.raises(ImageError, match="holds 2 series that could be meant") as told:
        open_dicom(tmp_path)
    assert "series 3 'left breast dyn' (4 slices x 3 phases)" in str(told.value)
    assert "series 7 'right breast dyn' (6 slices x 3 phases)" in str(told.value)
    assert "give the folder of one of them" in str(told.value)


def test_the_only_series_that_names_contrast_is_taken(tmp_path: Path, series_writer):
    series_writer(tmp_path / "a", number=3, SeriesDescription="ax t1", ContrastBolusAgent="NONE")
    series_writer(tmp_path / "b", number=7, SeriesDescription="ax t1 +C", shape=(6, 5, 4))
    assert names(open_dicom(tmp_path)) == ["ax t1 +C"]


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"SeriesDescription": "sub_post1"}, "is a subtraction"),
        ({"SeriesDescription": "ep2d_diff ADC"}, "is diffusion"),
        ({"EchoTime": 88.0}, "is not T1-weighted .echo time 88 ms."),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "P"]}, "is a phase image"),
        ({"ImageType": ["DERIVED", "SECONDARY", "MIP"]}, "is a projection"),
        ({"shape": (2, 5, 6)}, "is no volume .2 slices."),
    ],
)
def test_a_series_that_is_no_t1_volume_is_refused_with_the_reason(tmp_path: Path, series_writer, attributes, said: str):
    series_writer(tmp_path, **attributes)
    with pytest.raises(NotOurInputError, match=f"holds no T1 volume that can be read .*{said}"):
        open_dicom(tmp_path)


def test_another_modality_is_refused(tmp_path: Path, series_writer):
    series_writer(tmp_path, modality="CT", SOPClassUID=CTImageStorage)
    with pytest.raises(NotOurInputError, match=r"holds no MR image \(modality: CT\)"):
        open_dicom(tmp_path)
    series_writer(tmp_path / "claims", modality="PT")
    with pytest.raises(NotOurInputError, match="is of modality PT: give breast MRI"):
        open_dicom(tmp_path / "claims")


def test_another_body_part_is_refused_and_a_doubtful_one_warned_of(tmp_path: Path, series_writer):
    series_writer(tmp_path / "brain", BodyPartExamined="BRAIN")
    with pytest.raises(NotOurInputError, match=r"shows another body part by its header \(BRAIN\)"):
        open_dicom(tmp_path / "brain")
    series_writer(tmp_path / "chest", BodyPartExamined="CHEST")
    assert any("names the body part CHEST" in said for said in open_dicom(tmp_path / "chest").warnings)
    series_writer(tmp_path / "none", BodyPartExamined="")
    assert any("no header names the body part" in said for said in open_dicom(tmp_path / "none").warnings)
    series_writer(tmp_path / "named", BodyPartExamined="ABDOMEN", StudyDescription="MR BREAS, UNIT")
    assert any("names the body part ABDOMEN" in said for said in open_dicom(tmp_path / "named").warnings)
    series_writer(tmp_path / "sound")
    assert open_dicom(tmp_path / "sound").warnings == ()


def test_other_doubts_are_warnings_and_burned_in_text_is_refused(tmp_path: Path, series_writer):
    series_writer(tmp_path / "a", ContrastBolusAgent="NONE", LossyImageCompression="01", SliceThickness=1.0)
    said = " ".join(open_dicom(tmp_path / "a").warnings)
    assert "no header names a contrast agent" in said
    assert "compressed with loss" in said
    assert "slices of 1 mm lie 2.5 mm apart" in said
    series_writer(tmp_path / "b", BurnedInAnnotation="YES")
    with pytest.raises(NotOurInputError, match="annotations burned into its pixels"):
        open_dicom(tmp_path / "b")


def test_no_patient_identifier_is_shown(tmp_path: Path, series_writer):
    name = "Canary yellow ax T1 can-4711 with a very long description"
    series_writer(tmp_path, SeriesDescription=name, phases=2)
    scan = open_dicom(tmp_path)
    shown = f"{scan.source} {scan.phases} {scan.warnings} {scan.label}".lower()
    for canary in ("canary", "yellow", "4711", "19610203"):
        assert canary not in shown.replace(str(tmp_path).lower(), "")
    assert len(scan.phases[0].name) <= 40
