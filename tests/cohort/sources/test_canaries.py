"""Names of patients, planted wherever people write them into headers, reach nothing that an import writes or says."""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from tests.cohort.sources import test_ambl, test_dicom_study, test_duke, test_ispy, test_nact_pilot, test_tcga_brca
from tests.cohort.sources.conftest import write_workbook
from tests.readers.conftest import square, tumour_contours, write_structures
from typer.testing import CliRunner

from onephase.cli.commands import app

CANARY = "Zykova^Oldya"
WORDS = ("zykova", "oldya")


def ambl(root: Path) -> None:
    test_ambl.write_images(root)
    sheets = {"MRI BREASTS with Delay": [("group", *[""] * 34), test_ambl.HEADER, *test_ambl.ROWS]}
    write_workbook(root / "Advanced-MRI-Breast-Lesions-DA-Clinical-Sep2024.xlsx", sheets)


def dicom_study(root: Path) -> None:
    """Write the export, with a study of several structures that could be meant, and one of none that could."""
    test_dicom_study.write_export(root)
    made = test_dicom_study.write_dynamic(root / "studies" / "s3" / "dce")
    both = {"GTV a": tumour_contours(), "GTV_b": tumour_contours()}
    write_structures(root / "studies" / "s3" / "rt" / "1.dcm", made, both)
    made = test_dicom_study.write_dynamic(root / "studies" / "s4" / "dce")
    write_structures(root / "studies" / "s4" / "rt" / "1.dcm", made, {"heart": [(0, square(0, 4))]})
    shutil.copytree(root / "studies" / "s4", root / "studies" / "s5")
    shutil.copy(root / "studies" / "s4" / "rt" / "1.dcm", root / "studies" / "s5" / "2.dcm")
    with (root / "patients.csv").open("a", encoding="utf-8") as table:
        table.write("s5,P5,80%,0+,12,\n")


def duke(root: Path) -> None:
    test_duke.write_images(root, layout="classic")
    test_duke.write_tables(root)


def ispy1(root: Path) -> None:
    test_ispy.write_ispy1(root)


def ispy2(root: Path) -> None:
    test_ispy.write_trial(root)
    rows = [(100899, "x", 1, 0, 1, 0, 39), (102212, "x", 0, 1, 1, 0, 41)]
    write_workbook(root / "ISPY2-Imaging-Cohort-1-Clinical-Data.xlsx", {"Sheet1": [test_ispy.ISPY2, *rows]})


def nact_pilot(root: Path) -> None:
    test_nact_pilot.write_images(root)
    test_nact_pilot.write_labels(root)


def tcga_brca(root: Path) -> None:
    """Write the set, with a patient of whom two series bear the number that the outline names."""
    test_tcga_brca.write_set(root)
    study = root / "TCGA-BRCA" / "TCGA-AO-A0J9" / "01-01-2001-NA-MR"
    shutil.copytree(study / "4", study / "6")


MAP = list(itertools.chain.from_iterable(("--map", f"{name}={said}") for name, said in test_dicom_study.MAP.items()))
SETS: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "ambl": (ambl, []),
    "dicom-study": (dicom_study, MAP),
    "duke": (duke, []),
    "ispy1": (ispy1, []),
    "ispy2": (ispy2, []),
    "nact-pilot": (nact_pilot, []),
    "tcga-brca": (tcga_brca, []),
}


def plant(root: Path, *, descriptions: bool) -> None:
    """Write the canary into each header, where ``descriptions`` also into those by which series are told apart."""
    for path in root.rglob("*.dcm"):
        dataset = dcmread(path)
        dataset.PatientName = CANARY
        dataset.StudyDescription = f"{CANARY} {dataset.get('StudyDescription', '')}".strip()
        dataset.ProtocolName = CANARY
        if descriptions or "SeriesDescription" not in dataset:
            dataset.SeriesDescription = f"{dataset.get('SeriesDescription', '')} {CANARY}".strip()
        for item in dataset.get("StructureSetROISequence", []):
            plant_name(item, "ROIName", "_Zykova")
        for item in dataset.get("SegmentSequence", []):
            plant_name(item, "SegmentLabel", " Oldya")
        if descriptions and "ClinicalTrialTimePointID" in dataset:
            dataset.ClinicalTrialTimePointID = CANARY
        dataset.save_as(path)


def plant_name(item: Dataset, keyword: str, name: str) -> None:
    setattr(item, keyword, f"{item.get(keyword, '')}{name}")


@pytest.mark.parametrize("descriptions", [False, True])
@pytest.mark.parametrize("source", SETS)
def test_no_name_of_a_header_is_written_or_said(tmp_path: Path, copied, source: str, *, descriptions: bool) -> None:
    build, words = SETS[source]
    root = copied(f"canaries-{source}", build, tmp_path / "set")
    plant(root, descriptions=descriptions)
    for as_json in ([], ["--json"]):
        call = ["import", source, str(root), "--out", str(tmp_path / "out" / "cohort.csv"), *words, *as_json]
        answer = CliRunner().invoke(app, call)
        said = f"{answer.output} {answer.stderr} {answer.exception}"
        assert "Traceback" not in said
        assert "cases" in said
        assert not [word for word in WORDS if word in said.lower()], said
    for path in (tmp_path / "out").rglob("*"):
        written = f"{path} ".encode() + (path.read_bytes() if path.is_file() else b"")
        assert not [word for word in WORDS if word.encode() in written.lower()], path
