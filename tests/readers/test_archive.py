import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from onephase.errors import ImageError, NotOurInputError
from onephase.readers import archive
from onephase.readers.archive import unpacked
from onephase.readers.case import open_scan


def packed(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return path


def test_a_study_in_a_zip_equals_the_folder_and_leaves_nothing(tmp_path: Path, series_writer, monkeypatch):
    made = series_writer(tmp_path / "series")
    path = packed(tmp_path / "study.zip", {f"CANARY/{file.name}": file.read_bytes() for file in made.files[0]})
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with open_scan(path) as scan:
        assert (scan.read(0) == made.values[0]).all()
        assert scan.label == str(path)
        assert len(list(temporary.iterdir())) == 1
    assert not list(temporary.iterdir())


def test_the_folder_goes_away_after_an_error(tmp_path: Path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    path = packed(tmp_path / "study.zip", {"note.txt": b"text"})
    with pytest.raises(ImageError, match=r"study\.zip holds no DICOM file"), open_scan(path):
        pass
    assert not list(temporary.iterdir())


def test_a_damaged_file_is_named_by_its_place_in_the_archive(tmp_path: Path, series_writer):
    made = series_writer(tmp_path / "series")
    contents = [path.read_bytes() for path in made.files[0]]
    path = packed(tmp_path / "study.zip", {"a": contents[0], "CANARY^YELLOW": contents[1][:-20], "c": contents[2]})
    with pytest.raises(ImageError, match=r"study\.zip, file 00002 is a damaged") as told, open_scan(path) as scan:
        scan.read(0)
    assert "CANARY" not in str(told.value)


@pytest.mark.parametrize("name", ["../evil.dcm", "/etc/evil.dcm", "a/../../evil.dcm", "..\\evil.dcm", "C:\\evil.dcm"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str):
    with (
        pytest.raises(NotOurInputError, match="names that lead out of it"),
        unpacked(packed(tmp_path / "a.zip", {name: b"x"})),
    ):
        pass


def test_links_are_refused(tmp_path: Path):
    link = zipfile.ZipInfo("slice.dcm")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as target:
        target.writestr(link, "/etc/passwd")
    with pytest.raises(NotOurInputError, match="or links"), unpacked(tmp_path / "a.zip"):
        pass


def test_a_bomb_is_refused_by_its_table_of_contents(tmp_path: Path):
    path = packed(tmp_path / "bomb.zip", {f"{number}": bytes(20 << 20) for number in range(4)})
    with (
        pytest.raises(NotOurInputError, match=r"would unpack to 84 MB from 0\.1 MB, beyond what images do"),
        unpacked(path),
    ):
        pass


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBERS", 2)
    path = packed(tmp_path / "many.zip", {str(number): b"x" for number in range(3)})
    with pytest.raises(ImageError, match="holds 3 files, more than 2"), unpacked(path):
        pass


def test_empty_broken_and_encrypted_archives_are_refused(tmp_path: Path):
    with pytest.raises(ImageError, match="is an empty ZIP"), unpacked(packed(tmp_path / "empty.zip", {})):
        pass
    path = packed(tmp_path / "whole.zip", {"a": os.urandom(5000)})
    (tmp_path / "cut.zip").write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ImageError, match="is a broken ZIP"), unpacked(tmp_path / "cut.zip"):
        pass
    content = bytearray(path.read_bytes())
    content[1000] ^= 0xFF
    (tmp_path / "flipped.zip").write_bytes(content)
    with pytest.raises(ImageError, match="is a broken ZIP"), unpacked(tmp_path / "flipped.zip"):
        pass
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1  # the flag of an encrypted member
    (tmp_path / "locked.zip").write_bytes(content)
    with pytest.raises(ImageError, match="is encrypted"), unpacked(tmp_path / "locked.zip"):
        pass


def test_a_file_that_begins_before_the_archive_is_refused(tmp_path: Path):
    path = packed(tmp_path / "early.zip", {"1.dcm": b"DICM" * 50})
    content = bytearray(path.read_bytes())
    end = content.rindex(b"PK\x05\x06")
    content[end + 16 : end + 20] = (int.from_bytes(content[end + 16 : end + 20], "little") + 50).to_bytes(4, "little")
    path.write_bytes(content)  # the table of contents is where it was, so everything begins 50 bytes too early
    with pytest.raises(ImageError, match="is a broken ZIP"), unpacked(path):
        pass


def test_a_file_whose_name_is_no_utf8_where_it_stands_is_refused(tmp_path: Path):
    path = packed(tmp_path / "name.zip", {"schnitt-ä.dcm": b"DICM" * 50})
    path.write_bytes(path.read_bytes().replace("ä".encode(), b"\xc3\xc5", 1))  # the table keeps its own
    with pytest.raises(ImageError, match="is a broken ZIP"), unpacked(path):
        pass


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".zip"])
def test_a_tar_is_never_unpacked_whatever_it_is_called(tmp_path: Path, series_writer, suffix: str):
    made = series_writer(tmp_path / "series")
    path = tmp_path / f"study{suffix}"
    with tarfile.open(path, "w:gz" if suffix == ".tar.gz" else "w") as target:
        target.add(made.files[0][0], arcname="../escaped.dcm")
        target.add(made.files[0][0], arcname="/escaped.dcm")
    before = {*tmp_path.rglob("*")}
    with pytest.raises(ImageError, match=rf"study{suffix} .*: (give|this)"), open_scan(path):
        pass
    assert {*tmp_path.rglob("*")} == before
    path.rename(tmp_path / "series" / path.name)  # beside slices it is passed over, as any other file
    with open_scan(tmp_path / "series") as scan:
        assert (scan.read(0) == made.values[0]).all()
    assert not list(tmp_path.rglob("escaped*"))


def test_a_member_without_a_name_is_one_sentence(tmp_path: Path):
    """The standard library's own question, whether it is a folder, ends on it."""
    path = tmp_path / "study.zip"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("a", b"text")
        target.filelist[0].filename = ""
    with pytest.raises(ImageError, match=r"study\.zip is a broken ZIP"), open_scan(path):
        pass
