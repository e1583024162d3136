"""Events in words, as a report says what was known: `ER positive`, `Ki-67 18 % to <19 %`."""

import numpy as np

from onephase.arrays import Bool
from onephase.biomarkers.panel import CELL_NAMES, CELLS, RECEPTORS, Events

NAMES = {"er": "ER", "pr": "PR", "her2": "HER2", "hr": "HR", "ki67": "Ki-67"}

_PR_SHARE = {1: " (20 % or more)", 0: " (below 20 %)"}


def describe(events: Events) -> tuple[tuple[str, ...], ...]:
    """Return what is known of each case, one phrase a biomarker; nothing where nothing is known.

    Examples:
        >>> from onephase.biomarkers.evidence import read_evidence
        >>> describe(read_evidence(case_id="a", hr="+", her2="2+/ISH-", ki67=">=20%"))
        (('HER2 negative', 'ER or PR positive', 'Ki-67 20 % or more'),)
    """
    rows = zip(events.cells, events.ki67.tolist(), events.pr_high.tolist(), strict=True)
    return tuple((*_receptors(cells, pr_high), *_ki67(*interval)) for cells, interval, pr_high in rows)


def _receptors(cells: Bool[np.ndarray, " cell"], pr_high: int) -> tuple[str, ...]:
    possible = CELLS[cells]
    settled = [column for column in range(len(RECEPTORS)) if (possible[:, column] == possible[0, column]).all()]
    phrases = [_status(RECEPTORS[column], positive=bool(possible[0, column]), pr_high=pr_high) for column in settled]
    if pr_high == 0 and RECEPTORS.index("pr") not in settled:
        phrases.append("PR below 20 %")
    told = (CELLS[:, settled] == possible[0, settled]).all(axis=1)
    if (cells == told).all():
        return tuple(phrases)
    if (cells == (told & (CELLS[:, 0] | CELLS[:, 1]))).all():
        return (*phrases, "ER or PR positive")
    return (*phrases, "one of " + ", ".join(name for name, on in zip(CELL_NAMES, cells, strict=True) if on))


def _status(receptor: str, *, positive: bool, pr_high: int) -> str:
    share = _PR_SHARE.get(pr_high, "") if receptor == "pr" and positive else ""
    return f"{NAMES[receptor]} {'positive' if positive else 'negative'}{share}"


def _ki67(start: float, stop: float) -> tuple[str, ...]:
    low, high = (f"{100 * fraction:.10g} %" for fraction in (start, stop))
    if (start, stop) == (0, 1):
        return ()
    if stop == 1:
        return (f"Ki-67 {low} or more",)
    if start == 0:
        return (f"Ki-67 below {high}",)
    return (f"Ki-67 {low} to <{high}",)
