"""DICOM in a ZIP, unpacked with suspicion into a folder that does not outlive its use."""

import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from onephase.errors import ImageError, NotOurInputError

MAX_MEMBERS = 20_000
MAX_BYTES = 8 << 30
MAX_RATIO = 100  # of the whole archive; images reach about 3, empty masks some 50
RATIO_FROM_BYTES = 64 << 20
UNIX_MODE_SHIFT = 16
ENCRYPTED = 0x1


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield a temporary folder with the files of a ZIP; it is removed afterwards, whatever happens.

    Files get numbers for names: no name out of the archive reaches the file system.

    Raises:
        ImageError: If the archive is broken, encrypted, or too large.
        NotOurInputError: If it holds absolute names, ``..``, links, or a suspicious compression ratio.
    """
    with tempfile.TemporaryDirectory(prefix="onephase-") as name:
        folder = Path(name)
        _unpack(path, folder)
        with _named_after(path, folder):
            yield folder


def names_in(path: Path) -> list[str]:
    """Return the names of files and folders in a ZIP.

    Raises:
        ImageError: If it cannot be read, or is broken.
    """
    with _damage_told(path), zipfile.ZipFile(path) as archive:
        return archive.namelist()


def _unpack(path: Path, folder: Path) -> None:
    with _damage_told(path), zipfile.ZipFile(path) as archive:
        # not by is_dir, which ends on a member without a name
        members = [member for member in archive.infolist() if not member.filename.endswith("/")]
        _check(path, members)
        for number, member in enumerate(members, start=1):
            with archive.open(member) as packed, (folder / f"{number:05d}").open("xb") as plain:
                shutil.copyfileobj(packed, plain)


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Turn what is raised on a broken ZIP, or by a system that does not give it or has no room, into one sentence."""
    try:
        yield
    except OSError as fault:
        place = tempfile.gettempdir()
        message = f"{path} cannot be unpacked ({fault.strerror or fault}): copy it again, or make room in {place}"
        raise ImageError(message) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError):
        message = f"{path} is a broken ZIP, or packed in an unusual way: pack it again"
        raise ImageError(message) from None


@contextmanager
def _named_after(path: Path, folder: Path) -> Iterator[None]:
    """Name the archive, and the place of a file in it, where a message would name the folder that goes away."""
    try:
        yield
    except ImageError as fault:
        message = str(fault).replace(f"{folder}/", f"{path}, file ").replace(str(folder), str(path))
        raise type(fault)(message) from None


def _check(path: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse an archive by its table of contents; what is unpacked never exceeds the sizes in it."""
    if not members:
        message = f"{path} is an empty ZIP: pack the DICOM series into it"
        raise ImageError(message)
    if len(members) > MAX_MEMBERS:
        message = f"{path} holds {len(members)} files, more than {MAX_MEMBERS}: pack one study"
        raise ImageError(message)
    if any(member.header_offset < 0 for member in members):
        raise zipfile.BadZipFile
    if any(_leads_out(member) for member in members):
        message = f"{path} holds names that lead out of it (absolute, '..' or links): do not trust it; pack it anew"
        raise NotOurInputError(message)
    if any(member.flag_bits & ENCRYPTED for member in members):
        message = f"{path} is encrypted: unpack it and give the folder"
        raise ImageError(message)
    large, small = sum(member.file_size for member in members), sum(member.compress_size for member in members)
    if large > MAX_BYTES or (large > RATIO_FROM_BYTES and large > MAX_RATIO * max(1, small)):
        message = (
            f"{path} would unpack to {large / 1e6:.0f} MB from {small / 1e6:.1f} MB, beyond what images do "
            f"(limits: {MAX_BYTES >> 30} GB and {MAX_RATIO} times): unpack it by hand if you trust it"
        )
        raise NotOurInputError(message)


def _leads_out(member: zipfile.ZipInfo) -> bool:
    name, windows = PurePosixPath(member.filename), PureWindowsPath(member.filename)
    is_link = stat.S_ISLNK(member.external_attr >> UNIX_MODE_SHIFT)
    outward = name.is_absolute() or windows.is_absolute() or bool(windows.drive) or windows.root != ""
    return is_link or outward or ".." in name.parts or ".." in windows.parts
