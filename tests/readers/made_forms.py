"""Files of formats that the shared data lack, made from real files: their voxels, their places, their rows."""

import csv
import io
import json
import re
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pydicom
import SimpleITK
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid
from small_forms import holders

from onephase.cohort.sources import duke_mapping, ucsf

CONTOURS = ((1.5, 7.5), (3.5, 5.5))  # start and stop of squares in voxels: an outline with a hole
WRITTEN = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")  # when a workbook was: the same content every time


def meta_image(nrrd: bytes) -> bytes:
    """Return a volume as MetaImage."""
    return _meta_image(nrrd, compressed=False)


def compressed_meta_image(nrrd: bytes) -> bytes:
    """Return a volume as MetaImage with compressed voxels."""
    return _meta_image(nrrd, compressed=True)


def les_outline(nrrd: bytes) -> bytes:
    """Return a label as an outline of the Breast Phenotype Research Group."""
    inside = SimpleITK.GetArrayFromImage(_image(nrrd)) > 0
    places = np.argwhere(inside)
    first, last = places.min(axis=0), places.max(axis=0)
    box = inside[tuple(slice(start, stop + 1) for start, stop in zip(first, last, strict=True))]
    numbers = np.array([first, last])[:, [1, 2, 0]]  # row, column, slice
    return numbers.astype("<u2").tobytes() + box.transpose(0, 2, 1).astype(np.uint8).tobytes()


def structure_set(image: bytes) -> bytes:
    """Return an RT structure set with a tumour of a few voxels on a slice, and a heart without contours."""
    header = pydicom.dcmread(io.BytesIO(image))
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = RTStructureSetStorage
    uid = generate_uid(entropy_srcs=[header.SOPInstanceUID])
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SeriesInstanceUID = uid
    dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = header.StudyInstanceUID, header.FrameOfReferenceUID
    dataset.Modality = "RTSTRUCT"
    dataset.StructureSetROISequence, dataset.ROIContourSequence = [], []
    for number, (name, squares) in enumerate({"heart": (), "Tumor_1": CONTOURS}.items(), start=1):
        structure, drawn = Dataset(), Dataset()
        structure.ROINumber, structure.ROIName = number, name
        drawn.ReferencedROINumber = number
        drawn.ContourSequence = [_square(header, *square) for square in squares]
        dataset.StructureSetROISequence.append(structure)
        dataset.ROIContourSequence.append(drawn)
    for holder in holders(dataset):
        for element in holder:
            element.is_undefined_length = element.VR == "SQ"  # which pydicom reads as items at once, as it does a SEG's
    return _bytes_of(dataset)


def workbook(table: bytes) -> bytes:
    """Return a table as a workbook; the same bytes every time."""
    book = openpyxl.Workbook()
    for row in csv.reader(io.StringIO(table.decode())):
        book.active.append(row)
    written, out = io.BytesIO(), io.BytesIO()
    book.save(written)
    with zipfile.ZipFile(written) as parts, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in parts.namelist():
            archive.writestr(zipfile.ZipInfo(name), WRITTEN.sub(b"2020-01-02T08:00:00Z", parts.read(name)))
    return out.getvalue()


def volume_of_interest(segmentation: bytes) -> bytes:
    """Return a segmentation with UCSF's private attributes: three phases, and a volume that holds all of it."""
    dataset = pydicom.dcmread(io.BytesIO(segmentation))
    block = dataset.private_block(ucsf.GROUP, ucsf.CREATOR, create=True)
    for element in (ucsf.PHASES, ucsf.PHASE_INDICES, ucsf.LOW, ucsf.HIGH):
        if element in block:
            del block[element]
    block.add_new(ucsf.PHASES, "IS", 3)
    block.add_new(ucsf.PHASE_INDICES, "IS", [0, 1, 2])
    block.add_new(ucsf.LOW, "US", [0, 0, 0])
    block.add_new(ucsf.HIGH, "US", [dataset.Columns - 1, dataset.Rows - 1, dataset.NumberOfFrames - 1])
    return _bytes_of(dataset)


def analysis_mask(segmentation: bytes) -> bytes:
    """Return a segmentation as the inverse bit mask of I-SPY 2: what was outlined is 0, all else was left out."""
    dataset = pydicom.dcmread(io.BytesIO(segmentation))
    dataset.PixelData = np.where(dataset.pixel_array > 0, 0, 1).astype(np.uint8).tobytes()
    return _bytes_of(dataset)


def path_mapping(_: bytes) -> bytes:
    """Return Duke's mapping of paths for two patients with two sequences of three slices each."""
    rows = [duke_mapping.COLUMNS]
    for patient in ("Breast_MRI_001", "Breast_MRI_002"):
        for series, sequence in enumerate(("pre", "post_1"), start=1):
            for number in (1, 2, 3):
                original = f"DICOM_Images/{patient}/{sequence}/{patient}_{sequence}_{number:02d}.dcm"
                classic = f"Duke-Breast-Cancer-MRI/{patient}/1.2.3/1.2.3.{series}/1-{number:03d}.dcm"
                described = f"Duke-Breast-Cancer-MRI/{patient}/01-01-1990-MRI/{series}.0-ax dyn-1/1-{number:02d}.dcm"
                rows.append((original, classic, described))
    return "\n".join(",".join(row) for row in rows).encode()


def nnunet_dataset(_: bytes) -> bytes:
    """Return the ``dataset.json`` of nnU-Net for one tumour."""
    labels = {"background": 0, "tumour": 1}
    content = {"channel_names": {"0": "pre", "1": "post"}, "labels": labels, "numTraining": 3, "file_ending": ".nii.gz"}
    return json.dumps(content).encode()


def _bytes_of(dataset: Dataset) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _image(nrrd: bytes) -> SimpleITK.Image:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.nrrd"
        path.write_bytes(nrrd)
        return SimpleITK.ReadImage(str(path))


def _meta_image(nrrd: bytes, *, compressed: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.mha"
        SimpleITK.WriteImage(_image(nrrd), str(path), useCompression=compressed)
        return path.read_bytes()


def _square(header: Dataset, start: float, stop: float) -> Dataset:
    """Return a closed contour around voxels of a slice."""
    columns, rows = np.array([(start, start), (stop, start), (stop, stop), (start, stop)]).T
    along_row, along_column = np.reshape(header.ImageOrientationPatient, (2, 3)).astype(float)
    row_mm, column_mm = map(float, header.PixelSpacing)
    mm = np.array(header.ImagePositionPatient, float) + np.outer(columns * column_mm, along_row)
    mm += np.outer(rows * row_mm, along_column)
    contour = Dataset()
    contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", len(mm)
    contour.ContourData = [f"{value:.4f}" for value in mm.ravel()]
    return contour
