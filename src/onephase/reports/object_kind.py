"""What kinds of result object there are; apart from what makes them, so that a command line knows them at once."""

from enum import StrEnum
from pathlib import Path


class ObjectKind(StrEnum):
    """A kind of result object, as its file's name begins."""

    SEG = "seg"
    PM = "pm"
    SR = "sr"
    CAPTURE = "capture"


def kind_of(path: Path) -> str:
    """Return the kind that a file's name begins with (see ``Identity.file_name``)."""
    return path.name.partition("-")[0]
