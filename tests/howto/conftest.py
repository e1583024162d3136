"""The folders that the pages speak of."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("highdicom", reason="the dicom extra is not installed")
pytest.importorskip("pynetdicom", reason="the pacs extra is not installed")
pytest.importorskip("fastapi", reason="the web extra is not installed")

from pydicom import Dataset
from pydicom.uid import generate_uid
from tests.conftest import Archive
from tests.howto.shell import Shell
from tests.readers.conftest import write_series
from tests.service.conftest import postgres  # noqa: F401 - a fixture
from tests.service.node.conftest import outline_of

SHAPE, SPACING_MM = (37, 126, 111), (2.5, 0.7, 0.9)  # slice, row, column; just large enough for the box of the pages
CENTRE, RADIUS_MM = (30, 108, 95), 9.0  # their seed point
STUDY_DATE = "20261125"  # what the node's page asks the archive for
CASES = 3
OURS = ["OT", "OT", "SEG", "SR"]


def write_study(folder: Path, *, patient: str, outlined: bool = True, phases: int = 1, **attributes: str) -> str:
    """Write a study with a bright ball where the pages say that the tumour is, and return its UID."""
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    inside = np.linalg.norm((index - CENTRE) * SPACING_MM, axis=-1) < RADIUS_MM

    def brighten(one: Dataset, _phase: int, place: int) -> None:
        voxels = np.frombuffer(one.PixelData, "<u2").reshape(SHAPE[1:])
        one.PixelData = (voxels + 300 * inside[place]).astype("<u2").tobytes()

    uid, frame = (str(generate_uid(entropy_srcs=[patient, what])) for what in ("study", "frame of reference"))
    headers = {
        "PatientID": patient,
        "StudyInstanceUID": uid,
        "StudyDate": STUDY_DATE,
        "FrameOfReferenceUID": frame,
        "PositionReferenceIndicator": "",
    }
    made = write_series(folder, phases=phases, shape=SHAPE, change=brighten, **{**headers, **attributes})
    if outlined:
        outline = outline_of(made.datasets[0], int(uid[-9:]), inside=inside)
        outline.save_as(folder / "outline.dcm", enforce_file_format=True)
    return uid


def lay_out(folder: Path, demo: Path) -> Path:
    """Make a folder in which `demo/` is what `make demo` leaves, with few cases."""
    shutil.copytree(demo, folder / "demo", ignore=shutil.ignore_patterns("images", "masks", "cohort.splits.csv"))
    table = folder / "demo" / "cohort" / "cohort.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[: 1 + CASES]))
    for row in csv.DictReader(table.read_text().splitlines()):
        for name in (row["image"], row["mask"]):
            (table.parent / name).parent.mkdir(exist_ok=True)
            shutil.copy(demo / "cohort" / name, table.parent / name)
    return folder


@pytest.fixture
def folder(tmp_path: Path, tiny_demo: Path) -> Path:
    """A folder with `demo/`, and a volume of one's own with its mask."""
    folder = lay_out(tmp_path / "work", tiny_demo)
    for kind, name in (("images", "post1.nii.gz"), ("masks", "tumour.nii.gz")):
        shutil.copy(min((folder / "demo" / "cohort" / kind).iterdir()), folder / name)
    return folder


@pytest.fixture
def own_study(folder: Path) -> Path:
    """The folder, with a study of DICOM besides, and a cohort table of this one case."""
    write_study(folder / "study", patient="Canary-1")
    (folder / "cohort.csv").write_text(
        "case_id,patient_id,image,mask,er,her2,ki67,label_convention,provenance\n"
        "0001,Canary-1,study,study/outline.dcm,<1%,2+/ISH-,18,asco-cap-2020,simulated\n"
    )
    return folder


@pytest.fixture
def shell(folder: Path) -> Shell:
    """A shell in the folder."""
    return Shell(folder)


@pytest.fixture(scope="module")
def storescu() -> None:
    """The program at the place that the pages name."""
    if not Path("/usr/bin/storescu").exists():
        pytest.skip("storescu (Debian package dcmtk) is not installed")


@pytest.fixture(scope="module")
def curl() -> None:
    """The program, wherever it is."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")


def holds(archive: Archive, study_uid: str) -> bool:
    """Tell whether the archive holds all that we send of a study."""
    if not archive.json("tools/lookup", content=study_uid.encode()):
        return False
    series = [archive.json(f"series/{one}") for one in archive.json(archive.path_of(study_uid))["Series"]]
    ours = [one for one in series if one["MainDicomTags"].get("Manufacturer") == "onephase"]
    return sorted(one["MainDicomTags"]["Modality"] for one in ours for _ in one["Instances"]) == OURS
