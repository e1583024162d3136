"""A small cohort of every format, with canaries wherever a name, a date or a note can stand."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from pydicom.dataset import Dataset
from tests.readers.conftest import write_series

from onephase.cohort.export.exporting import Plan, plan_export, write_copy
from onephase.cohort.export.form import Form

KEY = bytes(range(32))
SHAPE = (4, 5, 6)
INSIDE = np.zeros(SHAPE, np.uint8)
INSIDE[1:3, 2:4, 1:5] = 1
GREY = np.random.default_rng(0).normal(100, 20, SHAPE).astype(np.float32)
TABLE = """\
case_id,patient_id,lesion_id,site,image,mask,col_start,col_end,row_start,row_end,slice_start,slice_end,col,row,slice,\
er,ki67,label_convention,provenance,split,age,radiologist canary,canary
CANARY_left,Canary-001,canary left,Canary Clinic,Canary_Folder/Canary^File.nii.gz,masks/CanaryMask.nii.gz,,,,,,,,,,\
95%,18,asco-cap-2020,real,train,93,Dr Canary,1961-02-03
CANARY_right,CANARY_1,,Canary Clinic,Canary_Folder/second.nii.gz,masks/second.nii.gz,,,,,,,,,,\
negative,,canary rule,real,train,61.5,Dr Canary,7
CANARY_dicom,Canary-002,,,canary_study,,1,4.5,1,4,1,3,,,,positive,10-15,,,test,about 60,,
7,7,,,canary.nrrd,,,,,,,,2,3,1,,,,,validation,,,
"""


def nifti(array: np.ndarray, *, canaries: bool = True) -> bytes:
    """Return a gzipped NIfTI-1 file made by hand, with a canary in each text of its header and in an extension."""
    extension = b"CANARY in an extension of this file".ljust(40, b"\0") if canaries else b""
    header = bytearray(352)
    slices, rows, columns = array.shape
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, columns, rows, slices, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, *{"float32": (16, 32), "uint8": (2, 8)}[array.dtype.name])
    struct.pack_into("<8f", header, 76, 1, 0.7, 0.9, 2.5, 1, 1, 1, 1)
    struct.pack_into("<3f", header, 108, 352 + (8 + len(extension) if extension else 0), 1, 0)
    struct.pack_into("<2h", header, 252, 1, 0)
    header[344:348] = b"n+1\0"
    if canaries:
        for place, text in ((4, b"CANARYty"), (14, b"canary db name"), (148, b"CANARY^DESCRIP 1961-02-03")):
            header[place : place + len(text)] = text
        header[228:241] = b"canary-aux.nii"[:13]
        header[328:342] = b"canary.intent "
        header[348] = 1
        header += struct.pack("<2i", 8 + len(extension), 6) + extension
    return gzip.compress(bytes(header) + array.tobytes())


def write_source(folder: Path) -> Path:
    """Write the cohort, and return its table."""
    for name in ("Canary_Folder", "masks"):
        (folder / name).mkdir(parents=True)
    (folder / "Canary_Folder" / "Canary^File.nii.gz").write_bytes(nifti(GREY))
    (folder / "Canary_Folder" / "second.nii.gz").write_bytes(nifti(GREY + 1))
    (folder / "masks" / "CanaryMask.nii.gz").write_bytes(nifti(INSIDE))
    (folder / "masks" / "second.nii.gz").write_bytes(nifti(INSIDE[:, :, ::-1].copy()))

    def change(dataset: Dataset, phase: int, place: int) -> None:
        dataset.private_block(0x0029, "CANARY CREATOR", create=True).add_new(0x10, "LO", "private canary")
        dataset.InstitutionName = "Canary Hospital"
        item = Dataset()
        item.CodeMeaning = "canary in a sequence"
        dataset.ProcedureCodeSequence = [item]

    write_series(folder / "canary_study", shape=SHAPE, change=change)
    image = SimpleITK.GetImageFromArray(GREY + 2)
    image.SetMetaData("note", "canary of a key in NRRD")
    SimpleITK.WriteImage(image, str(folder / "canary.nrrd"))
    table = folder / "cohort.csv"
    table.write_text(TABLE)
    return table


def export_cohort(tables: list[Path], folder: Path, *, key: bytes, form: Form = Form.NIFTI) -> Plan:
    """Plan and write a copy, as the command does."""
    plan = plan_export(tables, form=form)
    write_copy(plan, folder, key=key)
    return plan


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of the cohort with canaries."""
    return write_source(tmp_path_factory.mktemp("canary-home") / "Canary Cohort")


@pytest.fixture(scope="session")
def copy(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its copy by ``KEY``."""
    folder = tmp_path_factory.mktemp("exports") / "shared"
    export_cohort([source], folder, key=KEY)
    return folder


@pytest.fixture
def plain_copy(tmp_path: Path) -> Callable[..., Path]:
    """A function that lays out a folder as an export does, without any code of the exporter's."""

    def lay_out(*, table: bytes = b"", manifest: bytes = b"{}", voxels: bytes = b"", name: str = "a") -> Path:
        folder = tmp_path / f"copy-{len(list(tmp_path.iterdir()))}"
        (folder / "images").mkdir(parents=True)
        (folder / "cohort.csv").write_bytes(b"case_id,er\nx,1\n" + table)
        (folder / "export.json").write_bytes(manifest)
        content = bytearray(gzip.decompress(nifti(np.zeros(SHAPE, np.float32), canaries=False))) + voxels
        (folder / "images" / f"{name}.nii.gz").write_bytes(gzip.compress(bytes(content), mtime=0))
        return folder

    return lay_out
