"""All result objects of one prediction, made together and written beside each other."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydicom import Dataset

from onephase.inference.prediction import Prediction
from onephase.reports.dicom_capture import capture
from onephase.reports.dicom_identity import Identity, identify
from onephase.reports.dicom_pm import attention_map
from onephase.reports.dicom_seg import segmentation
from onephase.reports.dicom_source import DicomSource, copied_as_found
from onephase.reports.dicom_sr import structured_report
from onephase.reports.object_kind import ObjectKind
from onephase.storage import file_aside


@dataclass(frozen=True, slots=True, eq=False)
class DicomObjects:
    """The result objects of one prediction; none of them is verified, all are for research.

    Attributes:
        seg: Core, rim and peritumoral shell.
        pm: The network's attention.
        sr: The panel and the measurements.
        capture: A picture of the report.
        identity: Whose objects these are.
    """

    seg: Dataset
    pm: Dataset
    sr: Dataset
    capture: Dataset
    identity: Identity


def dicom_objects(prediction: Prediction, source: DicomSource, *, created: datetime) -> DicomObjects:
    """Return the result objects of a prediction.

    Args:
        prediction: The prediction.
        source: The images it was made from; identity and frame of reference are copied from them.
        created: When the objects are made. Only dates depend on it: the same result has the same identifiers.
    """
    identity = identify(prediction, source, created=created)
    with copied_as_found():
        seg = segmentation(prediction, source, identity=identity)
        pm = attention_map(prediction, source, identity=identity)
        sr = structured_report(prediction, source, regions=seg, attention=pm, identity=identity)
        return DicomObjects(seg, pm, sr, capture(prediction, source, identity=identity), identity)


def write_dicom(
    objects: DicomObjects, folder: Path, *, kinds: Sequence[ObjectKind] = tuple(ObjectKind)
) -> tuple[Path, ...]:
    """Write objects as files, which appear once all are whole, and return where they stand.

    Args:
        objects: The objects.
        folder: Where to.
        kinds: Which of them. The report refers to all, whether they are written or not.

    Raises:
        StorageError: If a file cannot be written; then none appears.
    """
    paths = {kind: folder / objects.identity.file_name(kind) for kind in kinds}
    with copied_as_found(), ExitStack() as asides:
        for kind, path in paths.items():
            made: Dataset = getattr(objects, kind)
            made.save_as(asides.enter_context(file_aside(path)), enforce_file_format=True)
    return tuple(paths.values())
