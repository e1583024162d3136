"""Headers of a download that hold no numbers where numbers belong: found by fuzzing, one sentence now."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.cohort.sources.conftest import phantom, write_dynamic, write_seg, write_ucsf_seg

from onephase.cohort.sources.duke_mapping import MappedSequence, downloaded
from onephase.cohort.sources.ispy2 import _turned_round
from onephase.cohort.sources.tcia import series_in
from onephase.cohort.sources.ucsf import volume_of_interest
from onephase.errors import ImageError
from onephase.readers.dicom.scan import open_dicom


def broken(path: Path, tag: bytes, representation: bytes, value: bytes) -> Path:
    """Put another value into a short element of an explicit little-endian file, outside of any sequence."""
    content = path.read_bytes()
    at = content.index(tag + representation) + len(tag) + len(representation)
    length = int.from_bytes(content[at : at + 2], "little")
    path.write_bytes(content[:at] + len(value).to_bytes(2, "little") + value + content[at + 2 + length :])
    return path


def _private_phases(folder: Path) -> Callable[[], object]:
    made = write_dynamic(folder / "dce")
    write_ucsf_seg(folder / "seg.dcm", made)
    broken(folder / "seg.dcm", b"\x17\x01\x35\x10", b"IS", b"0\\x\\2 ")
    return lambda: volume_of_interest(folder / "seg.dcm", grid=open_dicom(folder / "dce").grid)


def _frames_of_a_mask(folder: Path) -> Callable[[], object]:
    made = write_dynamic(folder / "dce")
    write_seg(folder / "seg.dcm", made, np.where(phantom()[1] > 0, 0.0, 0.1), label="VOLSER")
    broken(folder / "seg.dcm", b"\x28\x00\x08\x00", b"IS", b"inf ")
    return lambda: _turned_round(folder / "seg.dcm", open_dicom(folder / "dce").grid)


def _number_of_a_series(folder: Path) -> Callable[[], object]:
    made = write_dynamic(folder / "dce")
    broken(min(path for phase in made.files for path in phase), b"\x20\x00\x11\x00", b"IS", b"inf ")
    return lambda: series_in([folder])


def _mapped_slice(folder: Path, tag: bytes, representation: bytes) -> Callable[[], object]:
    made = write_dynamic(folder / "dce", phases=1)
    files = [path.rename(path.with_name(f"1-{number}.dcm")) for number, path in enumerate(made.files[0], 1)]
    content = files[-1].read_bytes()
    files[-1].write_bytes(content.replace(tag + representation, tag + representation.capitalize()))
    first, last = ((f"{folder.name}/dce/{path.name}", "") for path in (files[0], files[-1]))
    return lambda: downloaded(MappedSequence((1, len(files)), (first, last)), [folder])


def _rows_of_a_mapped_slice(folder: Path) -> Callable[[], object]:
    return _mapped_slice(folder, b"\x28\x00\x10\x00", b"US")


def _position_of_a_mapped_slice(folder: Path) -> Callable[[], object]:
    return _mapped_slice(folder, b"\x20\x00\x32\x00", b"DS")


@pytest.mark.parametrize(
    "damage",
    [_private_phases, _frames_of_a_mask, _number_of_a_series, _rows_of_a_mapped_slice, _position_of_a_mapped_slice],
)
def test_text_in_place_of_a_number_is_one_sentence(
    tmp_path: Path, damage: Callable[[Path], Callable[[], object]]
) -> None:
    read = damage(tmp_path)
    with pytest.raises(ImageError, match="is a damaged or truncated DICOM file: copy or export it again"):
        read()
