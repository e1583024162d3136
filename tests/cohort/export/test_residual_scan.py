"""The search finds what is planted, wherever and however it is written, and nothing in a clean copy."""

import gzip
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onephase.cohort.export.residual_scan import Finding, residual_scan

OWN = ("case_id", "er", "cohort", "csv", "export", "json", "images", "nii", "gz", "case", "CC BY 4.0, Müller et al.")
KIND = "a patient's id"
LETTERS = string.ascii_letters + string.digits + "äöüÉŁ^_- .'"
IDS = st.text(LETTERS, min_size=6, max_size=40).filter(lambda text: sum(sign.isalnum() for sign in text) >= 6)
ENCODINGS = st.sampled_from(["utf-8", "utf-16-le", "utf-16-be"])


def kinds(folder: Path, *texts: str, own_words: tuple[str, ...] = OWN) -> list[tuple[str, str]]:
    found = residual_scan(folder, [(text, KIND) for text in texts], own_words=own_words)
    return [(one.file, one.kind) for one in found]


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], max_examples=25)
@given(identifier=IDS, encoding=ENCODINGS, large=st.booleans(), before=st.binary(max_size=9), place=st.integers(0, 2))
def test_what_is_planted_is_found(
    plain_copy: Callable[..., Path], identifier: str, encoding: str, large: bool, before: bytes, place: int
) -> None:
    written = before + b"|" + (identifier.upper() if large else identifier).encode(encoding)
    where = ("table", "manifest", "voxels")[place]
    file = ("cohort.csv", "export.json", "images/a.nii.gz")[place]
    assert (file, KIND) in kinds(plain_copy(**{where: written}), identifier.strip())


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], max_examples=25)
@given(identifiers=st.lists(IDS, max_size=20))
def test_a_clean_copy_has_nothing(plain_copy: Callable[..., Path], identifiers: list[str]) -> None:
    text = b"case-bcdfghjklmnp,1\nCC BY 4.0, M\xc3\xbcller et al.\n"
    copy = plain_copy(table=text, voxels=bytes(range(256)) * 4)
    assert not kinds(copy, *(f"x{text}" for text in identifiers))


def test_a_text_over_the_end_of_a_chunk_is_found(plain_copy: Callable[..., Path], monkeypatch) -> None:
    for chunk in range(5, 20, 3):
        monkeypatch.setattr("onephase.cohort.export.residual_scan.CHUNK_BYTES", chunk)
        assert kinds(plain_copy(voxels=b"\1" * 17 + b"CANARY-001" + b"\2" * 17), "Canary-001") == [
            ("images/a.nii.gz", KIND)
        ]


@pytest.mark.parametrize(
    "written", ["20200131", "2020-01-31", "31.01.2020", "01/31/2020", "31-01-2020", "x 2020 01 31 y", "20200131093000"]
)
@pytest.mark.parametrize("known", ["20200131", "2020-01-31", "31.1.2020", "1/31/2020", "20200131120000.5"])
def test_a_date_is_found_in_every_order(plain_copy: Callable[..., Path], written: str, known: str) -> None:
    assert kinds(plain_copy(table=f"{written},1\n".encode()), known) == [("cohort.csv", KIND)]


@pytest.mark.parametrize("short", ["7", "AB", "L 3", "10421"])
def test_short_identifiers_are_words_where_names_stand(plain_copy: Callable[..., Path], short: str) -> None:
    assert kinds(plain_copy(table=f"case {short},1\n".encode()), short) == [("cohort.csv", KIND)]
    assert kinds(plain_copy(name=f"case-{short}"), short) == [("file 4 of 4", f"{KIND}, in its name")]
    elsewhere = plain_copy(table=f"b,{short}\n".encode(), voxels=short.encode() * 3, manifest=f"[{short}]".encode())
    assert not kinds(elsewhere, short)


def test_five_characters_are_found_in_text_and_not_in_voxels(plain_copy: Callable[..., Path]) -> None:
    assert kinds(plain_copy(table=b"zMoore2,1\n"), "Moore") == [("cohort.csv", KIND)]
    assert not kinds(plain_copy(voxels=b"moore"), "Moore")


def test_own_words_count_only_when_they_stand_alone(plain_copy: Callable[..., Path]) -> None:
    assert not kinds(plain_copy(), "images", "case_id")
    assert kinds(plain_copy(table=b"images7,1\n"), "images7")
    assert kinds(plain_copy(table=b"ispy1_1001,1\n"), "ISPY1_1001", own_words=(*OWN, "ispy1"))
    assert kinds(plain_copy(table=b"case-bcdfghjklmnp,1\n"), "CASE-bcdfghjklmnp")  # a pseudonym of the source


def test_the_name_of_a_file_is_not_found_in_that_of_a_pseudonym_by_its_suffix(plain_copy: Callable[..., Path]) -> None:
    """A mask of the source was called ``m.nii.gz``, and one pseudonym in sixteen ends in an m."""
    own = b"images/case-bcdfghjklmnm.nii.gz,1\n"
    assert not kinds(plain_copy(table=own), "m.nii.gz")
    assert not kinds(plain_copy(table=b"masks/case-bcdfghjklmnm.dcm,1\n"), "m.dcm")
    for leak in (b"images/m.nii.gz,1\n", b"images/site-m.nii.gz,1\n", own + b"m.nii.gz"):
        assert kinds(plain_copy(table=leak), "m.nii.gz") == [("cohort.csv", KIND)]
    assert kinds(plain_copy(table=own), "case-bcdfghjklmnm") == [("cohort.csv", KIND)]  # that of a former copy
    assert kinds(plain_copy(table=own), "case-bcdfghjklmnm.nii.gz") == [("cohort.csv", KIND)]


@pytest.mark.parametrize("identifier", ["Case Western", "images of Moore", "er 1", "Moore's case", "CASE_ID", "json"])
def test_identifiers_with_own_words_in_them_are_found(plain_copy: Callable[..., Path], identifier: str) -> None:
    found = kinds(plain_copy(table=f"x {identifier} y,1\n".encode()), identifier)
    assert found == ([] if identifier in {"CASE_ID", "json"} else [("cohort.csv", KIND)])


@pytest.mark.parametrize(
    "written",
    [
        "Jos\u00e9 \u201cMUELLER\u201d".encode(),
        "JOS\u00c9 \u201cmueller\u201d".encode(),
        "Jose\u0301 \u201cMueller\u201d".encode(),
        rb"jos\u00e9 \u201cmueller\u201d",
        "José “Mueller”".encode("utf-16"),
    ],
)
def test_accents_and_escapes_do_not_hide_a_name(plain_copy: Callable[..., Path], written: bytes) -> None:
    assert kinds(plain_copy(manifest=written), "José “Mueller”") == [("export.json", KIND)]


@pytest.mark.parametrize("written", [b'Mrs ""Moore""', rb"Mrs \"Moore\"", b'MRS "MOORE"'])
def test_quotes_do_not_hide_a_name(plain_copy: Callable[..., Path], written: bytes) -> None:
    assert kinds(plain_copy(manifest=written), 'Mrs "Moore"') == [("export.json", KIND)]
    assert kinds(plain_copy(manifest="Mrs Müller".encode("latin-1")), "Mrs Müller") == [("export.json", KIND)]


def test_what_the_copy_says_by_right_may_hold_a_name(plain_copy: Callable[..., Path]) -> None:
    cited = "SAHA A, Écija B: Duke-Breast-Cancer-MRI, 2021-01-02"
    copy = plain_copy(manifest=f'["{cited}"]'.encode())
    assert not kinds(copy, "Duke-Breast-Cancer-MRI", "20210102", own_words=(*OWN, cited))
    assert len(kinds(copy, "Duke-Breast-Cancer-MRI", "20210102", own_words=OWN)) == 1  # one file, one kind


def test_checksums_count_only_when_they_are_right(plain_copy: Callable[..., Path]) -> None:
    wrong = "deadbeef" * 8
    copy = plain_copy(manifest=wrong.encode())
    assert kinds(copy, "DEADBEEF") == [("export.json", KIND)]


def with_header(copy: Path, start: int, text: bytes) -> Path:
    path = copy / "images" / "a.nii.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[start : start + len(text)] = text
    path.write_bytes(gzip.compress(bytes(content), mtime=0))
    return copy


@pytest.mark.parametrize("start", [4, 14, 148, 228, 328, 348])
def test_no_text_belongs_in_a_header(plain_copy: Callable[..., Path], start: int) -> None:
    found = kinds(with_header(plain_copy(), start, b"\1x"))
    assert found == [("images/a.nii.gz", "text in a header, where there should be none")]


@pytest.mark.parametrize(("start", "text"), [(0, b"\0"), (108, b"\0\0\xb4\x43"), (344, b"ni1")])
def test_a_header_of_another_form_is_a_finding(plain_copy: Callable[..., Path], start: int, text: bytes) -> None:
    assert kinds(with_header(plain_copy(), start, text)) == [("images/a.nii.gz", "a header of another form")]


def test_gzip_has_no_name_and_no_time_and_can_be_read(plain_copy: Callable[..., Path]) -> None:
    copy = plain_copy()
    path = copy / "images" / "a.nii.gz"
    content = gzip.decompress(path.read_bytes())
    with gzip.GzipFile(path, "wb") as stream:  # writes its name and the time
        stream.write(content)
    assert kinds(copy) == [("images/a.nii.gz", "a name, a comment or a time of gzip")]
    path.write_bytes(gzip.compress(content, mtime=0)[:-9])
    assert kinds(copy) == [("images/a.nii.gz", "bytes that cannot be read back")]
    path.write_bytes(gzip.compress(content, mtime=0) + b"CANARY")
    assert kinds(copy) == [("images/a.nii.gz", "bytes that cannot be read back")]


def test_what_no_export_writes_is_a_finding(plain_copy: Callable[..., Path], tmp_path: Path) -> None:
    copy = plain_copy()
    (copy / "notes.txt").write_text("a")
    (copy / "images" / "b.nii.gz").symlink_to(copy / "images" / "a.nii.gz")
    found = residual_scan(copy, [], own_words=(*OWN, "txt"))
    assert set(found) == {
        Finding("notes.txt", "a file that does not belong there"),
        Finding("images/b.nii.gz", "a link"),
    }
