"""What the slices of one DICOM series share; none of it names the patient."""

from dataclasses import dataclass, field

from pydicom import Dataset

from onephase.readers.dicom.header_text import IDENTITY, number_of, shown, text_of, whole_number_of
from onephase.readers.series_names import words_of

GAUSS_ABOVE = 100.0  # no magnet has 100 tesla: such a number is in gauss
GAUSS_PER_TESLA = 10_000.0
SERIES_KEYWORDS = (
    "SeriesNumber", "SeriesDescription", "ProtocolName", "StudyDescription", "Modality", "BodyPartExamined",
    "Manufacturer", "ManufacturerModelName", "MagneticFieldStrength", "SliceThickness", "RepetitionTime",
    "EchoTime", "FlipAngle", "Laterality", "BurnedInAnnotation", "LossyImageCompression", *IDENTITY,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SeriesHeader:
    """The part of a header that belongs to the series.

    Attributes:
        uid: Series Instance UID.
        number: Series Number; 0 when absent.
        description: Series description for messages: shortened, patient identifiers taken out.
        words: Series description and protocol name for matching; never shown.
        modality: Modality, such as MR.
        body_part: Body part as written, upper case.
        study_words: Study description for matching; never shown.
        frame_of_reference: Frame of Reference UID.
        repetition_ms: Repetition time; None when absent.
        flip_degrees: Flip angle; None when absent.
        facts: What may be told of the acquisition, by name.
        burned_in: Whether annotations are burned into the pixels.
        lossy: Whether the pixels were compressed with loss.
    """

    uid: str
    number: int
    description: str
    words: str = field(repr=False)
    modality: str
    body_part: str
    study_words: str = field(repr=False)
    frame_of_reference: str
    repetition_ms: float | None
    flip_degrees: float | None
    facts: dict[str, str] = field(compare=False)
    burned_in: bool
    lossy: bool

    @property
    def title(self) -> str:
        """How the series is called in a message."""
        return f"series {self.number} '{self.description}'"


def series_header(dataset: Dataset) -> SeriesHeader:
    """Return the series part of a header."""
    return SeriesHeader(
        uid=text_of(dataset, "SeriesInstanceUID"),
        number=whole_number_of(dataset, "SeriesNumber") or 0,
        description=shown(dataset, "SeriesDescription") or shown(dataset, "ProtocolName") or "unnamed",
        words=words_of(f"{text_of(dataset, 'SeriesDescription')} {text_of(dataset, 'ProtocolName')}"),
        modality=text_of(dataset, "Modality").upper(),
        body_part=text_of(dataset, "BodyPartExamined").upper(),
        study_words=words_of(text_of(dataset, "StudyDescription")),
        frame_of_reference=text_of(dataset, "FrameOfReferenceUID"),
        repetition_ms=number_of(dataset, "RepetitionTime"),
        flip_degrees=number_of(dataset, "FlipAngle"),
        facts=_facts(dataset),
        burned_in=text_of(dataset, "BurnedInAnnotation").upper() == "YES",
        lossy=text_of(dataset, "LossyImageCompression") == "01",
    )


def tesla_of(dataset: Dataset) -> float | None:
    """Return the field strength in tesla; some scanners wrote it in gauss (UCSF-BR-06: 15000)."""
    strength = number_of(dataset, "MagneticFieldStrength")
    if strength is None or strength <= 0:
        return None
    return strength / GAUSS_PER_TESLA if strength > GAUSS_ABOVE else strength


def _facts(dataset: Dataset) -> dict[str, str]:
    facts = {
        "modality": text_of(dataset, "Modality").upper(),
        "body_part": shown(dataset, "BodyPartExamined"),
        "manufacturer": shown(dataset, "Manufacturer"),
        "scanner": shown(dataset, "ManufacturerModelName"),
        "laterality": shown(dataset, "Laterality"),
        "slice_thickness_mm": _plain(number_of(dataset, "SliceThickness")),
        "field_strength_tesla": _plain(tesla_of(dataset)),
        "repetition_time_ms": _plain(number_of(dataset, "RepetitionTime")),
        "echo_time_ms": _plain(number_of(dataset, "EchoTime")),
        "flip_angle_degrees": _plain(number_of(dataset, "FlipAngle")),
    }
    return {name: value for name, value in facts.items() if value}


def _plain(number: float | None) -> str:
    return "" if number is None else f"{number:g}"
