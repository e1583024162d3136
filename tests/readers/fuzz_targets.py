"""What is broken, how, and who reads it."""

import io
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mutation import Mutation, csv_cells, dicom_elements, header_lines, nifti_fields, zip_members
from small_forms import FRAMES, our_form, small_form

from onephase.cohort.table import read_cohort
from onephase.imaging.case import Box
from onephase.readers.case import read_case

BOX = Box((1.0, 4.0), (1.0, 3.0), (0.0, 3.0))
OUTLINED = tuple(f"ucsf-br-06/dce/1-{number:03d}.dcm" for number in range(10, 52))  # the slices of the SEG's frames
DCE = OUTLINED[:FRAMES]
PHANTOM, BREAST1 = "ibsi/phantom.nii.gz", "breast1/breast1_image.nrrd"


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
    """

    file: str
    mutation: Mutation
    read: Callable[[Path, Path], object]
    beside: tuple[str, ...] = ()
    place: str = "."
    packed: bool = False


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


TARGETS = {
    "nifti": Target(PHANTOM, nifti_fields, _image),
    "nifti mask": Target("ibsi/mask.nii.gz", nifti_fields, _mask, (PHANTOM,), "image"),
    "nrrd": Target(BREAST1, header_lines, _image),
    "nrrd mask": Target("breast1/breast1_label.nrrd", header_lines, _mask, (BREAST1,), "image"),
    "dicom series": Target(DCE[0], dicom_elements, _folder, DCE[1:]),
    "dicom slice": Target(DCE[-1], dicom_elements, _folder, DCE[:-1]),  # read after others that it is like
    "enhanced dicom": Target("enhanced-mr/siemens-xa30-enhanced-gre.dcm", dicom_elements, _image),
    "dicom seg": Target("ucsf-br-06/fibroglandular-seg/1-1.dcm", dicom_elements, _segmentation, OUTLINED, "image"),
    "zip": Target(DCE[0], zip_members, _zip, DCE[1:], packed=True),
    "cohort table": Target("slices/ispy1/cases.csv", csv_cells, _table, ("slices/ispy1/images",)),
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
    return Form(folder, folder / Path(target.file).name, content_of(target.file))


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()
