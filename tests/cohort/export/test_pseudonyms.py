"""The same key gives the same names to the same people, another key other ones, and no name tells anything."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.biomarkers.panel import Events
from onephase.cohort.export import pseudonyms
from onephase.cohort.export.pseudonyms import LETTERS, Names, Pseudonyms, names_of
from onephase.cohort.records import Record
from onephase.errors import ExportError

KEYS = st.binary(min_size=32, max_size=64)
TEXTS = st.text(min_size=1, max_size=20)


def record(patient: str, case: str = "c", lesion: str = "", site: str = "s") -> Record:
    return Record(
        case_id=case, patient_id=patient, lesion_id=lesion, site=site, image=Path("i"), events=Events.unknown(1)
    )


def parts(names: Names) -> list[str]:
    return [name for name in (names.case, names.patient, names.lesion, names.site) if name]


@given(key=KEYS, patient=TEXTS, case=TEXTS, lesion=TEXTS, site=TEXTS)
def test_names_are_letters_without_vowels_and_repeat(key: bytes, patient: str, case: str, lesion: str, site: str):
    one = record(patient, case, lesion, site)
    names = Pseudonyms(key).of(one)
    assert names == Pseudonyms(key).of(one)
    assert [name.partition("-")[0] for name in parts(names)] == ["case", "patient", "lesion", "site"]
    assert all(set(name.partition("-")[2]) <= set(LETTERS) for name in parts(names))
    assert len({name.partition("-")[2] for name in parts(names)}) == 4


@given(keys=st.lists(KEYS, min_size=2, max_size=2, unique=True), patient=TEXTS)
def test_another_key_gives_other_names(keys: list[bytes], patient: str) -> None:
    one = record(patient, lesion="left")
    first, second = (parts(Pseudonyms(key).of(one)) for key in keys)
    assert not set(first) & set(second)


def test_a_patient_is_one_under_every_name_of_public_sets() -> None:
    by_key = Pseudonyms(bytes(32))
    duke, mama = by_key.of(record("Breast_MRI_001", "a")), by_key.of(record("DUKE_001", "b"))
    assert duke.patient == mama.patient
    assert duke.case != mama.case


def test_parts_of_a_name_are_kept_apart() -> None:
    by_key = Pseudonyms(bytes(32))
    assert by_key.of(record("ab", "c")).case != by_key.of(record("a", "bc")).case


def test_it_is_hmac_sha256() -> None:
    # RFC 2104 by hand, so that another implementation can give the same names
    import hashlib

    key = bytes(range(32))
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key.ljust(64, b"\0")) + b"patient\0duke 1").digest()
    digest = hashlib.sha256(bytes(byte ^ 0x5C for byte in key.ljust(64, b"\0")) + inner).hexdigest()
    spelt = "".join("bcdfghjklmnpqrst"[int(digit, 16)] for digit in digest[:12])
    assert Pseudonyms(key).of(record("DUKE_001")).patient == f"patient-{spelt}"


def test_two_cases_never_get_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pseudonyms, "LENGTH", 1)
    with pytest.raises(ExportError, match="two cases would get one pseudonym by this key: take another key"):
        names_of([record("p", f"c{number}") for number in range(17)], key=bytes(32))


def test_a_key_is_not_shown() -> None:
    assert "key" not in repr(Pseudonyms(b"secret" * 6))
