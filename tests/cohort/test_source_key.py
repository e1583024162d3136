"""What a patch was made from: every file of it, and how the program outlines where it does."""

from pathlib import Path

import pytest
from tests.readers.conftest import close_folder, deep_folders

from onephase.biomarkers.panel import Events
from onephase.cohort import source_key as room
from onephase.cohort.records import Record
from onephase.errors import ImageError
from onephase.imaging.case import SeedPoint


@pytest.mark.parametrize("given", ["mask", "seed"])
def test_a_box_or_seed_is_outlined_anew_when_the_recipe_has_changed(given: str, tmp_path: Path, monkeypatch) -> None:
    for name in ("image", "mask"):
        (tmp_path / name).write_text(name)
    region = {"mask": tmp_path / "mask"} if given == "mask" else {"seed": SeedPoint(1.0, 2.0, 3.0)}
    record = Record(case_id="c", patient_id="p", image=tmp_path / "image", events=Events.unknown(1), **region)
    before = room.source_key(record)
    assert before == room.source_key(record)
    monkeypatch.setattr(room, "AT_SEED", "another recipe")
    assert (room.source_key(record) == before) == (given == "mask")


def record_of(image: Path) -> Record:
    return Record(case_id="c", patient_id="p", image=image, events=Events.unknown(1), seed=SeedPoint(1.0, 2.0, 3.0))


def test_a_folder_counts_with_every_file_below_it_and_by_what_it_holds(tmp_path: Path) -> None:
    for copy in ("one", "two"):
        for place in ("b", "a", "a/c"):
            (tmp_path / copy / place).mkdir(parents=True)
            (tmp_path / copy / place / "slice").write_text(place)
    before = room.source_key(record_of(tmp_path / "one"))
    assert room.source_key(record_of(tmp_path / "two")) == before
    (tmp_path / "two" / "a" / "c" / "slice").write_text("another")
    assert room.source_key(record_of(tmp_path / "two")) != before


def test_a_folder_that_cannot_be_read_or_is_deeper_than_any_is_refused(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "study" / "post 1").mkdir(parents=True)
    with deep_folders(tmp_path / "study", depth=1300), pytest.raises(ImageError, match=r"case c: .*more than 100 deep"):
        room.source_key(record_of(tmp_path / "study"))
    close_folder(tmp_path / "study" / "post 1", monkeypatch)
    with pytest.raises(ImageError, match=r"case c: .*post 1 cannot be read \(Permission denied\)"):
        room.source_key(record_of(tmp_path / "study"))


@pytest.mark.parametrize("name", ["image", "image [1]"])
@pytest.mark.parametrize("header", [".mhd", ".MHD", ".NHDR"])
def test_a_detached_header_counts_with_the_voxels_beside_it(name: str, header: str, tmp_path: Path) -> None:
    for suffix in (header, ".raw"):
        (tmp_path / f"{name}{suffix}").write_text(suffix)
    before = room.source_key(record_of(tmp_path / f"{name}{header}"))
    (tmp_path / f"{name}.raw").write_text("other voxels")
    assert room.source_key(record_of(tmp_path / f"{name}{header}")) != before


@pytest.mark.parametrize(
    ("header", "words"),
    [("image.mhd", "NDims = 3\nElementDataFile = other.raw\n"), ("image.nrrd", "NRRD0004\ndata file: other.raw\n\n")],
)
def test_voxels_of_another_name_count_where_the_header_names_them(header: str, words: str, tmp_path: Path) -> None:
    (tmp_path / header).write_text(words)
    alone = room.source_key(record_of(tmp_path / header))
    (tmp_path / "other.raw").write_text("voxels")
    before = room.source_key(record_of(tmp_path / header))
    (tmp_path / "other.raw").write_text("other voxels")
    assert len({alone, before, room.source_key(record_of(tmp_path / header))}) == 3
    (tmp_path / header).write_text(words.replace("other.raw", "../other.raw"))
    assert room.source_key(record_of(tmp_path / header))  # reading refuses it, and says why


def test_a_detached_header_in_a_folder_that_may_not_be_listed_is_refused(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "image.mhd").write_text("header")

    def refusing(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", refusing)
    with pytest.raises(ImageError, match=r"case c: .* cannot be read \(Permission denied\)"):
        room.source_key(record_of(tmp_path / "image.mhd"))
