import pytest
from pydicom import Dataset
from pydicom.config import disable_value_validation

from onephase.readers.dicom.header_text import agent_of, number_of, seconds_of, shown, text_of, whole_number_of
from onephase.readers.dicom.series_header import tesla_of


def header(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("written", "tesla"), [(15000, 1.5), (30000, 3.0), (1.5, 1.5), (3, 3.0), (0, None), (None, None)]
)
def test_gauss_becomes_tesla(written: float | None, tesla: float | None):
    assert tesla_of(header(MagneticFieldStrength=written)) == tesla


def test_identifiers_are_taken_out_of_shown_text():
    dataset = header(PatientName="Doe^Jane", PatientID="4711", SeriesDescription="Jane DOE 4711 ax t1 does")
    assert shown(dataset, "SeriesDescription") == "… … … ax t1 does"
    assert shown(header(ROIName="GTV_doe_left"), "ROIName", patient=dataset) == "GTV_…_left"
    assert len(shown(header(SeriesDescription="x" * 60), "SeriesDescription")) == 40


def test_a_name_of_ten_thousand_words_hides_the_text_at_once():
    with disable_value_validation():  # a header that fuzzing made: it took ten seconds
        dataset = header(PatientName=" ".join(f"n{number}" for number in range(10_000)), SeriesDescription="ax t1 n17")
        assert shown(dataset, "SeriesDescription") == "…"
        assert shown(dataset, "ProtocolName") == ""
        dataset = header(PatientID="4711", SeriesDescription="4711 " * 100_000)
        assert shown(dataset, "SeriesDescription") == ("… " * 20)[:39] + "…"


@pytest.mark.parametrize(("written", "agent"), [("NONE", ""), ("no", ""), ("", ""), ("Gadavist 7 ml", "Gadavist 7 ml")])
def test_an_agent_written_as_none_is_none(written: str, agent: str):
    assert agent_of(header(ContrastBolusAgent=written)) == agent


def test_moments_lie_on_one_clock():
    plain = header(StudyDate="20200102", AcquisitionTime="101530.5")
    whole = header(AcquisitionDateTime="20200102101531.5")
    assert seconds_of(whole, "Acquisition") - seconds_of(plain, "Acquisition") == pytest.approx(1.0)
    assert seconds_of(header(ContentTime="101530"), "Acquisition", "Content") is not None
    assert seconds_of(header(StudyDate="20200102"), "Acquisition") is None
    with disable_value_validation():
        assert seconds_of(header(StudyDate="20209999", AcquisitionTime="101530"), "Acquisition") is None


def test_values_that_are_no_numbers_are_none():
    dataset = header(SeriesDescription="12 slices", ImageType=["A", "B"])
    assert number_of(dataset, "SeriesDescription") == 12
    assert number_of(dataset, "ImageType") is None
    assert whole_number_of(header(RepetitionTime=4.5), "RepetitionTime") is None
    assert text_of(dataset, "ImageType") == "A B"
    assert text_of(dataset, "Modality") == ""
