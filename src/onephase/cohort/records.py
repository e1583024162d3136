"""A record: one lesion of a cohort, with everything its table says of it. No reader and no table is needed here."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from onephase.biomarkers.panel import Events
from onephase.cohort.identity import canonical_identity
from onephase.errors import StorageError
from onephase.imaging.case import Box, SeedPoint
from onephase.storage import read_json, write_json

Split: TypeAlias = Literal["train", "validation", "test", "external", ""]
Provenance: TypeAlias = Literal["real", "simulated"]

FORMAT = 1
MISSING = ("", "na", "n/a", "nan")
"""What programs of statistics write into an empty cell, in lower case."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Record:
    """One lesion: who, where its image and outline are, and what pathology found.

    Attributes:
        case_id: Name of the lesion's row; unique among all tables that are used together.
        patient_id: Whose lesion it is, as written; lesions of one patient never part in a split.
        lesion_id: Which lesion of the patient, as written; empty where the patient has one.
        cohort: Name of the table, by which figures are told apart.
        site: Where it was scanned.
        split: The part it plays; empty only before splits are drawn.
        events: What is known of the panel, one event.
        texts: What pathology wrote in ``er``, ``pr``, ``her2``, ``hr`` and ``ki67``; empty is missing.
        label_convention: What positive meant there, for the record and the report.
        provenance: Whether the case is real or simulated.
        covariates: Every column that onephase does not know, as text, for subgroup tables.
        image: The single post-contrast volume.
        phase: Which phase to take where the series holds several; empty leaves it to the reader.
        mask: The tumour mask; or None, and then ``box`` or ``seed`` is given.
        mask_label: Which label or segment of the mask; empty where there is one.
        box: A box around the tumour in voxels of the volume.
        seed: A point inside the tumour in voxels of the volume.
    """

    case_id: str
    patient_id: str
    image: Path
    events: Events
    lesion_id: str = ""
    cohort: str = ""
    site: str = ""
    split: Split = ""
    texts: dict[str, str] = field(default_factory=dict)
    label_convention: str = ""
    provenance: Provenance = "real"
    covariates: dict[str, str] = field(default_factory=dict)
    phase: str = ""
    mask: Path | None = None
    mask_label: str = ""
    box: Box | None = None
    seed: SeedPoint | None = None

    @property
    def identity(self) -> str:
        """Who the patient is, the same under every name that public sets give her."""
        return canonical_identity(self.patient_id)

    @property
    def place(self) -> tuple[str, str]:
        """Where the case comes from: cohort and site, for each cohort may number its own sites."""
        return self.cohort, self.site

    def covariate(self, column: str) -> str:
        """Return what the table has in a column that onephase does not know; empty where it says that it is missing."""
        text = self.covariates.get(column, "")
        return "" if text.lower() in MISSING else text

    def to_json(self, *, folder: Path) -> dict[str, Any]:
        """Return the record as JSON values, its paths relative to ``folder``, so that both can move together."""
        return {
            "case_id": self.case_id,
            "patient_id": self.patient_id,
            "lesion_id": self.lesion_id,
            "cohort": self.cohort,
            "site": self.site,
            "split": self.split,
            "events": self.events.to_json(),
            "texts": self.texts,
            "label_convention": self.label_convention,
            "provenance": self.provenance,
            "covariates": self.covariates,
            "image": _relative(self.image, folder),
            "phase": self.phase,
            "mask": None if self.mask is None else _relative(self.mask, folder),
            "mask_label": self.mask_label,
            "box": None if self.box is None else [list(pair) for pair in self.box.bounds],
            "seed": None if self.seed is None else [self.seed.slice, self.seed.row, self.seed.column],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any], *, folder: Path) -> "Record":
        """Return the record that :meth:`to_json` described from the same ``folder``."""
        values = dict(value)
        box, seed, mask = values.pop("box"), values.pop("seed"), values.pop("mask")
        return cls(
            events=Events.from_json(values.pop("events")),
            image=folder / values.pop("image"),
            mask=None if mask is None else folder / mask,
            box=None if box is None else Box(slice=tuple(box[0]), row=tuple(box[1]), column=tuple(box[2])),
            seed=None if seed is None else SeedPoint(slice=seed[0], row=seed[1], column=seed[2]),
            **values,
        )


def sites_of(records: Sequence[Record]) -> list[str]:
    """Return the site of each case, with the cohort where several cohorts have one of that name."""
    names = Counter(site for _, site in {record.place for record in records})
    return [f"{one.cohort}: {one.site}" if names[one.site] > 1 else one.site for one in records]


def sources_of(records: Iterable[Record]) -> tuple[Path, ...]:
    """Return image and mask of one case of each cohort, to tell whether another machine sees the cohorts' files."""
    first = {record.cohort: record for record in reversed(tuple(records))}
    return tuple(path for record in first.values() for path in (record.image, record.mask) if path is not None)


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write records as JSON, paths relative to the file's folder."""
    folder = path.parent
    write_json(path, {"format": FORMAT, "records": [record.to_json(folder=folder) for record in records]})


def read_records(path: Path) -> tuple[Record, ...]:
    """Read what :func:`write_records` wrote.

    Raises:
        StorageError: If the file is missing, is no JSON, or is not a file of records.
    """
    content = read_json(path)
    try:
        if content["format"] != FORMAT:
            message = f"{path} is of format {content['format']}, expected {FORMAT}: prepare the cohort again"
            raise StorageError(message)
        return tuple(Record.from_json(value, folder=path.parent) for value in content["records"])
    except (KeyError, TypeError) as fault:
        message = f"{path} is not a file of records ({fault}): prepare the cohort again"
        raise StorageError(message) from None


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
