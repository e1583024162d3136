"""What the text headers of NRRD and MetaImage promise, checked before ITK follows them."""

import re
from pathlib import Path

from onephase.errors import ImageError
from onephase.readers.formats import Format
from onephase.storage import is_there

HEADER_LIMIT = 1 << 16
HEADER_END = {
    Format.NRRD: re.compile(rb"\r?\n\r?\n|\Z"),
    Format.META: re.compile(rb"(?m)^ElementDataFile\s*=.*\n"),
}
# MetaIO also parts at a colon, also within a line, and takes the last of several lines: then it would follow another
# header than is checked here. Its arrays have room for ten dimensions, whatever number stands there.
META_LINE = re.compile(rb"([^\s=:][^=:\r\n]*)=[^\r\n]*\r?\n|[^\S\r\n]*\r?\n")
META_DIMENSIONS = re.compile(rb"(?m)^NDims\s*=[^\S\n]*[1-9]\s*$")
LONE_RETURN = re.compile(rb"\r(?!\n)")  # ends a line for ITK, in NRRD too, and within a line for the patterns here
VOXEL_FILE = re.compile(rb"(?im)^(?:data ?file\s*:|ElementDataFile\s*=)\s*(.+?)\s*$")
COMPRESSED_BYTES = re.compile(rb"(?im)^CompressedDataSize\s*=\s*(\d+)")
COMPRESSED = re.compile(rb"(?im)^CompressedData\s*=\s*True")


def voxels_apart(path: Path) -> Path | None:
    """Return the file of its own folder that an NRRD or MetaImage header names for its voxels; None if there is none.

    Nothing is checked here: a header that leads elsewhere is refused when it is read.

    Args:
        path: Any file of these formats; it is there.
    """
    with path.open("rb") as stream:
        match = VOXEL_FILE.search(stream.read(HEADER_LIMIT))
    name = "" if match is None else match[1].decode("utf-8", errors="replace")
    there = path.with_name(name) if name and Path(name).name == name else path
    return there if there != path and is_there(there) and there.is_file() else None


def check_text_header(path: Path, kind: Format) -> None:
    """Refuse a header that has no end, that ITK would read otherwise, or that sends it to voxels outside its folder.

    Raises:
        ImageError: In one sentence.
    """
    header = _header(path, kind)
    if LONE_RETURN.search(header):
        message = f"{path} has lines in its header that end with a carriage return alone: export it again"
        raise ImageError(message)
    if kind is Format.META:
        _check_meta_lines(path, header)
    match = VOXEL_FILE.search(header)
    if match is None or match[1] == b"LOCAL":
        return
    name = match[1].decode("utf-8", errors="replace")
    if name.startswith("LIST") or "%" in name or "\\" in name or Path(name).name != name:
        message = f"{path} points to voxels elsewhere: write header and voxels into one file"
        raise ImageError(message)
    if not (is_there(path.parent / name) and (path.parent / name).is_file()):
        message = f"{path} keeps its voxels in another file of its folder, which is missing: copy both"
        raise ImageError(message)


def _check_meta_lines(path: Path, header: bytes) -> None:
    """Refuse a MetaImage header of other lines than ``Name = value``, each name once, or not of 1 to 9 dimensions.

    Case does not part names: it does for MetaIO, and not for the patterns here.
    """
    names = []
    for line in header.splitlines(keepends=True):
        match = META_LINE.fullmatch(line)
        if match is None:
            break
        names += [match[1].strip().lower()] if match[1] else []
    else:
        if len(set(names)) == len(names) and META_DIMENSIONS.search(header):
            return
    message = f"{path} has a MetaImage header that is damaged, or means two things: export it again"
    raise ImageError(message)


def check_meta_bytes(path: Path, *, voxel_bytes: int) -> None:
    """Refuse a MetaImage with too few bytes; MetaIO would complain on the terminal, not only by an error.

    Args:
        path: A MetaImage, its header checked.
        voxel_bytes: Size of its voxels when not compressed.
    """
    header = _header(path, Format.META)
    match = VOXEL_FILE.search(header)
    if match is None or match[1] != b"LOCAL":
        return
    packed = COMPRESSED_BYTES.search(header)
    needed = int(packed[1]) if packed else 0 if COMPRESSED.search(header) else voxel_bytes
    there = path.stat().st_size - len(header)
    if there < needed:
        message = f"{path} is cut short ({there} of {needed} bytes of voxels are there): copy it again"
        raise ImageError(message)


def _header(path: Path, kind: Format) -> bytes:
    with path.open("rb") as stream:
        head = stream.read(HEADER_LIMIT)
    end = HEADER_END[kind].search(head)
    if end is None or end.end() == HEADER_LIMIT:
        message = f"{path} is cut short or its header is broken: copy or export it again"
        raise ImageError(message)
    return head[: end.end()]
