"""The words of our DICOM objects: codes of our own scheme for everything that is predicted, listed in docs/dicom.md.

Pathology codes (LOINC codes for ER, PR and HER2 by immune stain, and their like) mean that a specimen was looked
at. A prediction never carries one; a test walks through every object.
"""

from pydicom.sr.coding import Code

from onephase.biomarkers.subtypes import SUBTYPES
from onephase.inference.manifest import Provenance
from onephase.inference.reading import CUTOFFS_PERCENT, INTERVAL_LEVELS

SCHEME = "99ONEPHASE"
SCHEME_NAME = "onephase predictions and regions"
SCHEME_UID = "2.25.43796104604113705055577321217561541111"


def _own(value: str, meaning: str) -> Code:
    return Code(value, SCHEME, meaning)


POSITIVE = {
    name: _own(f"P-{name.upper()}-POS", f"Predicted probability of {words}")
    for name, words in {
        "er": "ER positive",
        "pr": "PR positive",
        "her2": "HER2 positive",
        "hr": "HR (ER or PR) positive",
    }.items()
}
KI67_MEDIAN = _own("P-KI67-MEDIAN", "Predicted Ki-67, median")
KI67_LOW = {level: _own(f"P-KI67-LOW-{level}", f"Predicted Ki-67, lower end of {level} %") for level in INTERVAL_LEVELS}
KI67_HIGH = {
    level: _own(f"P-KI67-HIGH-{level}", f"Predicted Ki-67, upper end of {level} %") for level in INTERVAL_LEVELS
}
KI67_INTERVAL = {level: _own(f"P-KI67-{level}", f"Predicted Ki-67, {level} % interval") for level in INTERVAL_LEVELS}
KI67_AT_LEAST = {
    cutoff: _own(f"P-KI67-GE-{cutoff}", f"Predicted probability of Ki-67 of {cutoff} % or more")
    for cutoff in CUTOFFS_PERCENT
}
SUBTYPE = {
    name: _own(f"P-SUBTYPE-{number}", f"Predicted probability of {name}")
    for number, name in enumerate(SUBTYPES, start=1)
}
PANEL = _own("P-PANEL", "Predicted biomarker panel, from the image alone")
PANEL_GIVEN = _own("P-PANEL-GIVEN", "Predicted biomarker panel, given pathology")
PANEL_OUTLINES = _own("P-PANEL-OUTLINES", "Predicted biomarker panel, over plausible outlines")

REGION = {
    "core": _own("R-CORE", "Lesion core"),
    "rim": _own("R-RIM", "Lesion rim"),
    "shell": _own("R-SHELL", "Peritumoral shell"),
    "whole": _own("R-WHOLE", "Whole patch around the lesion"),
}
ATTENTION = _own("A-RELATIVE", "Attention of the network, relative to its peak")
ATTENTION_SHARE = _own("A-SHARE", "Share of the network's attention")
ATTENTION_RATIO = _own("A-RATIO", "Share of the attention over share of the volume")
REGION_WEIGHT = {
    task: _own(f"W-{task.upper()}", f"Weight of the region in predicting {words}")
    for task, words in {"er": "ER", "pr": "PR", "her2": "HER2", "ki67": "Ki-67"}.items()
}

OUTLINE = _own("O-OUTLINE", "Outline of the lesion")
OUTLINE_ORIGIN = _own("O-ORIGIN", "Origin of the outline")
OUTLINE_GIVEN = _own("O-GIVEN", "Given with the image")
OUTLINE_SEMI_AUTOMATIC = _own("O-SEMIAUTO", "Drawn by a program from a box or a point")
OUTLINE_MM = {
    "longest_mm": _own("O-LONGEST", "Longest diameter of the outline"),
    "height_mm": _own("O-HEIGHT", "Height of the outline's bounding box"),
    "depth_mm": _own("O-DEPTH", "Depth of the outline's bounding box"),
    "width_mm": _own("O-WIDTH", "Width of the outline's bounding box"),
}
OUTLINE_COUNT = _own("O-COUNT", "Number of plausible outlines")
OUTLINE_ERROR = _own("O-ERROR", "Standard deviation of the surface between plausible outlines")
TRAINING = _own("T-TRAINED-ON", "What the model was trained on")
TRAINED_ON: dict[Provenance, Code] = {
    "simulated": _own("T-SIMULATED", "Simulated cases only"),
    "simulated and real": _own("T-MIXED", "Simulated and real cases"),
    "real": _own("T-REAL", "Real cases"),
}

VOLUME = Code("118565006", "SCT", "Volume")
BREAST = Code("76752008", "SCT", "Breast")
LATERALITY = {"L": Code("7771000", "SCT", "Left"), "R": Code("24028007", "SCT", "Right")}
BREAST_MRI = Code("241615005", "SCT", "MRI of breast")
SPATIAL_CONCEPT = Code("309825002", "SCT", "Spatial and Relational Concept")
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
COMMENT = Code("121106", "DCM", "Comment")
ENDS = (Code("255605001", "SCT", "Minimum"), Code("56851009", "SCT", "Maximum"))

MILLILITRE = Code("ml", "UCUM", "ml")
MILLIMETRE = Code("mm", "UCUM", "mm")
PER_CENT = Code("%", "UCUM", "Percent")
NO_UNIT = Code("1", "UCUM", "no units")
