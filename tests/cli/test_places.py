"""Where a command may write: never into a bundle, never among foreign files, never where a file is in the way."""

from pathlib import Path

import pytest

from onephase.cli.places import refuse_bundle, refuse_foreign, refuse_no_file, refuse_no_folder
from onephase.errors import StorageError


def test_a_bundle_and_every_folder_in_it_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "bundle.json").write_text("{}")
    (bundle / "settings.json").write_text("{}")
    (tmp_path / "link").symlink_to(bundle)
    refuse_bundle(tmp_path, tmp_path / "bundle-2", None)
    for place in (bundle, bundle / "a" / "b.json", tmp_path / "link", tmp_path / "none" / ".." / "bundle"):
        with pytest.raises(StorageError, match=r"bundle, which cannot be opened any more once another file is in it"):
            refuse_bundle(tmp_path / "answer", place)
    monkeypatch.chdir(bundle)
    with pytest.raises(StorageError, match=r"^\. is a bundle, .*: write elsewhere$"):
        refuse_bundle(Path())


def test_fhir_of_the_name_of_a_bundle_makes_none(tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_text("{}")
    refuse_bundle(tmp_path, tmp_path / "answer")


def test_a_new_disk_is_empty(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    refuse_foreign(tmp_path, mark="store.json", kind="prepared cohort")


def test_foreign_files_are_refused_and_what_was_broken_off_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    refuse_foreign(folder, mark="store.json", kind="prepared cohort")
    folder.mkdir()
    refuse_foreign(folder, mark="store.json", kind="prepared cohort")
    for name in (".lock", ".writing-ab.json"):  # broken off before the first file stood
        (folder / name).touch()
    refuse_foreign(folder, mark="store.json", kind="prepared cohort")
    (folder / "images").mkdir()
    (folder / "cohort.csv").touch()
    with pytest.raises(StorageError, match=r"store holds cohort\.csv and is no prepared cohort: name a new folder, or"):
        refuse_foreign(folder, mark="store.json", kind="prepared cohort")
    (folder / "store.json").touch()
    refuse_foreign(folder, mark="store.json", kind="prepared cohort")


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refuse_no_folder(tmp_path / "new" / "newer")
    refuse_no_folder(Path("new"))
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StorageError, match=r"a file stands where a folder is needed, .*file: name another folder"):
            refuse_no_folder(folder)
    with pytest.raises(StorageError, match=r"a file stands where a folder is needed, .*file: name another folder"):
        refuse_no_file(tmp_path / "file" / "fhir.json")


def test_a_folder_in_the_way_of_a_file_is_named(tmp_path: Path) -> None:
    refuse_no_file(tmp_path / "new" / "fhir.json")
    (tmp_path / "fhir.json").touch()
    refuse_no_file(tmp_path / "fhir.json")
    with pytest.raises(StorageError, match=r"is a folder, where a file is to be written: name a file, in it or"):
        refuse_no_file(tmp_path)
