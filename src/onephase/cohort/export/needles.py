"""Many texts looked for at once, in bytes of any kind, however they are written: see :func:`forms`.

A text is found by its first four bytes: a table of 4 million marks says of any four bytes whether some text may begin
so, and only there is it compared. So a hundred thousand texts take little longer than one.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from unicodedata import normalize

import numpy as np

from onephase.arrays import Bool, UInt32

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "latin-1")
LATIN_SIGNS = 256
PREFIX_BYTES = 4
TABLE_BITS = 22
_MIX = np.uint32(2654435761)  # Knuth's multiplicative hash
_SHIFT = np.uint32(32 - TABLE_BITS)


class Needles:
    """Texts of at least four characters, each with its kind.

    Args:
        texts: Pairs of text and kind.
    """

    def __init__(self, texts: Iterable[tuple[str, str]]) -> None:
        by_prefix: defaultdict[bytes, defaultdict[int, dict[bytes, str]]] = defaultdict(lambda: defaultdict(dict))
        self.longest = 0
        for text, kind in texts:
            for needle in forms(text):
                by_prefix[needle[:PREFIX_BYTES]][len(needle)].setdefault(needle, kind)
                self.longest = max(self.longest, len(needle))
        self._by_prefix = by_prefix
        self._prefixes = np.frombuffer(b"".join(by_prefix), dtype="<u4")
        self._may_begin: Bool[np.ndarray, " row"] = np.zeros(1 << TABLE_BITS, dtype=np.bool_)
        self._may_begin[_row(self._prefixes)] = True

    def found_in(self, content: bytes) -> Iterator[tuple[int, int, str]]:
        """Yield start, stop and kind of each text that occurs in ``content``, small or large letters alike."""
        small = content.lower()
        for start in self._starts(small):
            for length, needles in self._by_prefix[small[start : start + PREFIX_BYTES]].items():
                kind = needles.get(small[start : start + length])
                if kind is not None:
                    yield start, start + length, kind

    def _starts(self, content: bytes) -> Iterator[int]:
        """Yield every place at which the first four bytes of a text stand."""
        for shift in range(min(PREFIX_BYTES, max(0, len(content) - PREFIX_BYTES + 1))):
            count = (len(content) - shift) // PREFIX_BYTES
            windows = np.frombuffer(content, dtype="<u4", count=count, offset=shift)
            places = np.flatnonzero(self._may_begin[_row(windows)])
            places = places[np.isin(windows[places], self._prefixes)]
            yield from (places * PREFIX_BYTES + shift).tolist()


def forms(text: str) -> frozenset[bytes]:
    """Return the bytes that a text may be written in.

    In UTF-8, UTF-16 and Latin-1, accents composed or apart, escaped as in JSON and CSV; small letters for large ones
    wherever bytes can tell.
    """
    spelt = {normalize(form, one) for form in ("NFC", "NFD") for one in (text, text.lower(), text.upper())}
    spelt |= {
        escaped
        for one in tuple(spelt)
        for escaped in (json.dumps(one)[1:-1], json.dumps(one, ensure_ascii=False)[1:-1], one.replace('"', '""'))
    }
    return frozenset(one.encode(encoding).lower() for one in spelt for encoding in ENCODINGS if _fits(one, encoding))


def _fits(text: str, encoding: str) -> bool:
    return encoding != "latin-1" or all(ord(sign) < LATIN_SIGNS for sign in text)


def _row(windows: UInt32[np.ndarray, " window"]) -> UInt32[np.ndarray, " window"]:
    return np.asarray((windows * _MIX) >> _SHIFT)
