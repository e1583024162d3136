"""Whether a segment of a DICOM SEG is a tumour, by its codes and words."""

import re

from pydicom import Dataset

from onephase.readers.dicom.header_text import shown, text_of

# Segmented property types that mean a tumour or lesion: SNOMED CT, and the retired SNOMED RT codes (PS3.16).
TUMOUR_CODES = {
    "108369006", "86049000", "14799000", "4147007", "52988006", "367651003", "1240414004", "254837009",
    "M-8FFFF", "M-80003", "M-80006", "M-03000", "M-01100", "M-80001", "M-80002",
}  # fmt: skip
# A GTV is the gross tumour volume of radiotherapy; GTVn is that of lymph nodes.
TUMOUR_WORDS = re.compile(
    r"\b(tumou?rs?|neoplasms?|lesions?|cancers?|carcinomas?|mass|malignan\w*|ftv|idc|ilc|dcis|gtvp?\d*(?![ -]?n))\b"
)
# Words that say what else it is; they outweigh a tumour word ("breast tissue without lesion").
OTHER_WORDS = re.compile(
    r"\b(fibroglandular|fgt|parenchyma\w*|background|normal|healthy|vessels?|skin|muscles?|fat|nipples?|implants?|"
    r"lymph|nodes?|air|heart|lungs?|chest wall)\b"
)
# Property types that say nothing about what was outlined; drawing tools write them by default.
NEUTRAL_WORDS = re.compile(r"^(tissue|region of interest|roi|spatial and relational concept|undefined|unknown|)$")
KINDS = ("SegmentedPropertyCategoryCodeSequence", "SegmentedPropertyTypeCodeSequence")


def why_no_tumour(segment: Dataset, *, patient: Dataset, series_words: str) -> str:
    """Return why a segment is taken for something else than a tumour, empty when nothing speaks against it.

    Args:
        segment: An item of the Segment Sequence.
        patient: The SEG, which names the patient.
        series_words: Description of the series and derivation, lower case.
    """
    said = " ".join(text_of(segment, keyword) for keyword in ("SegmentLabel", "SegmentDescription")).lower()
    meanings = [_meaning(segment, kind) for kind in KINDS]
    everything = " ".join([said, *meanings, series_words])
    if others := {match[0] for match in OTHER_WORDS.finditer(everything)}:
        coded = shown_meaning(segment, patient=patient)
        return f"its words are of {' and '.join(sorted(others))}, and it is coded as {coded}"
    if says_tumour(segment) or TUMOUR_WORDS.search(everything):
        return ""
    if not NEUTRAL_WORDS.match(meanings[1]):
        return f"it is coded as {shown_meaning(segment, patient=patient)}"
    return ""


def says_tumour(segment: Dataset) -> bool:
    """Tell whether code, label or description of a segment name a tumour or lesion."""
    codes = {text_of(item, "CodeValue") for item in segment.get(KINDS[1]) or []}
    said = " ".join(text_of(segment, keyword) for keyword in ("SegmentLabel", "SegmentDescription")).lower()
    return bool(codes & TUMOUR_CODES) or bool(TUMOUR_WORDS.search(f"{said} {_meaning(segment, KINDS[1])}"))


def shown_meaning(segment: Dataset, *, patient: Dataset) -> str:
    """Return category and type of a segment for a message; see :func:`shown`."""
    shown_parts = (shown(item, "CodeMeaning", patient=patient) for kind in KINDS for item in segment.get(kind) or [])
    return " / ".join(filter(None, shown_parts)) or "nothing"


def _meaning(segment: Dataset, kind: str) -> str:
    return " ".join(text_of(item, "CodeMeaning") for item in segment.get(kind) or []).lower()
