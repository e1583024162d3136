"""The picture of a prediction as a Secondary Capture (PS3.3 A.8.1), for viewers that know nothing better."""

from highdicom.sc import SCImage
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from onephase.inference.prediction import Prediction
from onephase.reports.dicom_identity import Identity
from onephase.reports.dicom_source import DicomSource
from onephase.reports.figure import report_figure


def capture(prediction: Prediction, source: DicomSource, *, identity: Identity) -> Dataset:
    """Return the Secondary Capture; no patient is named in its pixels."""
    made = SCImage.from_ref_dataset(
        source.header,
        pixel_array=report_figure(prediction),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "P"),  # asked for, and taken out below
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **identity.series("capture"),
    )
    made.copy_patient_and_study_information(source.header)
    made.DateOfSecondaryCapture, made.TimeOfSecondaryCapture = made.ContentDate, made.ContentTime
    made.PatientOrientation = ""  # a page has none; viewers would print letters at its edges
    made.Laterality = source.laterality
    made.BurnedInAnnotation = "NO"
    identity.settle(made)
    settled: Dataset = made
    return settled
