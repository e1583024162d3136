"""Pseudonyms: a keyed hash of who somebody is. Without the key nobody can tell, or try out, whose they are.

They are letters alone, and no vowels: no number and no word that a patient or a folder is called by occurs in them by
chance.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from onephase.cohort.records import Record
from onephase.errors import ExportError

LETTERS = "bcdfghjklmnpqrst"  # one for each hexadecimal digit
LENGTH = 12
_SPELT = str.maketrans("0123456789abcdef", LETTERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a lesion is called in the copy; ``lesion`` is empty where the table gave it no name."""

    case: str
    patient: str
    lesion: str
    site: str


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Names by a key: the same key gives the same names, whatever else is exported with them."""

    key: bytes = field(repr=False)

    def of(self, record: Record) -> Names:
        """Return the names of a record; lesions of one patient share hers, under every name that sets give her."""
        who = record.identity
        return Names(
            case=self.name("case", who, record.case_id),
            patient=self.name("patient", who),
            lesion=self.name("lesion", who, record.lesion_id) if record.lesion_id else "",
            site=self.name("site", " ".join(record.site.casefold().split())),
        )

    def name(self, kind: str, *parts: str) -> str:
        """Return the name of a thing by its kind and by what it is known by."""
        digest = hmac.new(self.key, "\0".join((kind, *parts)).encode(), hashlib.sha256).hexdigest()
        return f"{kind}-{digest[:LENGTH].translate(_SPELT)}"


def names_of(records: Sequence[Record], *, key: bytes) -> tuple[Names, ...]:
    """Return the names of records, in their order.

    Raises:
        ExportError: If two cases or two patients would have one name (48 bits: once in millions of exports).
    """
    by_key = Pseudonyms(key)
    names = tuple(by_key.of(record) for record in records)
    for kind, there, meant in (
        ("cases", {one.case for one in names}, len(records)),
        ("patients", {one.patient for one in names}, len({record.identity for record in records})),
    ):
        if len(there) < meant:
            message = f"two {kind} would get one pseudonym by this key: take another key"
            raise ExportError(message)
    return names
