"""What is broken, how, and who reads it."""

import io
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from made_forms import (
    analysis_mask,
    compressed_meta_image,
    les_outline,
    meta_image,
    nnunet_dataset,
    path_mapping,
    structure_set,
    volume_of_interest,
    workbook,
)
from made_mutation import json_values, les_numbers, meta_lines, workbook_parts
from mutation import Mutation, csv_cells, dicom_elements, header_lines, nifti_fields, zip_members
from small_forms import FRAMES, our_form, small_form

from onephase.cohort.sources import duke_mapping, ispy2, nnunet, ucsf
from onephase.cohort.sources.les_file import read_les
from onephase.cohort.sources.sheets import read_sheet
from onephase.cohort.sources.source import LeaveOut
from onephase.cohort.sources.tcia import series_in
from onephase.cohort.table import read_cohort
from onephase.errors import CohortError
from onephase.imaging.case import Box
from onephase.imaging.geometry import Grid
from onephase.readers.case import open_scan, read_case
from onephase.readers.dicom.structure_set import read_structure

BOX = Box((1.0, 4.0), (1.0, 3.0), (0.0, 3.0))
OUTLINED = tuple(f"ucsf-br-06/dce/1-{number:03d}.dcm" for number in range(10, 52))  # the slices of the SEG's frames
DCE = OUTLINED[:FRAMES]
PHANTOM, BREAST1, LABEL = "ibsi/phantom.nii.gz", "breast1/breast1_image.nrrd", "breast1/breast1_label.nrrd"
LABEL_SHAPE = (21, 120, 45)
TABLE = "slices/ispy1/cases.csv"
SEG = "ucsf-br-06/fibroglandular-seg/1-1.dcm"
MAPPING = "Breast-Cancer-MRI-filepath_filename-mapping.csv"


@dataclass(frozen=True)
class Target:
    """A reader and the real files that it is given.

    Attributes:
        file: The file that is broken, within the shared data.
        mutation: How its fields are changed.
        read: Takes the folder where the broken file lies, and the broken file.
        beside: Files and folders that lie in the folder as they are.
        place: In which folder of it they lie.
        packed: Whether all files are packed into one ZIP, which is what is broken.
        make: What is made of the file before it is broken, where the format is another; and the name that it gets.
    """

    file: str
    mutation: Mutation
    read: Callable[[Path, Path], object]
    beside: tuple[str, ...] = ()
    place: str = "."
    packed: bool = False
    make: tuple[Callable[[bytes], bytes], str] | None = None


@dataclass(frozen=True)
class Form:
    """A target's files laid out: small ones or whole ones.

    Attributes:
        folder: Where they lie.
        broken: Where the broken file goes.
        content: That file, unbroken.
    """

    folder: Path
    broken: Path
    content: bytes


def _image(folder: Path, broken: Path) -> object:
    return read_case(broken, case_id="fuzz", box=BOX)


def _folder(folder: Path, broken: Path) -> object:
    return read_case(folder, case_id="fuzz", box=BOX, phase=1)


def _zip(folder: Path, broken: Path) -> object:
    return read_case(broken, case_id="fuzz", box=BOX, phase=1)


def _mask(folder: Path, broken: Path) -> object:
    (image,) = (folder / "image").iterdir()
    return read_case(image, case_id="fuzz", mask=broken)


def _segmentation(folder: Path, broken: Path) -> object:
    return read_case(folder / "image", case_id="fuzz", mask=broken, phase=1)


def _table(folder: Path, broken: Path) -> object:
    return read_cohort(broken)


def _structure_set(folder: Path, broken: Path) -> object:
    return read_structure(broken, name="", grid=_grid(folder / "image"))


@cache
def _grid(image: Path) -> Grid:
    """Return an image's grid, read once: it is not what is broken."""
    with open_scan(image) as scan:
        return scan.grid


def _sheet(folder: Path, broken: Path) -> object:
    return read_sheet(broken).records("case_id", "image")


def _les(folder: Path, broken: Path) -> object:
    with _left_out():
        return read_les(broken).on(LABEL_SHAPE)


def _interest(folder: Path, broken: Path) -> object:
    with _left_out():
        return ucsf.volume_of_interest(broken, grid=_grid(folder / "image"))


def _analysis_mask(folder: Path, broken: Path) -> object:
    with _left_out():
        return ispy2._turned_round(broken, _grid(folder / "image"))


def _mapping(folder: Path, broken: Path) -> object:
    with tempfile.TemporaryDirectory() as keep:
        return duke_mapping.read_mapping(folder, keep=Path(keep))


def _series(folder: Path, broken: Path) -> object:
    return series_in([folder])


def _mapped(folder: Path, broken: Path) -> object:
    names = sorted(path.name for path in broken.parent.iterdir())
    ends = tuple((f"{folder.name}/{broken.parent.name}/{name}", "") for name in (names[0], names[-1]))
    sequence = duke_mapping.MappedSequence((1, len(names)), ends)
    with _left_out():
        return duke_mapping.downloaded(sequence, [folder])


@contextmanager
def _left_out() -> Iterator[None]:
    """Turn what is told in the list of the cases left out into one sentence."""
    try:
        yield
    except LeaveOut as fault:
        message = f"{fault.reason}: {fault.detail}"
        raise CohortError(message) from None


def _nnunet(folder: Path, broken: Path) -> object:
    return nnunet._label(nnunet._dataset(broken).labels, None, path=broken)


TARGETS = {
    "nifti": Target(PHANTOM, nifti_fields, _image),
    "nifti mask": Target("ibsi/mask.nii.gz", nifti_fields, _mask, (PHANTOM,), "image"),
    "nrrd": Target(BREAST1, header_lines, _image),
    "nrrd mask": Target(LABEL, header_lines, _mask, (BREAST1,), "image"),
    "dicom series": Target(DCE[0], dicom_elements, _folder, DCE[1:]),
    "dicom slice": Target(DCE[-1], dicom_elements, _folder, DCE[:-1]),  # read after others that it is like
    "enhanced dicom": Target("enhanced-mr/siemens-xa30-enhanced-gre.dcm", dicom_elements, _image),
    "dicom seg": Target(SEG, dicom_elements, _segmentation, OUTLINED, "image"),
    "zip": Target(DCE[0], zip_members, _zip, DCE[1:], packed=True),
    "cohort table": Target(TABLE, csv_cells, _table, ("slices/ispy1/images",)),
    "metaimage": Target(BREAST1, meta_lines, _image, make=(meta_image, "image.mha")),
    "metaimage mask": Target(LABEL, meta_lines, _mask, (BREAST1,), "image", make=(compressed_meta_image, "label.mha")),
    "structure set": Target(
        OUTLINED[0], dicom_elements, _structure_set, OUTLINED, "image", make=(structure_set, "rt.dcm")
    ),
    "workbook": Target(TABLE, workbook_parts, _sheet, make=(workbook, "cases.xlsx")),
    "sheet": Target(TABLE, csv_cells, _sheet),
    "les outline": Target(LABEL, les_numbers, _les, make=(les_outline, "outline.les")),
    "nnunet labels": Target(TABLE, json_values, _nnunet, make=(nnunet_dataset, "dataset.json")),
    "volume of interest": Target(SEG, dicom_elements, _interest, OUTLINED, "image", make=(volume_of_interest, "1.dcm")),
    "analysis mask": Target(SEG, dicom_elements, _analysis_mask, OUTLINED, "image", make=(analysis_mask, "1.dcm")),
    "path mapping": Target(TABLE, csv_cells, _mapping, make=(path_mapping, MAPPING)),
    "tcia series": Target(DCE[0], dicom_elements, _series, DCE[1:]),
    "mapped sequence": Target(
        DCE[0], dicom_elements, _mapped, DCE[1:], "dce", make=(bytes, f"dce/{Path(DCE[0]).name}")
    ),
}


def laid_out(target: Target, data: Path, folder: Path, *, small: bool) -> Form:
    """Lay out a target's files.

    Args:
        target: The target.
        data: The shared data.
        folder: Where to; it is made.
        small: Whether as small forms.
    """
    place = folder / target.place
    place.mkdir(parents=True)

    def content_of(file: str) -> bytes:
        ours = our_form(file, (data / file).read_bytes())
        return small_form(file, ours) if small else ours

    beside = target.beside[:FRAMES] if small else target.beside
    if target.packed:
        files = {Path(file).name: content_of(file) for file in (target.file, *beside)}
        return Form(folder, folder / "all.zip", _zipped(files))
    for file in beside:
        if (data / file).is_dir():
            shutil.copytree(data / file, place / Path(file).name)
        else:
            (place / Path(file).name).write_bytes(content_of(file))
    content = content_of(target.file)
    if target.make is None:
        return Form(folder, folder / Path(target.file).name, content)
    make, name = target.make
    return Form(folder, folder / name, make(content))


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()
