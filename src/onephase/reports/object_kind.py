"""What kinds of result object there are; apart from what makes them, so that a command line knows them at once."""

from enum import StrEnum


class ObjectKind(StrEnum):
    """A kind of result object, as its file's name begins."""

    SEG = "seg"
    PM = "pm"
    SR = "sr"
    CAPTURE = "capture"
