"""What the name of a series says, in the words of the sites whose data were seen.

Sources: the series names of Duke (``ax dyn pre``, ``Ph1ax dyn 1st pass``), Advanced-MRI-Breast-Lesions
(``AX Sen Vibrant MASK``, ``... MultiPhase``, ``+C``), the I-SPY trials, ODELIA (``Pre``, ``Post_1``, ``Sub_1``).
"""

import re

_PRE = re.compile(
    r"\b(pre|precontrast|mask|native|nativ|unenhanced|(without|w ?o|no|non) ?(iv )?(contrast|gad|gd|c)|noncontrast)\b"
)
_POST = re.compile(
    r"\b(post|postcontrast|post ?contrast|(with|w) (contrast|gad|gd)|gad|gd|ce|dce|enhanced)\b|\+ ?c\b|\bc ?\+"
)
_WITH, _WITHOUT = r"(?:with|(?<!t1 )(?<!t2 )(?<!pd )w)", r"(?:without|w ?o)"  # the w of T1-W is another
_BOTH = re.compile(
    rf"\b(?:{_WITH} (?:and )?{_WITHOUT}|{_WITHOUT} (?:and )?{_WITH}|wwo)\b(?: (?:iv )?(?:contrast|con|gad|gd|c)\b)?"
)
"""``W/WO CONTRAST`` is said of a whole examination, and of no phase in it."""
_FIRST = re.compile(r"\b(post ?(contrast )?0*1|(1st|first) (pass|post)|post ?(contrast )?(1st|first)|arterial)\b")
_NUMBERED = re.compile(r"\bpost ?(?:contrast )?0*(\d{1,2})\b|\b(\d)(?:st|nd|rd|th) (?:pass|post)\b")
_OTHER = {
    "a subtraction": r"\b(sub|subs|subtract\w*|subtraction)\b",
    "a projection": r"\b(mip|mips|projection|thick slab)\b",
    "a localizer": r"\b(loc|localizer|localiser|scout|survey|3 ?plane|plane loc)\b",
    "a calibration": r"\b(cal|calib\w*|asset|shim|field ?map\w*|b0 ?map)\b",
    "T2-weighted": r"\b(t2\w*|stir|tirm|flair|haste|ssfse)\b",
    "diffusion": r"\b(dwi|dti|diff|diffusion|adc|edwi|exp adc|trace\w*|resolve)\b",
    "a computed map": r"\b(ktrans|kep|wash ?in|wash ?out|ser map|pei|tte|ttp|auc|map)\b",
    "spectroscopy": r"\b(mrs|spectro\w*)\b",
}
OTHERS = {kind: re.compile(pattern) for kind, pattern in _OTHER.items()}


def words_of(name: str) -> str:
    """Return a name as lower-case words with single spaces; ``_``, ``-``, ``/`` and the like part words.

    Examples:
        >>> words_of("AX_Sen-Vibrant/MASK (2)")
        'ax sen vibrant mask 2'
    """
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)  # MultiPhase, DynPre
    return re.sub(r"[^\w+]+|_+", " ", parted).lower().strip()


def is_pre(words: str) -> bool:
    """Tell whether the words name a pre-contrast series.

    Examples:
        >>> is_pre("ax dyn pre"), is_pre("ax dyn 1st pass")
        (True, False)
        >>> is_pre("mri breast w wo contrast"), is_pre("ax t1 without contrast"), is_pre("t1 w w o contrast")
        (False, True, True)
    """
    words = _BOTH.sub(" ", words)
    return bool(_PRE.search(words)) and not _FIRST.search(words)


def is_post(words: str) -> bool:
    """Tell whether the words name a post-contrast series.

    Examples:
        >>> is_post("t1 fl3d post 2"), is_post("ax vibrant +c"), is_post("ax t1")
        (True, True, False)
    """
    words = _BOTH.sub(" ", words)
    return not is_pre(words) and bool(_POST.search(words) or _FIRST.search(words))


def post_number(words: str) -> int | None:
    """Return which post-contrast phase the words count, from 1, or None.

    Examples:
        >>> post_number("post 3"), post_number("ph2 ax dyn 2nd pass"), post_number("t1 post")
        (3, 2, None)
    """
    match = _NUMBERED.search(words)
    return None if match is None else int(match[1] or match[2])


def other_kind(words: str) -> str:
    """Return what else than a T1 volume the words name, or an empty text.

    Examples:
        >>> other_kind("ax t2 fs"), other_kind("sub 1"), other_kind("ax t1 dyn")
        ('T2-weighted', 'a subtraction', '')
    """
    return next((kind for kind, pattern in OTHERS.items() if pattern.search(words)), "")
