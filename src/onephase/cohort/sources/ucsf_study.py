"""A first visit as UCSF stored it (NACT pilot, I-SPY 1): its dynamic series, and its tumour by outline or loose box.

To find these, the header of every slice is read. What was found is kept beside the cohort table, so that a second
import of the same files opens none of them; who was left out is looked at again.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

import onephase
from onephase.cohort.sources.repair import kept_at
from onephase.cohort.sources.source import Download, LeaveOut
from onephase.cohort.sources.tcia import MIN_PHASES, Series, first_visit, only, series_in
from onephase.cohort.sources.ucsf import VolumeOfInterest, volume_of_interest
from onephase.errors import DamagedError, ImageError, StorageError
from onephase.imaging.case import Box
from onephase.readers.dicom.files import folders_below
from onephase.readers.dicom.scan import DicomScan, open_dicom
from onephase.readers.roi import read_mask
from onephase.readers.series_names import other_kind, words_of
from onephase.storage import read_json, write_faults, write_json

FEWEST_SLICES = 10
FOLDER = "findings"


@dataclass(frozen=True, slots=True, kw_only=True)
class UcsfStudy:
    """What was found in the files of a patient's first visit.

    Attributes:
        image: Folder of the dynamic series.
        uid: Its Series Instance UID.
        mask: The outline of the tumour, where one was looked for and is there.
        box: Else the volume of interest in voxels, half-open.
        first_post: Its phase after the pre-contrast one, counted from 1; None with a mask.
    """

    image: Path
    uid: str
    mask: Path | None
    box: Box | None
    first_post: int | None


FINDING = TypeAdapter(UcsfStudy)


def ucsf_study(
    folders: Sequence[Path], *, codes: Collection[str], outlined: bool, download: Download, case_id: str
) -> UcsfStudy:
    """Return the first visit of a patient; what was found in the same files before is taken from where it was kept.

    Args:
        folders: The patient's folders.
        codes: Codes of the first visit.
        outlined: Whether a segmentation of the tumour is looked for.
        download: Where the set lies and where the table shall stand; findings are kept in ``findings/`` beside it.
        case_id: Name of the case.

    Raises:
        LeaveOut: If there is no one dynamic series, or neither outline nor volume of interest.
        ImageError: If a file is damaged.
        StorageError: If it cannot be kept; nothing half-written is left.
    """
    root = download.folder
    made_from = f"{_rules()} {sorted(codes)} {outlined}\n{_files_of(folders, root=root)}"
    path = kept_at(download.out.parent / FOLDER, case_id=case_id, made_from=made_from, suffix=".json")
    if path.exists():
        return _kept(path, root=root)
    found = _find(first_visit(series_in(folders), codes=codes), outlined=outlined)
    _keep(path, found, root=root)
    return found


@cache
def _rules() -> str:
    """Return the sha256 of the sources that a finding follows from: what older ones found is not taken."""
    root, digest = Path(onephase.__file__).parent, hashlib.sha256()
    for folder in ("readers", "cohort/sources"):
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _find(series: list[Series], *, outlined: bool) -> UcsfStudy:
    dynamic, scan = dynamic_series(series)
    mask = _tumour(series, scan) if outlined else None
    interest = None if mask else _interest_of(series, scan)
    return UcsfStudy(
        image=dynamic.path,
        uid=dynamic.uid,
        mask=mask,
        box=None if interest is None else interest.box,
        first_post=None if interest is None else interest.first_post,
    )


def dynamic_series(series: list[Series]) -> tuple[Series, DicomScan]:
    """Return the one MR series that holds three phases or more, and its scan.

    Raises:
        LeaveOut: If there is none, or several.
        ImageError: If one cannot be read that could be it by its number of files, or that is all there is.
    """
    scans, faults = {}, []
    for one in series:
        if one.modality == "MR" and not is_derived(one):
            try:
                scan = open_dicom(one.path)
            except ImageError as fault:
                if len(list(one.path.iterdir())) >= MIN_PHASES * FEWEST_SLICES:
                    raise  # perhaps the dynamic series itself
                faults.append(fault)  # a scout, say, beside a good dynamic series
                continue
            if len(scan.parts) >= MIN_PHASES:
                scans[one] = scan
    if faults and not scans:
        raise faults[0]
    chosen = only(list(scans), what="the dynamic series, of three phases or more,")
    return chosen, scans[chosen]


def is_derived(series: Series) -> bool:
    """Tell whether a series is a map computed from the dynamic one, or no T1 volume, by its description."""
    words = words_of(series.description)
    return bool(other_kind(words)) or bool({"ser", "pe", "pe1", "pe2", "mask", "segmentation"} & set(words.split()))


def _interest_of(series: list[Series], scan: DicomScan) -> VolumeOfInterest:
    """Return the volume of interest that the segmentations of a study carry.

    Raises:
        LeaveOut: If none carries one, they carry different ones, or it does not belong to the scan.
    """
    outlines = [one for one in series if one.modality == "SEG"]
    if not outlines:
        reason = "no segmentation with a volume of interest is here"
        raise LeaveOut(reason)
    carried = [found for one in outlines if (found := volume_of_interest(one.first, grid=scan.grid)) is not None]
    if not carried:
        reason = "its segmentation carries no volume of interest in private attributes"
        raise LeaveOut(reason)
    interest = carried[0]
    if any(other != interest for other in carried):
        reason = "its segmentations carry different volumes of interest"
        raise LeaveOut(reason)
    if interest.phases != len(scan.parts):
        reason = "its segmentation was computed from another number of phases"
        raise LeaveOut(reason, f"{interest.phases} and {len(scan.parts)}")
    return interest


def _tumour(series: list[Series], scan: DicomScan) -> Path | None:
    """Return the one SEG that is of the tumour by its own words and lies on the scan; None where there is none.

    Raises:
        LeaveOut: If there are several.
        DamagedError: If a segmentation cannot be read.
    """
    tumours = []
    for one in series:
        if one.modality != "SEG":
            continue
        try:
            read_mask(one.first, label=None, grid=scan.grid, frame_of_reference=scan.frame_of_reference)
        except DamagedError:
            raise  # perhaps the tumour's
        except ImageError:
            continue  # of other tissue, or of another series
        tumours.append(one.first)
    if len(tumours) > 1:
        reason = "several segmentations are of the tumour"
        raise LeaveOut(reason)
    return tumours[0] if tumours else None


def _files_of(folders: Sequence[Path], *, root: Path) -> str:
    """Return name, size and time of every file, by which a changed one is told."""
    lines = []
    for folder in folders:
        for parent, names in folders_below(folder):
            for name in names:
                path = parent / name
                status = path.stat() if path.exists() else path.lstat()  # a link counts as what it leads to
                lines.append(f"{path.relative_to(root)} {status.st_size} {status.st_mtime_ns}")
    return "\n".join(sorted(lines))


def _kept(path: Path, *, root: Path) -> UcsfStudy:
    try:
        found = FINDING.validate_python(read_json(path))
    except ValidationError:
        message = f"{path} is not what an import keeps of a patient: remove it"
        raise StorageError(message) from None
    return replace(found, image=root / found.image, mask=found.mask and root / found.mask)


def _keep(path: Path, found: UcsfStudy, *, root: Path) -> None:
    with write_faults(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    below = replace(
        found, image=found.image.relative_to(root), mask=None if found.mask is None else found.mask.relative_to(root)
    )
    write_json(path, FINDING.dump_python(below, mode="json"))
