"""What a patch was made from, as one number: the bytes of image and mask, and the region. No labels, no names.

Where there is no mask, how the program outlines belongs to it: it is outlined anew when that has changed.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from onephase.cohort.records import Record
from onephase.errors import ImageError
from onephase.imaging.outline_recipe import AT_SEED, IN_BOX
from onephase.readers.text_headers import voxels_apart
from onephase.storage import sha256_of

DETACHED_HEADERS = {".mhd", ".nhdr"}
TEXT_HEADERS = {*DETACHED_HEADERS, ".mha", ".nrrd"}


def source_key(record: Record) -> str:
    """Return a sha256 that changes when the patch of a record would.

    Raises:
        ImageError: If a file or a folder cannot be read.
    """
    sources = [record.image] if record.mask is None else [record.image, record.mask]
    try:
        contents = [[sha256_of(file) for file in _files(source)] for source in sources]
    except OSError as fault:
        file = fault.filename or "a file of its image or mask"  # a disk that fails names none
        message = f"case {record.case_id}: {file} cannot be read ({fault.strerror}): check the file"
        raise ImageError(message) from None
    except ImageError as fault:
        message = f"case {record.case_id}: {fault}"
        raise ImageError(message) from None
    region = record.to_json(folder=Path())
    made_from = [contents, *(region[name] for name in ("phase", "mask_label", "box", "seed"))]
    if record.mask is None:
        made_from += [IN_BOX, AT_SEED]
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()


def _files(source: Path) -> Iterator[Path]:
    """Yield the files of a source in a fixed order: a folder's, or a header with what lies beside it."""
    if source.is_dir():
        from onephase.readers.dicom.files import folders_below  # with pydicom, which a volume file does without

        paths = (parent / name for parent, names in folders_below(source) for name in names)
        yield from sorted(path for path in paths if path.is_file())
    elif source.suffix.lower() in TEXT_HEADERS:
        named = voxels_apart(source)
        detached = source.parent.iterdir() if source.suffix.lower() in DETACHED_HEADERS else ()
        beside = {path for path in detached if path.name.startswith(f"{source.stem}.")}
        yield from sorted({source, *beside, *([named] if named else [])})
    else:
        yield source
