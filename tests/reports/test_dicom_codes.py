"""Our scheme is a table that people can read: every code stands in the documentation, and fits its attribute."""

import re
from pathlib import Path

from pydicom.sr.coding import Code

from onephase.reports import dicom_codes

PAGE = Path(__file__).parents[2] / "docs" / "dicom.md"


def own_codes() -> list[Code]:
    values = vars(dicom_codes).values()
    listed = [code for value in values for code in (value.values() if isinstance(value, dict) else [value])]
    return [code for code in listed if isinstance(code, Code) and code.scheme_designator == dicom_codes.SCHEME]


def test_the_documentation_lists_every_code():
    documented = dict(re.findall(r"^\| `([A-Z0-9-]+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert documented == {code.value: code.meaning for code in own_codes()}
    assert dicom_codes.SCHEME_UID in PAGE.read_text(encoding="utf-8")


def test_codes_are_unique_and_fit_their_attributes():
    codes = own_codes()
    assert len({code.value for code in codes}) == len({code.meaning for code in codes}) == len(codes) > 30
    assert all(len(code.value) <= 16 and len(code.meaning) <= 64 for code in codes)  # SH and LO
