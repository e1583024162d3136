"""How pathology writes a result down: each simulated hospital has its habit.

The texts follow the rules of a cohort table. A text never contradicts the tumour's status; some say less
than is known (an equivocal HER2 without ISH, a Ki-67 range), as real reports do.
"""

from typing import TypeAlias

import numpy as np

from onephase.biomarkers.panel import CELLS
from onephase.simulation.sites import Site

Labels: TypeAlias = dict[str, str]

LABEL_COLUMNS = ("er", "pr", "her2", "hr", "ki67")

HER2_NEGATIVE = (("0+", 0.35), ("1+", 0.35), ("2+/ISH-", 0.26), ("2+", 0.04))
HER2_POSITIVE = (("3+", 0.72), ("2+/ISH+", 0.24), ("2+", 0.04))
"""Shares of HER2 scores [J]; a bare 2+ is equivocal and tells nothing."""

ALLRED_POSITIVE = ((8, 0.55), (7, 0.25), (6, 0.10), (5, 0.05), (4, 0.05))
KI67_RANGE_SHARE = 0.06
LOW_POSITIVE_SHARE = {"er": 0.04, "pr": 0.12}
HIGH_SHARE = {"er": 0.85, "pr": 0.55}


def written_labels(rng: np.random.Generator, *, cell: int, ki67_read: float, site: Site) -> Labels:
    """Return what a site records of a tumour, by column of the cohort table; empty is missing."""
    er, pr, her2 = (bool(status) for status in CELLS[cell])
    labels = dict.fromkeys(LABEL_COLUMNS, "")
    labels["ki67"] = "" if rng.random() < site.missing else _ki67(rng, ki67_read)
    if site.wording == "hr":
        return labels | {"hr": "positive" if er or pr else "negative"}
    if site.wording == "status":
        statuses = {"er": er, "pr": pr, "her2": her2}
        return labels | {name: "positive" if on else "negative" for name, on in statuses.items()}
    receptor = _percent if site.wording == "percent" else _allred
    return labels | {
        "er": receptor(rng, "er", positive=er),
        "pr": receptor(rng, "pr", positive=pr),
        "her2": _one_of(rng, HER2_POSITIVE if her2 else HER2_NEGATIVE),
    }


def _percent(rng: np.random.Generator, receptor: str, *, positive: bool) -> str:
    if not positive:
        return "0%" if rng.random() < 0.7 else "<1%"  # noqa: PLR2004 - share of reports that write a plain zero
    if rng.random() < LOW_POSITIVE_SHARE[receptor]:
        return "1-10%"
    if rng.random() < HIGH_SHARE[receptor]:
        return f"{5 * int(rng.integers(14, 21))}%"
    return f"{5 * int(rng.integers(3, 14))}%"


def _allred(rng: np.random.Generator, receptor: str, *, positive: bool) -> str:  # noqa: ARG001 - called as _percent is
    if not positive:
        return "negative" if rng.random() < 0.5 else "Allred 0"  # noqa: PLR2004 - either is as usual
    if rng.random() < 0.4:  # noqa: PLR2004 - share of reports that leave the score out
        return "positive"
    return f"Allred {_one_of(rng, ALLRED_POSITIVE)}"


def _ki67(rng: np.random.Generator, read: float) -> str:
    percent = int(100 * read)
    if rng.random() < KI67_RANGE_SHARE and 5 <= percent < 95:  # noqa: PLR2004 - a range of ten must fit
        start = 5 * (percent // 5)
        return f"{start}-{start + 10}%"
    return f"{percent}%" if rng.random() < 0.3 else str(percent)  # noqa: PLR2004 - the sign is often left out


def _one_of(rng: np.random.Generator, choices: tuple[tuple[object, float], ...]) -> str:
    return str(choices[rng.choice(len(choices), p=[share for _, share in choices])][0])
