"""What a protocol leaves behind: the posteriors of every contestant on the same cases, as files.

Every table and figure of a study is made from these files, ``predictions.npz`` (arrays, no pickle)
and ``predictions.json`` (records and facts), without training again. Where the cases that calibrate
were answered too, they stand beside them as ``calibration.npz`` and ``calibration.json``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from onephase.arrays import Float64, Int64
from onephase.biomarkers.posterior import PanelPosterior
from onephase.cohort.flow import CohortFlow
from onephase.cohort.records import Record
from onephase.errors import StorageError
from onephase.storage import file_aside, json_text, read_json

FORMAT = 1
PRIOR = "prior"
NETWORK = "onephase"
ORACLE = "oracle"
ENSEMBLE = re.compile(r".+, (\d+) seeds")
"""How the row of an ensemble is called; see :func:`ensemble_name`."""
POSTERIOR_ARRAYS = ("log_cells", "mu", "sigma", "window", "pr_high")
CASE_ARRAYS = ("fold", "volume_ml", "ki67_constant")


def ensemble_name(contestant: str, seeds: int) -> str:
    """Return the name of the row of an ensemble."""
    return f"{contestant}, {seeds} seeds"


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Contestants on the same cases, none of which they were trained on.

    Attributes:
        protocol: How the cases were kept apart from training, in words that head every table.
        records: The cases, all lesions.
        fold: The fold that each case was left out of; 0 throughout for a held-out set.
        volume_ml: Volume of each lesion, by which the index lesion of a patient is chosen.
        ki67_constant: Median Ki-67 fraction of the training and validation cases of each case's fold; NaN where
            they have no percentage.
        posteriors: Posterior by contestant; ``prior`` is always there.
        facts: Versions, settings and seeds, for the report.
        calibration: The network and the prior on validation cases, which trained no weight; the fold says
            for which fold's cases they calibrate. None where the protocol has none.
        cohort_flow: What became of the rows of each cohort table; empty where that is not known.
    """

    protocol: str
    records: tuple[Record, ...]
    fold: Int64[np.ndarray, " case"]
    volume_ml: Float64[np.ndarray, " case"]
    ki67_constant: Float64[np.ndarray, " case"]
    posteriors: Mapping[str, PanelPosterior]
    facts: Mapping[str, Any]
    calibration: "Predictions | None" = None
    cohort_flow: tuple[CohortFlow, ...] = ()

    def __post_init__(self) -> None:
        """Refuse contestants without the prior, or with another number of cases."""
        if PRIOR not in self.posteriors:
            message = "predictions need the contestant 'prior', beside which all others are read"
            raise ValueError(message)
        for name, posterior in self.posteriors.items():
            if len(posterior) != len(self.records):
                message = f"contestant {name} answers {len(posterior)} cases of {len(self.records)}"
                raise ValueError(message)

    def __len__(self) -> int:
        """Return the number of lesions."""
        return len(self.records)

    def take(self, rows: np.ndarray) -> "Predictions":
        """Return the predictions of some cases, by index; the cases that calibrate stay all."""
        return replace(
            self,
            records=tuple(self.records[row] for row in rows),
            fold=self.fold[rows],
            volume_ml=self.volume_ml[rows],
            ki67_constant=self.ki67_constant[rows],
            posteriors={name: posterior.take(rows) for name, posterior in self.posteriors.items()},
        )

    def with_contestant(self, name: str, posterior: PanelPosterior) -> "Predictions":
        """Return the predictions with one contestant more, or in another's place."""
        return replace(self, posteriors={**self.posteriors, name: posterior})

    @classmethod
    def joined(cls, parts: "Sequence[Predictions]", *, facts: Mapping[str, Any]) -> "Predictions":
        """Return the cases of all parts, one part after the other, with the contestants of each."""
        calibrations = [part.calibration for part in parts if part.calibration is not None]
        shared = [name for name in parts[0].posteriors if all(name in part.posteriors for part in parts)]
        return cls(
            protocol=parts[0].protocol,
            records=tuple(record for part in parts for record in part.records),
            fold=np.concatenate([part.fold for part in parts]),
            volume_ml=np.concatenate([part.volume_ml for part in parts]),
            ki67_constant=np.concatenate([part.ki67_constant for part in parts]),
            posteriors={name: PanelPosterior.stack([part.posteriors[name] for part in parts]) for name in shared},
            facts=facts,
            calibration=cls.joined(calibrations, facts={}) if len(calibrations) == len(parts) else None,
        )

    def index_lesions(self) -> Int64[np.ndarray, " patient"]:
        """Return the row of each patient's largest lesion with a label, in the order of rows.

        Often one lesion of several was biopsied, and it need not be the largest. Where none has a label, it is the
        largest; of lesions of one volume the first by case name, so that the order of rows does not matter.
        """
        unlabelled = [not record.events.informative()[0] for record in self.records]
        largest: dict[str, int] = {}
        for row in sorted(
            range(len(self)), key=lambda row: (unlabelled[row], -self.volume_ml[row], self.records[row].case_id)
        ):
            largest.setdefault(self.records[row].identity, row)
        return np.array(sorted(largest.values()), dtype=np.int64)


def versions_of(parts: Iterable[Predictions]) -> str:
    """Return the versions of onephase that answered, each once."""
    return ", ".join(sorted({str(part.facts["onephase"]) for part in parts}))


def write_predictions(folder: Path, predictions: Predictions) -> None:
    """Write ``predictions.npz`` and ``predictions.json`` into ``folder``, and beside them the cases that calibrate.

    All of them or none: earlier answers stay until the new ones are whole.
    """
    with ExitStack() as asides:  # they get their names last in, first out: where predictions.json stands, all is there
        _write(asides, folder, "predictions", predictions)
        if predictions.calibration is not None:
            _write(asides, folder, "calibration", predictions.calibration)
        else:
            for name in ("calibration.json", "calibration.npz"):
                (folder / name).unlink(missing_ok=True)  # of an earlier run with another protocol


def read_predictions(folder: Path) -> Predictions:
    """Read what :func:`write_predictions` wrote.

    Raises:
        StorageError: If a file is missing, broken, or of another format.
    """
    found = _read(folder, "predictions")
    if not (folder / "calibration.json").exists():
        return found
    return replace(found, calibration=_read(folder, "calibration"))


def _write(asides: ExitStack, folder: Path, name: str, predictions: Predictions) -> None:
    arrays = {array: getattr(predictions, array) for array in CASE_ARRAYS}
    for contestant, posterior in predictions.posteriors.items():
        arrays |= {f"{contestant}.{array}": getattr(posterior, array) for array in POSTERIOR_ARRAYS}
    described = {
        "format": FORMAT,
        "protocol": predictions.protocol,
        "contestants": list(predictions.posteriors),
        "facts": dict(predictions.facts),
        "cohort_flow": [one.to_json() for one in predictions.cohort_flow],
        "records": [record.to_json(folder=folder) for record in predictions.records],
    }
    asides.enter_context(file_aside(folder / f"{name}.json")).write_text(json_text(described), encoding="utf-8")
    with asides.enter_context(file_aside(folder / f"{name}.npz")).open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)


def _read(folder: Path, name: str) -> Predictions:
    if not (folder / f"{name}.json").exists():
        message = f"{folder} holds no {name}.json: run onephase evaluate or onephase benchmark into it first"
        raise StorageError(message)
    described = read_json(folder / f"{name}.json")
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        message = f"{folder / name}.json does not hold predictions of format {FORMAT}: remove it, and answer again"
        raise StorageError(message)
    try:
        # opened here, for np.load leaves a broken file open
        with (folder / f"{name}.npz").open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            posteriors = {
                contestant: PanelPosterior(**{array: arrays[f"{contestant}.{array}"] for array in POSTERIOR_ARRAYS})
                for contestant in described["contestants"]
            }
            return Predictions(
                protocol=described["protocol"],
                records=tuple(Record.from_json(value, folder=folder) for value in described["records"]),
                posteriors=posteriors,
                facts=described["facts"],
                cohort_flow=tuple(CohortFlow(**one) for one in described.get("cohort_flow", ())),
                **{array: arrays[array] for array in CASE_ARRAYS},
            )
    except (FileNotFoundError, KeyError, TypeError, ValueError, BadZipFile) as fault:
        message = f"the predictions in {folder} are incomplete or broken ({fault}): remove them, and answer again"
        raise StorageError(message) from None
