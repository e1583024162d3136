"""Value by value: numbers as written, words of the standard, new UIDs; all else gone, in sequences too."""

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_VR
from tests.readers.conftest import slice_dataset

from onephase.writers.dicom_copy import Disguise, shareable, write_shareable
from onephase.writers.dicom_profile import DUMMIES, EMPTIED, IDENTITY, KEPT, UIDS

DISGUISE = Disguise("patient-bcdfghjklmnp", bytes(range(32)))
STORED = np.arange(15, dtype=np.uint8).reshape(1, 3, 5)
# PS3.15 table E.1-1 (2024b), basic profile: what an MR image may have of it, patient and study left out (IDENTITY).
TABLE_E_1_1 = """
AcquisitionComments AcquisitionContextSequence AcquisitionDate AcquisitionDateTime AcquisitionTime
AcquisitionDeviceProcessingDescription AcquisitionProtocolDescription AcquisitionUID AdditionalPatientHistory
AdmittingDiagnosesDescription Allergies BranchOfService CassetteID ClinicalTrialProtocolID ClinicalTrialSiteID
ClinicalTrialSubjectID ClinicalTrialTimePointID CommentsOnThePerformedProcedureStep ConcatenationUID ContentCreatorName
ContentDate ContentTime ContrastBolusAgent ContrastBolusStartTime ContrastBolusStopTime ContributionDescription
DateOfLastCalibration DecompositionDescription DerivationDescription DeviceSerialNumber DeviceUID
DimensionOrganizationUID EthnicGroup FrameAcquisitionDateTime FrameComments FrameOfReferenceUID
FrameReferenceDateTime GantryID IconImageSequence ImageComments ImagePresentationComments InstanceCoercionDateTime
InstanceCreationDate InstanceCreationTime InstanceCreatorUID InstitutionAddress InstitutionCodeSequence
InstitutionName InstitutionalDepartmentName IrradiationEventUID IssuerOfPatientID MedicalAlerts
ModifiedImageDescription NameOfPhysiciansReadingStudy Occupation OperatorsName OtherPatientIDs OtherPatientNames
PatientAddress PatientAge PatientBirthName PatientBirthTime PatientComments PatientReligiousPreference PatientSize
PatientState PatientTelephoneNumbers PatientWeight PerformedProcedureStepDescription PerformedProcedureStepID
PerformedProcedureStepStartDate PerformedStationName PerformingPhysicianName PhysiciansOfRecord PregnancyStatus
ProtocolName ReferencedImageSequence ReferencedPatientSequence ReferencedPerformedProcedureStepSequence
ReferencedSOPInstanceUID ReferencedStudySequence ReferringPhysicianTelephoneNumbers RequestAttributesSequence
RequestedContrastAgent RequestedProcedureDescription RequestedProcedureID RequestingPhysician RequestingService
RespiratoryMotionCompensationTechniqueDescription RetrieveAETitle SOPInstanceUID ScheduledProcedureStepID SeriesDate
SeriesDescription SeriesInstanceUID SeriesTime SmokingStatus SourceImageSequence StationName StudyComments
StudyDescription StudyIDIssuer StudyInstanceUID SynchronizationFrameOfReferenceUID TimezoneOffsetFromUTC
TransducerIdentificationSequence UniqueDeviceIdentifier
"""


def copied(**attributes: object) -> Dataset:
    header = slice_dataset(SeriesInstanceUID="1.2.3", SOPInstanceUID="1.2.4", Rows=3, Columns=5, **attributes)
    return shareable(header, STORED, frames=(), disguise=DISGUISE)


def test_no_attribute_of_the_table_stays_as_it_is() -> None:
    named = set(TABLE_E_1_1.split())
    assert all(dictionary_VR(keyword) for keyword in named)
    assert named & KEPT <= {*DUMMIES, *EMPTIED, *UIDS}
    assert len(named) > 100
    assert not set(IDENTITY) & KEPT


def test_no_kind_of_free_text_and_no_person_stays() -> None:
    free = {
        keyword for keyword in KEPT if dictionary_VR(keyword) in {"LT", "ST", "UT", "UC", "PN", "UN", "DA", "TM", "DT"}
    }
    assert free <= set(DUMMIES)


@pytest.mark.parametrize(
    ("keyword", "before", "after"),
    [
        ("FlipAngle", "12.50", "12.50"),
        ("ImageType", ["ORIGINAL", "PRIMARY", "M", "ND", "CANARY"], ["ORIGINAL", "PRIMARY", "M", "OTHER", "OTHER"]),
        ("ScanOptions", ["FS", "CANARY", "PFP"], ["FS", "PFP"]),
        ("BodyPartExamined", "CANARY", ""),
        ("BodyPartExamined", "BREAST", "BREAST"),
        ("Manufacturer", "Siemens Healthineers", "Siemens Healthineers"),
        ("Manufacturer", "Canary Works", "OTHER"),
        ("SoftwareVersions", "canary 3", "REMOVED"),
        ("SoftwareVersions", "", ""),
        ("ContrastBolusAgent", "Gadolinium", ""),
        ("MRAcquisitionType", "", ""),
        ("ContentDate", "20200102", "19000101"),
        ("PatientBirthDate", "19610203", ""),
        ("PatientSex", "F", ""),
        ("PatientPosition", "HFP", "HFP"),
    ],
)
def test_values_by_kind(keyword: str, before: object, after: object) -> None:
    value = copied(**{keyword: before})[keyword].value
    assert (str(value) if isinstance(after, str) else list(value)) == after


@pytest.mark.parametrize(
    "keyword", ["SeriesDescription", "ImageComments", "PatientAge", "PatientWeight", "StationName"]
)
def test_what_is_not_listed_goes(keyword: str) -> None:
    assert keyword not in copied(**{keyword: "042Y" if keyword == "PatientAge" else "7"})


def test_uids_are_new_the_same_everywhere_and_of_the_key() -> None:
    one, again = copied(), copied(FlipAngle=3)
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert one[keyword].value == again[keyword].value
        assert one[keyword].value.startswith("2.25.")
        assert one[keyword].value.is_valid
    assert one.SOPClassUID == "1.2.840.10008.5.1.4.1.1.4"
    assert Disguise("patient-x", bytes(32)).uid("1.2.4") != one.SOPInstanceUID


def test_items_of_kept_sequences_are_treated_alike() -> None:
    region, content, groups = Dataset(), Dataset(), Dataset()
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "T-04000", "SRT", "Canary's breast"
    content.FrameComments, content.FrameAcquisitionDateTime, content.FrameAcquisitionDuration = "x", "20200102", 7.0
    anatomy = Dataset()
    other = Dataset()
    other.CodeValue, other.CodingSchemeDesignator, other.CodeMeaning = "1", "99CANARY", "Canary"
    anatomy.AnatomicRegionSequence, anatomy.FrameLaterality = [region, other], "L"
    groups.FrameContentSequence, groups.FrameAnatomySequence, groups.ProcedureCodeSequence = (
        [content],
        [anatomy],
        [other],
    )
    header = slice_dataset(SOPInstanceUID="1.2.4", SeriesInstanceUID="1.2.3")
    header.PerFrameFunctionalGroupsSequence = [groups]
    copy = shareable(header, STORED, frames=(4,), disguise=DISGUISE)
    assert copy.SOPInstanceUID == DISGUISE.uid("1.2.4 (4,)")  # some frames of a file are another object
    (kept,) = copy.PerFrameFunctionalGroupsSequence
    assert {element.keyword for element in kept} == {"FrameContentSequence", "FrameAnatomySequence"}
    assert str(kept.FrameContentSequence[0].FrameAcquisitionDateTime) == "19000101000000"
    assert "FrameComments" not in kept.FrameContentSequence[0]
    (code,) = kept.FrameAnatomySequence[0].AnatomicRegionSequence
    assert (code.CodeValue, code.CodeMeaning) == ("T-04000", "Breast")
    assert kept.FrameContentSequence[0].DimensionIndexValues == 1


def test_an_odd_number_of_bytes_is_padded_and_reads_back(tmp_path) -> None:
    copy = copied(BitsStored=8, HighBit=7)
    write_shareable(tmp_path / "a.dcm", copy)
    read = dcmread(tmp_path / "a.dcm")
    np.testing.assert_array_equal(read.pixel_array, STORED[0])
    assert read.file_meta.ImplementationVersionName == "ONEPHASE"
    assert read.preamble == bytes(128)
    assert (tmp_path / "a.dcm").stat().st_size % 2 == 0


def test_the_key_is_never_shown() -> None:
    assert "key" not in repr(DISGUISE)
