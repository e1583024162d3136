"""The contact sheet: every lesion of some cohorts with its outline and its flags, on one page that carries everything.

One file and no folder beside it: a page that was sent or moved loses nothing, and its policy lets it load nothing.
Pictures stand behind the script, some cases at a time, so that the first are seen while the others still arrive; cards
are made as they are scrolled to and pictures decoded as they are seen, so that the page stays quick.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from onephase.cohort.columns import LABELS
from onephase.cohort.quality.flag import FLAGS
from onephase.cohort.quality.intensities import INTENSITIES
from onephase.cohort.quality.look import Seen
from onephase.cohort.quality.picture import Picture
from onephase.cohort.quality.quality import JudgedCase, Quality
from onephase.cohort.splits import strata
from onephase.csv_text import csv_text
from onephase.reports.html import rendered
from onephase.reports.png import grey_picture
from onephase.reports.style import BIOMARKER_NAMES, plain
from onephase.reports.svg import path
from onephase.storage import write_texts

GREY_LEVELS = 64
"""More are not told apart on a screen, and take a third more room."""
PICTURES_AT_ONCE = 40
"""Cases whose pictures are read out of the page together, about a megabyte."""
HIGH_KI67 = "Ki-67 of 20 % or more"
COLUMNS = (
    *("cohort", "site", "split", "case_id", "flags", "accepted", "reasons"),
    *("longest_mm", "volume_ml", "slice_mm", "row_mm", "column_mm", "outline"),
)
MEASURED = tuple(INTENSITIES)


def write_quality(quality: Quality, path_: Path) -> Path:
    """Write the page, and beside it the same as a table (``quality.csv`` beside ``quality.html``), both or none.

    Returns:
        The path of the table.

    Raises:
        StorageError: If a file cannot be written.
    """
    table = path_.with_suffix(".csv")
    write_texts({path_: render_quality(quality, table_name=table.name), table: quality_table(quality)})
    return table


def render_quality(quality: Quality, *, table_name: str) -> str:
    """Return the page as HTML."""
    script = _script()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    cohorts = len(quality.decisions)
    return rendered(
        "quality.html",
        title=f"{len(quality.cases)} lesions of {cohorts} cohort{'' if cohorts == 1 else 's'}",
        cohorts=cohorts,
        cases=len(quality.cases),
        left_out=sum(len(one.excluded) for one in quality.decisions),
        simulated=sum(case.record.provenance == "simulated" for case in quality.cases),
        side_mm=next((case.look.seen.close.side_mm for case in quality.cases if case.look.seen), 0.0),
        table_name=table_name,
        data=Markup(_json(_data(quality))),  # noqa: S704 - _json leaves no "<" in it
        pictures=[Markup(_json(some)) for some in _pictures(quality)],  # noqa: S704 - the same
        script=Markup(script),  # noqa: S704 - ours
        script_digest=Markup(digest),  # noqa: S704 - base64
    )


def quality_table(quality: Quality) -> str:
    """Return one row a case as CSV: its flags by name, those that are accepted, and what was measured."""
    return csv_text([(*COLUMNS, *MEASURED), *(_row(case) for case in quality.cases)])


def _row(case: JudgedCase) -> list[str]:
    record, seen = case.record, case.look.seen
    accepted = [one.flag.name for one in case.flags if one.accepted]
    reasons = " ".join(flag.reason for flag in case.doubts)
    told = [record.cohort, record.site, record.split, record.case_id]
    judged = ["; ".join(dict.fromkeys(flag.name for flag in case.doubts)), "; ".join(dict.fromkeys(accepted)), reasons]
    if seen is None:
        return [*told, *judged, *[""] * (len(COLUMNS) + len(MEASURED) - len(told) - len(judged))]
    numbers = (seen.longest_mm, seen.volume_ml, *seen.spacing_mm)
    measured = [f"{seen.intensities[name]:.4g}" for name in MEASURED]
    return [*told, *judged, *(f"{number:.5g}" for number in numbers), seen.outline_method, *measured]


@cache
def _script() -> str:
    return files("onephase.reports").joinpath("templates", "quality.js").read_text(encoding="utf-8")


def _json(value: object) -> str:
    """Return JSON that can stand in a page: nothing in it ends its element or begins another."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _data(quality: Quality) -> dict[str, Any]:
    place = {one.cohort: number for number, one in enumerate(quality.decisions)}
    return {
        "pictures_at_once": PICTURES_AT_ONCE,
        "flags": FLAGS,
        "cohorts": [
            {"cohort": one.cohort, "table": one.table, "excluded": one.excluded, "accepted": one.accepted}
            for one in quality.decisions
        ],
        "cases": [_case(case, cohort=place[case.record.cohort]) for case in quality.cases],
    }


def _case(case: JudgedCase, *, cohort: int) -> dict[str, Any]:
    seen = case.look.seen
    return {
        "id": case.record.case_id,
        "cohort": cohort,
        "site": case.record.site,
        "labels": _statuses(case),
        "flags": [{"name": one.flag.name, "reason": one.flag.reason, "accepted": one.accepted} for one in case.flags],
        "facts": _facts(case),
        "seen": None
        if seen is None
        else {
            "side_mm": {"close": round(seen.close.side_mm, 1), "whole": round(seen.whole.side_mm, 1)},
            "longest_mm": round(seen.longest_mm, 1),
            "volume_ml": round(seen.volume_ml, 3),
            "contrast": round(seen.intensities["contrast"], 3),
        },
    }


def _pictures(quality: Quality) -> Iterator[list[dict[str, Any] | None]]:
    """Yield the pictures of some cases at a time, in the order of the cases."""
    for start in range(0, len(quality.cases), PICTURES_AT_ONCE):
        yield [_both(case.look.seen) for case in quality.cases[start : start + PICTURES_AT_ONCE]]


def _both(seen: Seen | None) -> dict[str, Any] | None:
    return None if seen is None else {"close": _picture(seen.close), "whole": _picture(seen.whole)}


def _picture(picture: Picture) -> dict[str, Any]:
    step = 256 // GREY_LEVELS
    return {
        "grey": grey_picture(picture.grey // step * step),
        "outline": "".join(path(line.round(1).tolist()) for line in picture.outline),
    }


def _statuses(case: JudgedCase) -> list[str]:
    """Return what is known of each label, in words to filter by."""
    record = case.record
    known = [
        f"{BIOMARKER_NAMES[label]} {('negative', 'positive')[status]}"
        for label in LABELS[:-1]
        if (status := int(record.events.status(label)[0])) != -1
    ]
    ki67 = int(strata(record.events)[0, 2])
    return known if ki67 == -1 else [*known, HIGH_KI67 if ki67 else "Ki-67 below 20 %"]


def _facts(case: JudgedCase) -> list[tuple[str, str]]:
    record = case.record
    texts = ((BIOMARKER_NAMES[label], text) for label, text in record.texts.items() if text)
    read = [] if case.look.seen is None else _measured(case.look.seen)
    notes = [("said by the reader", note) for note in case.look.notes]
    told = [
        ("cohort", record.cohort),
        ("site", record.site),
        ("split", record.split),
        *texts,
    ]  # and no other column of the table: who knows what stands there, and the page may be sent
    return [(name, text) for name, text in (*read, *told, *notes) if text]


def _measured(seen: Seen) -> list[tuple[str, str]]:
    return [
        ("longest extent", f"{seen.longest_mm:.1f} mm"),
        ("volume", f"{seen.volume_ml:.2f} ml"),
        ("spacing", f"{' x '.join(map(plain, seen.spacing_mm))} mm (slice, row, column)"),
        ("outline", seen.outline_method),
    ]
