"""What is looked for where in a copy, all identifiers at once.

- in text (names of files, tables, JSON, texts of image headers): every identifier, dates also as digits alone in any
  order; but not within the copy's own words where these stand alone, its pseudonyms, and checksums that are right;
- an identifier of fewer than four letters and digits, or of fewer than six without a letter, only as a whole word and
  only where names stand, for a ``7`` is found in any table;
- among numbers: whole numbers of at least six digits, whichever way they are written;
- in voxels: identifiers of at least six characters, for shorter ones occur by chance.
"""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from itertools import combinations

from onephase.cohort.export.dates import dates_in, written_dates
from onephase.cohort.export.form import Form
from onephase.cohort.export.needles import Needles

SHORTEST_WITH_LETTERS, SHORTEST_IN_DIGITS, SHORTEST_IN_VOXELS = 4, 6, 6
SMALLEST_NUMBER = Decimal(10) ** (SHORTEST_IN_DIGITS - 1)
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
_WORD = re.compile(r"[^\W_]+")
_CHECKSUM = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_PSEUDONYM = rb"-[bcdfghjklmnpqrst]{12}"
_SUFFIXES = tuple(form.suffix.encode() for form in Form)


class IdentifierSearch:
    """A search for identifiers in texts, in names, and in bytes that are no text.

    Args:
        identifiers: Texts by which the source is known, each with its kind in words.
        own_words: Words and sentences that stand in the copy's text by right.

    Attributes:
        checksums: Those that are right, in hexadecimal.
        reach: How many bytes the longest text takes, so that pieces can overlap by as many.
    """

    def __init__(self, identifiers: Iterable[tuple[str, str]], *, own_words: Collection[str]) -> None:
        known = {text: kind for text, kind in identifiers if any(sign.isalnum() for sign in text)}
        long = {text: kind for text, kind in known.items() if _is_long(text)}
        self._short = {" ".join(_words(text)): kind for text, kind in known.items() if text not in long}
        self._dates = {digits: kind for text, kind in known.items() for digits in written_dates(text)}
        self._whole = {text.casefold() for text in long} | set(self._dates)
        large = {number for text in self._whole if (number := number_of(text)) is not None and _is_large(number)}
        self._numbers = large | {number.copy_negate() for number in large}
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

    def knows(self, text: str) -> bool:
        """Tell whether a text is, as a whole, a longer identifier or a date."""
        return text.casefold() in self._whole

    def knows_number(self, number: Decimal | int | float) -> bool:
        """Tell whether a number is a whole one of at least six digits that the source is known by, with any sign."""
        return number in self._numbers

    def in_voxels(self, content: bytes) -> Iterator[str]:
        """Yield the kinds of identifiers in bytes that are no text."""
        yield from (kind for _, _, kind in self._voxels.found_in(content))

    def _own_parts(self, content: bytes) -> list[tuple[int, int]]:
        """Return where the copy's own words stand in a text, its pseudonyms, and checksums that are right."""
        small = content.lower()
        own = [
            found.span()
            for found in self._own.finditer(small)
            if not {found[0], *map(found[0].removesuffix, _SUFFIXES)} & self._old_pseudonyms
        ]
        right = [found.span() for found in _CHECKSUM.finditer(small) if found[0].decode() in self.checksums]
        return sorted(own + right)


def number_of(text: str) -> Decimal | None:
    """Return the number that a text is as a whole, or None: ``70``, ``+70.0`` and ``7E1`` are one.

    Examples:
        >>> number_of("7E1") == number_of("+070.0") == 70
        True
        >>> number_of("70 kg") is None
        True
    """
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _is_large(number: Decimal) -> bool:
    """Tell whether a number is whole and has six digits: shorter ones, and fractions, stand in a header by chance."""
    return abs(number) >= SMALLEST_NUMBER and number == number.to_integral_value()


def _alone(words: Iterable[str]) -> re.Pattern[bytes]:
    """Return the pattern of words that stand alone, with a pseudonym behind them or not; longer ones first.

    A pseudonym takes the suffix of its file with it, or a file ``m.nii.gz`` of the source would be found in it.
    """
    some = sorted({word.encode().lower() for word in words if word}, key=len, reverse=True)
    own = b"|".join(map(re.escape, some)) or rb"(?!)"
    file = b"|".join(map(re.escape, _SUFFIXES))
    return re.compile(rb"(?<![0-9a-z_-])(?:%s)(?:%s(?:%s)?)?(?![0-9a-z_-])" % (own, _PSEUDONYM, file))


def _at_least(length: int, texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    return ((text, kind) for text, kind in texts.items() if len(text) >= length)


def _is_long(text: str) -> bool:
    """Tell whether a text is long enough to be looked for anywhere in a text."""
    signs = [sign for sign in text if sign.isalnum()]
    all_digits = all(sign.isdigit() for sign in signs)
    return len(signs) >= (SHORTEST_IN_DIGITS if all_digits else SHORTEST_WITH_LETTERS)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
