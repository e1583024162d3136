"""Signs and words that every column shares: one spelling for dashes and comparisons, and a status."""

import re
from typing import Final

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\u207b\ufe63\uff0d", "-"),
        **dict.fromkeys("\u207a\ufe62\uff0b", "+"),
        **dict.fromkeys("\u2264\u2266\u2a7d", "<="),
        **dict.fromkeys("\u2265\u2267\u2a7e", ">="),
        **{"\uff1c": "<", "\uff1e": ">", "\uff05": "%", "\uff0f": "/", "\uff1a": ":", "\uff0c": ","},
    }
)

STATUS: Final[dict[str, bool]] = {
    **dict.fromkeys(("positive", "pos", "+"), True),
    **dict.fromkeys(("negative", "neg", "-"), False),
}
BARE_STATUS: Final[dict[str, bool]] = {"1": True, "1.0": True, "0": False, "0.0": False}

EITHER: Final = frozenset({False, True})
"""Both statuses are possible: nothing is known."""


def plain(text: str) -> str:
    """Return text in lower case, with plain signs and single spaces."""
    return " ".join(text.translate(_SIGNS).casefold().split())


def without_name(text: str, name: str) -> str:
    """Return plain text without the biomarker's own name before it: `er-positive` is `positive`, `er-` is `-`.

    Args:
        text: Plain text.
        name: Pattern of the name.
    """
    return re.sub(rf"^(?:{name})(?![a-z0-9])[\s:=]*(?:-\s*(?=[a-z]))?", "", text)


def read_status(text: str) -> bool | None:
    """Return the status that plain text states, bare (`1`) or in words, or None where it states none."""
    return {**STATUS, **BARE_STATUS}.get(text)
