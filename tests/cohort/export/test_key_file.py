"""A key is long enough, belongs to its owner alone, and is never replaced."""

from pathlib import Path

import pytest

from onephase.cohort.export.key_file import new_key_file, read_key_file
from onephase.errors import ExportError, StorageError


def test_a_new_key_is_private_and_read_back(tmp_path: Path) -> None:
    key = new_key_file(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert read_key_file(tmp_path / "key") == key
    assert len(bytes.fromhex(key.decode())) == 32
    assert key != new_key_file(tmp_path / "other")


def test_a_key_is_not_replaced(tmp_path: Path) -> None:
    new_key_file(tmp_path / "key")
    with pytest.raises(ExportError, match="is there already: give it with --key"):
        new_key_file(tmp_path / "key")
    with pytest.raises(StorageError, match="could not be written because a file stands where a folder is needed"):
        new_key_file(tmp_path / "key" / "inner")


def test_a_short_open_or_missing_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with pytest.raises(ExportError, match=r"cannot be read \(No such file or directory\): make one with --new-key"):
        read_key_file(path)
    path.write_bytes(b"x" * 31)
    with pytest.raises(ExportError, match="holds 31 bytes, fewer than 32"):
        read_key_file(path)
    path.write_bytes(b"x" * 32)
    path.chmod(0o640)
    with pytest.raises(ExportError, match="can be read by others, who could undo the pseudonyms: chmod 600"):
        read_key_file(path)
    path.chmod(0o400)
    assert read_key_file(path) == b"x" * 32
