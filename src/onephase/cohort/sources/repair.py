"""Masks that a set stores in a way that no reader can trust, written anew beside the cohort table."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from onephase.errors import CohortError
from onephase.imaging.case import Mask
from onephase.readers.dicom.files import folders_below
from onephase.writers.volume_file import write_mask

FOLDER = "masks"
SHORT = 12


def kept_mask(read: Callable[[], Mask], *, made_from: str, folder: Path, case_id: str) -> Path:
    """Return a mask file on the grid of its image, written where it is not there yet.

    Its name holds the hash of what it was made from: a second import finds it, one of changed files does not.

    Args:
        read: Returns the mask.
        made_from: Everything that the mask depends on.
        folder: The cohort table's folder; the mask goes into ``masks/`` below it.
        case_id: Name of the case.

    Raises:
        CohortError: If the name of the case leads out of ``masks/``; then nothing is read or written.
        StorageError: If it cannot be written; nothing half-written is left.
    """
    path = kept_at(folder / FOLDER, case_id=case_id, made_from=made_from, suffix=".nii.gz")
    if not path.exists():
        write_mask(path, read())
    return path


def is_kept_mask(path: Path) -> bool:
    """Tell a mask that an import keeps from the files of a set, by where it lies and what :func:`kept_at` calls it."""
    return path.parent.name == FOLDER and re.fullmatch(rf".+-[0-9a-f]{{{SHORT}}}\.nii\.gz", path.name) is not None


def files_in(folder: Path) -> str:
    """Return name and size of every file below a folder: a mask on the grid of a series depends on all its slices.

    A download that was only begun when its mask was made has another grid when it is whole.

    Raises:
        ImageError: If a folder cannot be read.
    """
    paths = (parent / name for parent, names in folders_below(folder) for name in names)
    return "\n".join(sorted(f"{path.relative_to(folder)} {path.stat().st_size}" for path in paths if path.is_file()))


def kept_at(folder: Path, *, case_id: str, made_from: str, suffix: str) -> Path:
    """Return where something of a case is kept: its name holds the hash of everything that it depends on.

    Raises:
        CohortError: If the name of the case leads out of the folder.
    """
    path = folder / f"{case_id}-{hashlib.sha256(made_from.encode()).hexdigest()[:SHORT]}{suffix}"
    if path.parent != folder:
        message = "a case is named like a way to another folder, and files are named after it: give it another name"
        raise CohortError(message)
    return path
