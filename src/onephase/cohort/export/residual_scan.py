"""Whether anything of the source is left in a copy: every byte of every file, as it lies on the disk, is searched.

Nothing here is shared with what wrote the files: no writer, no reader, no name of theirs. What is looked for where:

- in text (names of files, tables, JSON, texts of image headers): every identifier, dates also as digits alone in any
  order; but not within the copy's own words where these stand alone, its pseudonyms, and checksums that are right;
- an identifier of fewer than four letters and digits, or of fewer than six without a letter, only as a whole word and
  only where names stand, for a ``7`` is found in any table;
- in voxels: identifiers of at least six characters, for shorter ones occur by chance.

Where no text belongs (the fields of a NIfTI header, the name and time of gzip), any text is a finding.
"""

import csv
import gzip
import hashlib
import io
import re
import struct
import zlib
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from onephase.cohort.export.dates import dates_in, written_dates
from onephase.cohort.export.needles import Needles
from onephase.progress import Progress, silent

SEARCHING = "searching the copy for what must not be in it"
SHORTEST_WITH_LETTERS, SHORTEST_IN_DIGITS, SHORTEST_IN_VOXELS = 4, 6, 6
TEXTS, VOLUMES = {".csv", ".json"}, ".nii.gz"
NAME_COLUMNS = ("case_id", "patient_id", "lesion_id", "site", "image", "mask")
CHUNK_BYTES = 1 << 20
HEADER = struct.Struct("<i104xf232x4s4x")  # nifti1.h: size of the header, where voxels begin, magic; extension flag
EMPTY_FIELDS = (slice(4, 32), slice(148, 252), slice(328, 344), slice(348, 352))
BARE_GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00"  # no name, no comment, no time
_WORD = re.compile(r"[^\W_]+")
_CHECKSUM = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_PSEUDONYM = rb"-[bcdfghjklmnpqrst]{12}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be there.

    Attributes:
        file: Where, by its place in the copy; by its number where its name itself may tell.
        kind: What kind of thing it is; never the thing itself.
    """

    file: str
    kind: str


def residual_scan(
    folder: Path,
    identifiers: Iterable[tuple[str, str]],
    *,
    own_words: Collection[str],
    progress: Progress = silent,
) -> Iterator[Finding]:
    """Yield whatever of the source, or else out of place, is found in a copy.

    Args:
        folder: The copy.
        identifiers: Texts by which the source is known, each with its kind in words.
        own_words: Words and sentences that stand in the copy's text by right.
        progress: Told of the files searched.
    """
    search = _Search(identifiers, own_words)
    paths = sorted(folder.rglob("*"))
    search.checksums = {_sha256(path) for path in paths if path.is_file()}
    progress(SEARCHING, 0, len(paths))
    for number, path in enumerate(paths, start=1):
        place = path.relative_to(folder).as_posix()
        in_name = {*search.in_text(place.encode()), *search.in_names([place.removesuffix(VOLUMES)])}
        where = f"file {number} of {len(paths)}" if in_name else place
        yield from (Finding(where, f"{kind}, in its name") for kind in sorted(in_name))
        yield from (Finding(where, kind) for kind in sorted({*_in_file(path, search)}))
        progress(SEARCHING, number, len(paths))


class _Search:
    """What is looked for, sorted by where it is looked for."""

    def __init__(self, identifiers: Iterable[tuple[str, str]], own_words: Collection[str]) -> None:
        known = {text: kind for text, kind in identifiers if any(sign.isalnum() for sign in text)}
        long = {text: kind for text, kind in known.items() if _is_long(text)}
        self._short = {" ".join(_words(text)): kind for text, kind in known.items() if text not in long}
        self._dates = {digits: kind for text, kind in known.items() for digits in written_dates(text)}
        self._text = Needles(long.items())
        self._voxels = Needles([*_at_least(SHORTEST_IN_VOXELS, long), *self._dates.items()])
        self._own_words = {word.casefold() for word in own_words}
        self._own = _alone(own_words)
        # The source may be a copy itself: its pseudonyms are identifiers here.
        self._old_pseudonyms = {text.lower().encode() for text in known if re.search(_PSEUDONYM, text.lower().encode())}
        self.checksums: set[str] = set()
        self.reach = max(1, self._voxels.longest)

    def in_text(self, content: bytes) -> Iterator[str]:
        """Yield the kinds of identifiers in a text that are not a part of the copy's own words."""
        own = self._own_parts(content)
        starts = [start for start, _ in own]
        for start, stop, kind in self._text.found_in(content):
            before = bisect_right(starts, start) - 1
            if before < 0 or own[before][1] < stop:
                yield kind
        ends = [0, *(stop for _, stop in own)]
        between = b"|".join(content[stop:start] for stop, start in zip(ends, [*starts, len(content)], strict=True))
        yield from (self._dates[date] for date in dates_in(between) if date in self._dates)

    def in_names(self, names: Iterable[str]) -> Iterator[str]:
        """Yield the kinds of short identifiers that are words of a name."""
        for name in names:
            words = _words(name)
            for start, stop in combinations(range(len(words) + 1), 2):
                some = " ".join(words[start:stop])
                if some in self._short and some not in self._own_words:
                    yield self._short[some]

    def in_voxels(self, content: bytes) -> Iterator[str]:
        """Yield the kinds of identifiers in bytes that are no text."""
        yield from (kind for _, _, kind in self._voxels.found_in(content))

    def _own_parts(self, content: bytes) -> list[tuple[int, int]]:
        """Return where the copy's own words stand in a text, its pseudonyms, and checksums that are right."""
        small = content.lower()
        own = [found.span() for found in self._own.finditer(small) if found[0] not in self._old_pseudonyms]
        right = [found.span() for found in _CHECKSUM.finditer(small) if found[0].decode() in self.checksums]
        return sorted(own + right)


def _alone(words: Iterable[str]) -> re.Pattern[bytes]:
    """Return the pattern of words that stand alone, with a pseudonym behind them or not; longer ones first."""
    some = sorted({word.encode().lower() for word in words if word}, key=len, reverse=True)
    own = b"|".join(map(re.escape, some)) or rb"(?!)"
    return re.compile(rb"(?<![0-9a-z_-])(?:%s)(?:%s)?(?![0-9a-z_-])" % (own, _PSEUDONYM))


def _in_file(path: Path, search: _Search) -> Iterator[str]:
    if path.is_symlink():
        yield "a link"
    elif path.name.endswith(VOLUMES):
        yield from _in_volume(path, search)
    elif path.suffix in TEXTS:
        content = path.read_bytes()
        yield from search.in_text(content)
        if path.suffix == ".csv":
            yield from search.in_names(_names_in(content))
    elif not path.is_dir():
        yield "a file that does not belong there"


def _names_in(content: bytes) -> Iterator[str]:
    """Yield the cells of a table in which names stand."""
    for row in csv.DictReader(io.StringIO(content.decode("utf-8", "replace"), newline="")):
        yield from (row[column] for column in NAME_COLUMNS if row.get(column))


def _in_volume(path: Path, search: _Search) -> Iterator[str]:
    with path.open("rb") as raw:
        if raw.read(len(BARE_GZIP)) != BARE_GZIP:
            yield "a name, a comment or a time of gzip"
    try:
        with gzip.open(path, "rb") as stream:
            content = stream.read(HEADER.size)
            if len(content) < HEADER.size or HEADER.unpack(content) != (348, 352.0, b"n+1\0"):
                yield "a header of another form"
            if any(any(content[place]) for place in EMPTY_FIELDS):
                yield "text in a header, where there should be none"
                yield from search.in_text(content)
            while chunk := stream.read(CHUNK_BYTES):
                content += chunk
                yield from search.in_voxels(content)
                content = content[-search.reach :]
    except (OSError, EOFError, zlib.error):
        yield "bytes that cannot be read back"


def _at_least(length: int, texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    return ((text, kind) for text, kind in texts.items() if len(text) >= length)


def _is_long(text: str) -> bool:
    """Tell whether a text is long enough to be looked for anywhere in a text."""
    signs = [sign for sign in text if sign.isalnum()]
    all_digits = all(sign.isdigit() for sign in signs)
    return len(signs) >= (SHORTEST_IN_DIGITS if all_digits else SHORTEST_WITH_LETTERS)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
