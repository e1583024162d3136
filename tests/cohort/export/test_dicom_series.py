"""A copy as DICOM: the same voxels, grid and mask by our own reader, no canary, and two judges from elsewhere."""

import csv
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from tests.readers.conftest import slice_dataset, write_series
from tests.readers.dicom.test_enhanced import write_enhanced
from tests.readers.dicom.test_seg import NEOPLASM, OTHER, TISSUE, TUMOUR, write_seg

from onephase.cohort.case_of import case_of
from onephase.cohort.export.dicom_search import found_in_dicom
from onephase.cohort.export.dicom_series import own_dicom_words
from onephase.cohort.export.form import Form
from onephase.cohort.export.identifier_search import IdentifierSearch
from onephase.cohort.export.pseudonyms import names_of
from onephase.cohort.table import check_cohort, read_cohort
from onephase.errors import ExportError
from onephase.imaging.case import Mask
from onephase.readers.dicom.enhanced import enhanced_slices
from onephase.readers.dicom.files import read_dataset
from onephase.readers.dicom.originals import originals
from onephase.readers.dicom.pixels import read_pixels
from onephase.readers.header_identifiers import header_identifiers
from onephase.settings import SplitSettings
from onephase.writers import dicom_copy

from .conftest import INSIDE, KEY, export_cohort, nifti

pytest.importorskip("highdicom", reason="highdicom, which writes masks as DICOM SEG, comes with the dicom extra")

TABLE = """\
case_id,patient_id,site,image,phase,mask,mask_label,col_start,col_end,row_start,row_end,slice_start,slice_end,col,row,\
slice,er,provenance,split,reader
CANARY_left,Canary-001,Canary Clinic,canary_study,2,canary.seg.dcm,2,,,,,,,,,,95%,real,train,Dr Canary
CANARY_right,CANARY_1,Canary Clinic,canary_study,3,canary.nii.gz,,,,,,,,,,,negative,real,train,
CANARY_zip,Canary-002,,canary.zip,,,,1,4.5,1,4,1,3,,,,positive,real,test,
CANARY_frames,Canary-003,,canary-enhanced.dcm,2,,,,,,,,,2,3,1,,real,validation,
"""


def change(dataset: Dataset, phase: int, place: int) -> None:
    """Put a canary wherever a text can stand."""
    dataset.SpecificCharacterSet = "ISO_IR 192" if place % 2 else "ISO_IR 100"
    dataset.PatientName = "CANARY^Zoëlle"
    dataset.preamble = b"canary in a preamble".ljust(128, b"\0")
    dataset.file_meta.SourceApplicationEntityTitle = "CANARY_AE"
    dataset.private_block(0x0029, "CANARY CREATOR", create=True).add_new(0x10, "LO", "private canary")
    dataset.private_block(0x0029, "CANARY CREATOR").add_new(0x11, "UN", b"canary of no kind")
    dataset.InstitutionName, dataset.ImageComments, dataset.PatientComments = "Canary Hospital", "canary", "19610203"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "CANARY"]
    dataset.ScanOptions, dataset.ContrastBolusAgent = ["FS", "CANARY"], "Canary contrast"
    dataset.Manufacturer, dataset.ManufacturerModelName = "Canary Works", "Canary 3000"
    dataset.AcquisitionDate, dataset.AcquisitionTime = "20200102", "081500"
    item = Dataset()
    item.CodeMeaning = "canary in a sequence"
    dataset.ProcedureCodeSequence = [item]
    dataset.add_new(0x60000010, "US", 5)
    dataset.add_new(0x60003000, "OW", b"canary in an overlay")
    dataset.add_new(0x60004000, "LT", "canary of an overlay")
    dataset.add_new(0xFFFCFFFC, "OB", b"canary in padding")


def nested(path: Path) -> None:
    """Put canaries into the functional groups of an enhanced file, which are kept."""
    dataset = dcmread(path)
    for groups in dataset.PerFrameFunctionalGroupsSequence:
        groups.FrameContentSequence[0].FrameComments = "canary in a frame"
        groups.FrameContentSequence[0].FrameAcquisitionDateTime = "20200102081500"
        groups.private_block(0x0021, "CANARY CREATOR", create=True).add_new(0x10, "SH", "private canary")
    coil = Dataset()
    coil.ReceiveCoilName, coil.ReceiveCoilManufacturerName, coil.ReceiveCoilType = "CANARY coil", "Canary", "SURFACE"
    dataset.SharedFunctionalGroupsSequence[0].MRReceiveCoilSequence = [coil]
    dataset.save_as(path)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of a cohort of DICOM: phases of one series, a ZIP, an enhanced file; masks as SEG and as NIfTI."""
    folder = tmp_path_factory.mktemp("canary-home")
    levels = (1.0, 1.8, 1.9)
    made = write_series(folder / "canary_study", phases=3, levels=levels, orientation="oblique", change=change)
    pixels = np.stack([OTHER, TUMOUR], axis=-1).astype(np.uint8)
    segments = (("canary left", TISSUE), ("CANARY right", NEOPLASM))
    write_seg(folder / "canary.seg.dcm", made.datasets[1], pixels, *segments)
    write_mask_of(folder / "canary.nii.gz", folder / "canary_study")
    packed = write_series(folder / "packed", seed=1, change=change)
    with zipfile.ZipFile(folder / "canary.zip", "w") as archive:
        for number, path in enumerate(sorted(packed.folder.iterdir())):
            archive.write(path, f"Canary^Zip/IM{number}")
    write_enhanced(folder / "canary-enhanced.dcm", slice_dataset)
    nested(folder / "canary-enhanced.dcm")
    (folder / "cohort.csv").write_text(TABLE)
    return folder / "cohort.csv"


def write_mask_of(path: Path, image: Path) -> None:
    """Write a NIfTI mask on the grid of a series."""
    from onephase.readers.dicom.scan import open_dicom
    from onephase.writers.volume_file import write_mask

    write_mask(path, Mask(INSIDE > 0, open_dicom(image).grid))


@pytest.fixture(scope="module")
def copy(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its copy by ``KEY``."""
    folder = tmp_path_factory.mktemp("exports") / "shared"
    export_cohort([source], folder, key=KEY, form=Form.DICOM)
    return folder


def files_of(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.dcm"))


def test_no_canary_is_anywhere(source: Path, copy: Path) -> None:
    there = b"\n".join(str(path.relative_to(copy)).encode() + path.read_bytes() for path in files_of(copy)).lower()
    there += (copy / "cohort.csv").read_bytes().lower() + (copy / "export.json").read_bytes().lower()
    assert b"2.25." in there
    there = re.sub(rb"2\.25\.[0-9]+|[0-9a-f]{64}", b"", there)  # the digits of a hash may be any
    before = dcmread(next((source.parent / "canary_study").iterdir()))
    telling = [
        b"canary",
        "zoëlle".encode(),
        "zoëlle".encode("latin-1"),
        b"yellow",
        b"4711",
        b"19610203",
        b"2020",
        b"acme",
    ]
    telling += [
        str(before[name].value).encode() for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
    ]
    telling += [str(before.FrameOfReferenceUID).encode(), b"im0", b"pydicom", b"highdicom0"]
    assert not [text for text in telling if text in there]


def test_every_case_reads_back_as_it_was(source: Path, copy: Path) -> None:
    before = read_cohort(source, labelled=False).records
    after = {record.case_id: record for record in read_cohort(copy / "cohort.csv", labelled=False).records}
    for record, name in zip(before, names_of(before, key=KEY), strict=True):
        old, new = case_of(record), case_of(after[name.case])
        np.testing.assert_array_equal(old.volume.array, new.volume.array)
        np.testing.assert_array_equal(old.volume.grid.direction, new.volume.grid.direction)
        assert old.volume.grid.spacing_mm == new.volume.grid.spacing_mm
        assert old.volume.grid.origin_mm == new.volume.grid.origin_mm
        if isinstance(old.roi, Mask):
            assert isinstance(new.roi, Mask)
            np.testing.assert_array_equal(old.roi.array, new.roi.array)
            assert not [warning for warning in new.warnings if "frames of reference" in warning]
        else:
            assert new.roi == old.roi
        assert new.source["phase"] == "1 of 1"
    assert not check_cohort([copy / "cohort.csv"], SplitSettings()).errors


def test_references_resolve_and_one_patient_stays_one(source: Path, copy: Path) -> None:
    read = [dcmread(path) for path in files_of(copy)]
    images = {one.SOPInstanceUID: one for one in read if one.Modality == "MR"}
    masks = [one for one in read if one.Modality == "SEG"]
    assert len(masks) == 2
    for mask in masks:
        (series,) = mask.ReferencedSeriesSequence
        named = {one.ReferencedSOPInstanceUID for one in series.ReferencedInstanceSequence}
        assert named <= set(images)
        for one in (images[uid] for uid in named):
            assert one.SeriesInstanceUID == series.SeriesInstanceUID
            assert (one.StudyInstanceUID, one.FrameOfReferenceUID) == (mask.StudyInstanceUID, mask.FrameOfReferenceUID)
            assert (one.PatientID, one.PatientName) == (mask.PatientID, mask.PatientName)
    assert len({one.PatientID for one in read}) == 3  # Canary-001 and CANARY_1 are one
    assert len({mask.SeriesInstanceUID for mask in masks}) == 2
    assert all(one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID for one in read)
    assert all(one.PatientIdentityRemoved == "YES" and not one.preamble.strip(b"\0") for one in read)
    assert all(one.DeidentificationMethodCodeSequence[0].CodeValue == "113100" for one in read)


def test_the_same_key_gives_the_same_bytes(source: Path, copy: Path, tmp_path: Path) -> None:
    export_cohort([source], tmp_path / "same", key=KEY, form=Form.DICOM)
    for path in files_of(copy):
        assert path.read_bytes() == (tmp_path / "same" / path.relative_to(copy)).read_bytes()


def test_a_copy_can_be_copied(copy: Path, tmp_path: Path) -> None:
    export_cohort([copy / "cohort.csv"], tmp_path / "again", key=KEY, form=Form.DICOM)
    uids = [{dcmread(path).SOPInstanceUID for path in files_of(folder)} for folder in (copy, tmp_path / "again")]
    assert not uids[0] & uids[1]


def test_a_leak_of_the_writer_is_found_and_nothing_remains(source: Path, tmp_path: Path, monkeypatch) -> None:
    honest = dicom_copy.shareable

    def leaking(*given: object, **named: object) -> Dataset:
        copy = honest(*given, **named)
        copy.DeidentificationMethodCodeSequence[0].ImageComments = "private canary"
        return copy

    monkeypatch.setattr(dicom_copy, "shareable", leaking)
    with pytest.raises(ExportError, match=r"slice-\w+\.dcm: text of a header") as told:
        export_cohort([source], tmp_path / "shared", key=KEY, form=Form.DICOM)
    assert "canary" not in str(told.value).lower()
    assert not list(tmp_path.iterdir())


def test_an_image_that_is_no_dicom_is_refused_before_anything_is_written(source: Path, tmp_path: Path) -> None:
    for name in ("a.nii.gz", "b.nii.gz"):
        (tmp_path / name).write_bytes(nifti(INSIDE))
    (tmp_path / "cohort.csv").write_text("case_id,image,col,row,slice\nc1,a.nii.gz,1,1,1\nc2,b.nii.gz,1,1,1\n")
    with pytest.raises(ExportError, match=r"the image of case c1 and 1 more is no DICOM.* or take --format nifti"):
        export_cohort([source, tmp_path / "cohort.csv"], tmp_path / "shared", key=KEY, form=Form.DICOM)
    assert not (tmp_path / "shared").exists()


def said_by(judge: str, path: Path) -> set[str]:
    """Return the errors of dciodvfy, places in sequences left out."""
    done = subprocess.run([judge, "-new", path], capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    return {re.sub(r"\[\d+\]", "", line) for line in lines if line.startswith("Error")}


@pytest.mark.skipif(not shutil.which("dciodvfy"), reason="dciodvfy (Debian package dicom3tools) is not installed")
def test_dciodvfy_finds_no_error_that_the_source_does_not_have(source: Path, copy: Path) -> None:
    with (copy / "cohort.csv").open(newline="") as stream:
        places = {row["er"]: row for row in csv.DictReader(stream)}
    before = said_by("dciodvfy", next((source.parent / "canary_study").iterdir()))
    for row in (places["95%"], places["negative"], places["positive"]):
        assert said_by("dciodvfy", next((copy / row["image"]).iterdir())) <= before
        assert not row["mask"] or said_by("dciodvfy", copy / row["mask"]) <= {
            error for error in before if "Patient" in error
        }
    frames = next((copy / places[""]["image"]).iterdir())
    assert said_by("dciodvfy", frames) <= said_by("dciodvfy", source.parent / "canary-enhanced.dcm")


@pytest.mark.skipif(not shutil.which("dciodvfy"), reason="dciodvfy (Debian package dicom3tools) is not installed")
def test_dciodvfy_finds_nothing_new_in_a_real_enhanced_file(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "enhanced-mr" / "siemens-xa30-enhanced-gre.dcm"
    slices = enhanced_slices(source, read_dataset(source))
    (one,) = originals(slices, where=source)
    disguise = dicom_copy.Disguise("patient-bcdfghjklmnp", KEY)
    copy = dicom_copy.shareable(one.header, one.stored, frames=one.frames, disguise=disguise)
    dicom_copy.write_shareable(tmp_path / "copy.dcm", copy)
    new = said_by("dciodvfy", tmp_path / "copy.dcm") - said_by("dciodvfy", source)
    assert not [error for error in new if "AnatomicRegionSequence" not in error]  # it shows a head, which goes
    np.testing.assert_array_equal(read_pixels(enhanced_slices(tmp_path / "copy.dcm", copy)), read_pixels(slices))
    search = IdentifierSearch(header_identifiers(source), own_words=())
    found = found_in_dicom((tmp_path / "copy.dcm").read_bytes(), search, words=own_dicom_words())
    assert not [*found]


@pytest.mark.skipif(not shutil.which("dcmdump"), reason="dcmdump (Debian package dcmtk) is not installed")
def test_dcmdump_reads_every_file(copy: Path) -> None:
    done = subprocess.run(["dcmdump", "-q", *files_of(copy)], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.count("DeidentificationMethodCodeSequence") == len(files_of(copy))
    assert not done.stderr


def test_real_series_becomes_a_copy(shared_data: Path, tmp_path: Path) -> None:
    for path in sorted((shared_data / "ucsf-br-06" / "dce").iterdir())[60:84]:  # of one phase
        (tmp_path / "dce").mkdir(exist_ok=True)
        shutil.copyfile(path, tmp_path / "dce" / path.name)
    row = "br06,UCSF-BR-06,dce,100,120,100,120,10,16,positive\n"
    head = "case_id,patient_id,image,col_start,col_end,row_start,row_end,slice_start,slice_end,er\n"
    (tmp_path / "cohort.csv").write_text(head + row)
    export_cohort([tmp_path / "cohort.csv"], tmp_path / "shared", key=KEY, form=Form.DICOM)
    (old,) = read_cohort(tmp_path / "cohort.csv", labelled=False).records
    (new,) = read_cohort(tmp_path / "shared" / "cohort.csv", labelled=False).records
    before, after = case_of(old).volume, case_of(new).volume
    np.testing.assert_array_equal(before.array, after.array)
    assert before.grid.same_as(after.grid)
    assert len(files_of(tmp_path / "shared")) == 24
    if shutil.which("dciodvfy"):
        assert not said_by("dciodvfy", files_of(tmp_path / "shared")[0])
