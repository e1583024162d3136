"""How numbers, names and colours look wherever they are shown."""

INK, MUTED, LINE, PAPER = "#1b2430", "#52606d", "#d5dce3", "#ffffff"
ACCENT = "#0072b2"

# Okabe and Ito's palette, told apart with any colour vision (jfly.uni-koeln.de/color).
REGION_COLOURS = {"core": "#56b4e9", "rim": "#e69f00", "shell": "#009e73", "whole": "#cc79a7"}
SUBTYPE_COLOURS = ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#d55e00", "#999999")
SERIES_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

BIOMARKER_NAMES = {"er": "ER", "pr": "PR", "her2": "HER2", "hr": "HR (ER or PR)", "ki67": "Ki-67"}
REGION_NAMES = {"core": "core", "rim": "rim", "shell": "peritumoral shell", "whole": "whole patch"}
POLICY_NAMES = {
    "ki67_14": "Ki-67 below 14 % parts A from B",
    "ki67_20": "Ki-67 below 20 % parts A from B",
    "maisonneuve": "Ki-67 below 14 %, or below 20 % with PR of at least 20 %, parts A from B",
}

CERTAIN = 1e-9
_SPACE = "\u00a0"  # keeps a number and its unit on one line


def settled(probability: float) -> bool:
    """Tell whether a probability is a certainty, up to rounding: it follows from what was given."""
    return not CERTAIN < probability < 1 - CERTAIN


def percent(probability: float) -> str:
    """Return a probability as whole per cent; only certainty is printed as 0 or 100.

    Examples:
        >>> [percent(value).replace(chr(160), " ") for value in (0.874, 0.001, 0.9999, 1.0)]
        ['87 %', '<1 %', '>99 %', '100 %']
    """
    if settled(probability):
        return f"{round(100 * probability)}{_SPACE}%"
    whole = round(100 * probability)
    if whole == 0:
        return f"<1{_SPACE}%"
    if whole == 100:  # noqa: PLR2004 - per cent
        return f">99{_SPACE}%"
    return f"{whole}{_SPACE}%"


def per_cent(value: float) -> str:
    """Return a Ki-67 value that is already in per cent, as pathology would print it."""
    return f"{value:.0f}{_SPACE}%"


def plain(value: float) -> str:
    """Return a length without needless digits."""
    return f"{value:.3g}"


def sentence(words: str) -> str:
    """Return words that begin with a capital and end without a full stop, which the page sets."""
    return (words[:1].upper() + words[1:]).removesuffix(".")


def in_ten(probability: float) -> str:
    """Return a probability as a natural frequency.

    Examples:
        >>> [in_ten(value) for value in (0.02, 0.31, 0.5, 0.87, 0.97)]
        ['fewer than 1 in 20', 'about 3 in 10', 'about 5 in 10', 'about 9 in 10', 'more than 19 in 20']
    """
    if probability < 0.05:  # noqa: PLR2004 - 1 in 20
        return "fewer than 1 in 20"
    if probability > 0.95:  # noqa: PLR2004 - 19 in 20
        return "more than 19 in 20"
    return f"about {max(1, min(9, round(10 * probability)))} in 10"


def most_probable(subtypes: dict[str, float]) -> tuple[str, float]:
    """Return the most probable subtype and its probability."""
    return max(subtypes.items(), key=lambda item: item[1])
