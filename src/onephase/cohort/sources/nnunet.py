"""What nnU-Net predicted as masks: its images by its naming rule, a folder of its predictions, and a table.

nnU-Net (version 2) reads ``CASE_0000.nii.gz``, a channel by its four digits, and writes ``CASE.nii.gz`` with the
values that ``dataset.json`` names; it lays a copy of that file beside its predictions. ``image`` of the table, or of
``--map``, names the channel that is the post-contrast volume; the mask of the same case is looked for.

Its documentation: documentation/dataset_format.md of github.com/MIC-DKFZ/nnUNet.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ValidationError

from onephase.cohort.sources import folder
from onephase.cohort.sources.folder import Row, read_table
from onephase.cohort.sources.source import Download, Found, LeaveOut, Source
from onephase.errors import CohortError
from onephase.readers.formats import probe
from onephase.readers.roi import read_labels
from onephase.readers.volume_file import open_volume_file

PREDICTIONS = "predictions"
LABEL = "label"
DATASET = "dataset.json"
LARGEST_BYTES = 1 << 20
BACKGROUND = "background"
NOTE = "the masks are predictions of nnU-Net, which nobody has drawn: look at them (onephase check --images)"


class Dataset(BaseModel):
    """What is read of ``dataset.json``."""

    labels: dict[str, int | list[int]]
    file_ending: str = ".nii.gz"


def read(download: Download) -> Found:
    """Read predictions with a table.

    Raises:
        CohortError: If the table or ``dataset.json`` cannot be told, or several labels could be the tumour.
    """
    predictions = download.folder / download.choices.get(PREDICTIONS, PREDICTIONS)
    path = next((part / DATASET for part in (predictions, download.folder) if (part / DATASET).is_file()), None)
    if path is None:
        message = (
            f"there is no {DATASET} in {predictions} or {download.folder}: name the folder that nnU-Net wrote into "
            f"with --map {PREDICTIONS}=FOLDER"
        )
        raise CohortError(message)
    dataset = _dataset(path)
    label = _label(dataset.labels, download.choices.get(LABEL), path=path)
    said = {name: value for name, value in download.choices.items() if name not in (PREDICTIONS, LABEL)}
    find_mask = partial(_prediction, predictions=predictions, ending=dataset.file_ending, label=label)
    found = read_table(replace(download, choices=said), find_mask=find_mask)
    lesions = tuple(
        lesion if lesion.mask is None or lesion.mask_label else replace(lesion, mask_label=str(label))
        for lesion in found.lesions
    )
    return replace(found, lesions=lesions, notes=(*found.notes, NOTE))


def _dataset(path: Path) -> Dataset:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            message = f"{path} is larger than any {DATASET}: give the one that nnU-Net wrote"
            raise CohortError(message)
        return Dataset.model_validate_json(path.read_bytes())
    except ValidationError:
        message = f'{path} names no labels as nnU-Net 2 does, such as {{"labels": {{"background": 0, "tumour": 1}}}}'
        raise CohortError(message) from None


def _label(labels: Mapping[str, int | list[int]], named: str | None, *, path: Path) -> int:
    """Return the value of the tumour.

    Raises:
        CohortError: If none is named and there are several, or what is named is not there or is several values.
    """
    lesions = {name: value for name, value in labels.items() if name != BACKGROUND}
    chosen = named or (next(iter(lesions)) if len(lesions) == 1 else "")
    value = lesions.get(chosen)
    if not isinstance(value, int):
        message = (
            f"{path} has the labels {', '.join(lesions)}: name the tumour's, one of a single value, "
            f"with --map {LABEL}=NAME"
        )
        raise CohortError(message)
    return value


def _prediction(row: Row, image: Path, case_id: str, *, predictions: Path, ending: str, label: int) -> Path:  # noqa: ARG001 - as every finder of masks is called
    """Return the prediction of the case that an image is a channel of.

    Raises:
        LeaveOut: If the image is not named by the rule, or no tumour was predicted in its case.
        ImageError: If the prediction cannot be read, or is no single volume.
    """
    case = re.fullmatch(rf"(.+)_\d{{4}}{re.escape(ending)}", image.name)
    if case is None:
        reason = f"its image is not named by nnU-Net's rule, CASE_0000{ending}"
        raise LeaveOut(reason, image.name)
    path = predictions / f"{case[1]}{ending}"
    if not path.is_file():
        reason = "there is no prediction of it"
        raise LeaveOut(reason, path.name)
    if not (read_labels(open_volume_file(path, probe(path))) == label).any():
        reason = "nnU-Net has predicted no tumour in it"
        raise LeaveOut(reason, path.name)
    return path


SOURCE = Source(
    name="nnunet",
    title="predictions of nnU-Net with a table",
    licence="not said (--map licence= writes it down)",
    citation="not said (--map citation= writes it down)",
    convention="",
    labels=(),
    read=read,
    choices={
        **folder.CHOICES,
        PREDICTIONS: f"the folder of nnU-Net's predictions; {PREDICTIONS} when left out",
        LABEL: f"the tumour's label in {DATASET}, where it names several",
    },
)
