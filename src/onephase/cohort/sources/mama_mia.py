"""MAMA-MIA: 1,506 patients of Duke, I-SPY 1, I-SPY 2 and the NACT pilot, as NIfTI with segmentations.

``_0001`` is the first post-contrast volume. ``tumor_subtype`` changes its meaning by cohort (``luminal_b`` is
HER2-positive in I-SPY 2 only), so it is never read: subtypes follow from the receptors.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from onephase.cohort.records import Split
from onephase.cohort.sources.receptors import panel, status
from onephase.cohort.sources.sheets import find_table, find_table_if_any, read_sheet
from onephase.cohort.sources.source import Download, Found, Label, LeaveOut, Lesion, Source, sort_out, unique
from onephase.errors import CohortError

CONVENTIONS = {"DUKE": "duke-allred", "ISPY1": "ispy1", "ISPY2": "ispy2", "NACT": "nact-pilot"}
NIFTI = re.compile(r".+\.nii(\.gz)?", re.IGNORECASE)
MASKS = ("expert", "automatic")
REQUIRED = ("patient_id", "dataset", "hr", "er", "pr", "her2")
COVARIATES = ("age", "menopause", "nottingham_grade", "pcr", "field_strength", "manufacturer", "multifocal_cancer")


def read(download: Download) -> Found:
    """Read MAMA-MIA, or a part of it.

    Raises:
        CohortError: If the table is missing or not as published.
    """
    kind = download.choices.get("mask", MASKS[0])
    if kind not in MASKS:
        message = f"--map mask={kind}: MAMA-MIA has {' and '.join(MASKS)} segmentations"
        raise CohortError(message)
    path = find_table(download.folder, r"clinical_and_imaging_info\.xlsx", what="clinical_and_imaging_info.xlsx")
    rows = read_sheet(path, sheet="dataset_info").records(*REQUIRED)
    unique((row["patient_id"].upper() for row in rows), where=path.name)
    tables, tested = _published_split(path.parent)
    images = by_letters(path.parent / "images", volumes=False)
    files = _Files(images, by_letters(path.parent / "segmentations" / kind, volumes=True), tested)
    row_of = {row["patient_id"].upper(): row for row in rows}
    names = [*row_of, *sorted(files.images.keys() - row_of.keys())]

    def lesion_of(case_id: str) -> Lesion:
        name = case_id.removeprefix("mama-mia-")
        if name not in row_of:
            reason = "its folder has no row in dataset_info"
            raise LeaveOut(reason)
        return _lesion(name, row_of[name], files=files)

    cases = [f"mama-mia-{name}" for name in names]
    lesions, left_out = sort_out(cases, lesion_of, progress=download.progress)
    notes = (
        "tumor_subtype was not read: it changes its meaning by cohort; subtypes follow from the receptors",
        f"outlines are the {kind} segmentations; the volume is _0001, the first after contrast",
    )
    return Found(tuple(cases), lesions, left_out, (path, *tables), notes=notes)


def by_letters(folder: Path, *, volumes: bool) -> dict[str, Path]:
    """Return the folders, or the NIfTI files, in a folder by name in capitals without suffix.

    Some releases write small letters. What else lies there, as systems and people leave it, is no case.

    Args:
        folder: Where they lie; there may be none.
        volumes: Whether files are looked for, and not folders.

    Raises:
        CohortError: If two differ in case or ending only.
        OSError: If the folder cannot be read.
    """
    if not folder.is_dir():
        return {}
    entries: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not (NIFTI.fullmatch(path.name) if volumes else path.is_dir()):
            continue
        other = entries.setdefault(path.name.split(".")[0].upper(), path)
        if other != path:
            message = (
                f"{folder.name} holds {other.name} and {path.name}, which differ in case or ending only: "
                "keep one of them"
            )
            raise CohortError(message)
    return entries


@dataclass(frozen=True, slots=True)
class _Files:
    """What of the set is here, by name in capitals."""

    images: Mapping[str, Path]
    masks: Mapping[str, Path]
    tested: frozenset[str]


def _lesion(name: str, row: Mapping[str, str], *, files: _Files) -> Lesion:
    if row["dataset"] not in CONVENTIONS:
        message = f"dataset_info, case {name}: the dataset is {row['dataset']!r}, expected {', '.join(CONVENTIONS)}"
        raise CohortError(message)
    where = f"dataset_info, case {name}, column"
    labels = panel(**{label: status(row[label], where=f"{where} {label}") for label in ("er", "pr", "hr", "her2")})
    if name not in files.images:
        reason = "its images are not here"
        raise LeaveOut(reason)
    image = by_letters(files.images[name], volumes=True).get(f"{name}_0001")
    if image is None:
        reason = "the first post-contrast volume (_0001) is not here"
        raise LeaveOut(reason)
    if name not in files.masks:
        reason = "its segmentation is not here"
        raise LeaveOut(reason)
    split: Split = "test" if name in files.tested else ""
    return Lesion(
        case_id=f"mama-mia-{name}",
        patient_id=row["patient_id"],
        site=row["dataset"],
        image=image,
        mask=files.masks[name],
        labels=labels,
        convention=CONVENTIONS[row["dataset"]],
        split=split,
        covariates={column: row[column] for column in COVARIATES if column in row},
    )


def _published_split(root: Path) -> tuple[tuple[Path, ...], frozenset[str]]:
    """Return the table of the published split, where it is here, and who is tested in it."""
    tables = find_table_if_any(root, r"train_test_splits\.csv", what="train_test_splits.csv")
    tested = [row["test_split"].upper() for table in tables for row in read_sheet(table).records("test_split")]
    return tables, frozenset(tested) - {""}


SOURCE = Source(
    name="mama-mia",
    title="MAMA-MIA",
    licence="CC BY-NC 4.0 (not for commercial use), and the licence of each source set; Synapse syn60868042",
    citation=(
        "Garrucho L, Kushibar K, Reidel C-A, et al., A large-scale multicenter breast cancer DCE-MRI benchmark dataset "
        "with expert segmentations, Sci Data 12:453 (2025), 10.1038/s41597-025-04707-4"
    ),
    convention="",
    labels=(
        Label("er", "er", "as its source set: Duke Allred 3 or more, I-SPY 1 its own table; not known for I-SPY 2"),
        Label("pr", "pr", "as its source set, see er"),
        Label("hr", "hr", "ER or PR positive, where they are not both known: I-SPY 2 from 1 %, I-SPY 1 from 10 %"),
        Label("her2", "her2", "as its source set: IHC 3+ or FISH above 2"),
    ),
    read=read,
    choices={"mask": "expert (the default) or automatic segmentations"},
)
