"""Tiny synthetic copies of each set's layout, with its real names and faults, made by code."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from tests.readers.conftest import Made, write_series

from onephase.cohort.sources.importing import Import, import_cohort
from onephase.cohort.sources.known import source_named
from onephase.cohort.sources.source import Download

SHAPE = (6, 12, 10)
SPACING_MM = (2.0, 0.7, 0.7)


def write_nifti(path: Path, array: np.ndarray, spacing_mm: tuple[float, float, float] = SPACING_MM) -> Path:
    """Write an array (slice, row, column) with its spacing; it goes to the disk as small as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(spacing_mm[::-1])
    SimpleITK.WriteImage(image, str(path))
    return path


def phantom(seed: int = 0, level: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return a volume and the mask of a tumour in it, off centre along each axis, brighter by ``level`` times."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:3, 2:6, 5:9] = 1
    volume = rng.uniform(90, 110, SHAPE).astype(np.float32)
    volume[mask > 0] *= level
    return volume, mask


def write_workbook(path: Path, sheets: dict[str, Sequence[Sequence[Any]]]) -> Path:
    """Write a workbook by openpyxl."""
    openpyxl = pytest.importorskip("openpyxl", reason="workbooks need the import extra")
    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def write_dynamic(folder: Path, *, phases: int = 3, **attributes: Any) -> Made:
    """Write one series with all its phases, brighter after the first; sagittal, so that slices run along -x."""
    levels = (1.0, 1.8, 2.0, 2.0, 2.0, 2.0)[:phases]
    return write_series(
        folder,
        phases=phases,
        shape=SHAPE,
        orientation="sagittal",
        levels=levels,
        **{"PatientID": folder.name} | attributes,
    )


def write_seg(path: Path, made: Made, pixels: np.ndarray, *, label: str, kind: str = "FRACTIONAL", **attributes: Any):
    """Write a DICOM SEG over a series by highdicom, an independent writer, and return its data set."""
    hd = pytest.importorskip("highdicom", reason="highdicom, the independent writer of SEG, comes with the dicom extra")
    from pydicom import dcmread
    from pydicom.sr.codedict import codes

    path.parent.mkdir(parents=True, exist_ok=True)
    description = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label=label,
        segmented_property_category=codes.SCT.Tissue,
        segmented_property_type=codes.SCT.Breast if "reast" in label else codes.SCT.Tissue,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
    )
    segmentation = hd.seg.Segmentation(
        source_images=[dcmread(file) for file in made.files[0]],
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=[description],
        series_instance_uid=hd.UID(),
        series_number=100,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="ACME",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
        omit_empty_frames=kind == "BINARY",
    )
    for name, value in attributes.items():
        setattr(segmentation, name, value)
    segmentation.save_as(path)
    return segmentation


def write_ucsf_seg(
    path: Path, made: Made, *, low=(5, 2, 1), high=(8, 5, 2), indices=(0, 1, 2), **attributes: Any
) -> None:
    """Write a fibroglandular segmentation with UCSF's private attributes; the VOI is (column, row, slice)."""
    tissue = np.zeros(SHAPE)
    tissue[low[2] : high[2] + 1, low[1] : high[1] + 1, low[0] : high[0] + 1] = 1.0
    tissue = attributes.pop("tissue", tissue)
    dataset = write_seg(
        path, made, tissue, label="Breast", SeriesDescription="VOI Breast Tissue Segmentation", **attributes
    )
    block = dataset.private_block(0x0117, "UCSF BIRP PRIVATE CREATOR 011710xx", create=True)
    block.add_new(0x30, "IS", "3")
    block.add_new(0x35, "IS", list(indices))
    block.add_new(0xA1, "US", list(low))
    block.add_new(0xA2, "US", list(high))
    dataset.save_as(path)


def write_csv(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    """Write rows as CSV without quoting."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Copy images that are written once a session, for writing DICOM takes its time."""
    made: dict[str, Path] = {}

    def copy(name: str, build: Callable[[Path], None], to: Path) -> Path:
        if name not in made:
            made[name] = tmp_path_factory.mktemp("layout") / name
            made[name].mkdir()
            build(made[name])
        return Path(shutil.copytree(made[name], to, dirs_exist_ok=True))

    return copy


@pytest.fixture
def do_import(tmp_path: Path) -> Callable[..., Import]:
    """Import a set into ``out/cohort.csv``."""

    def run(source: str, folder: Path, *, without: Sequence[Path] = (), out: str = "out/cohort.csv", **choices: str):
        download = Download(folder, tmp_path / out, choices)
        return import_cohort(source_named(source), download, without=without)

    return run


@pytest.fixture
def imports_again(tmp_path: Path, do_import, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Import a set twice, the second time without what only the first may need: every file is as it was."""

    def run(source: str, folder: Path, *, without: str, **choices: str) -> None:
        def written() -> dict[Path, bytes]:
            return {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}

        do_import(source, folder, **choices)
        first = written()
        with monkeypatch.context() as second:
            second.setattr(f"onephase.cohort.sources.{without}", None)
            do_import(source, folder, **choices)
        assert written() == first

    return run


@pytest.fixture
def close(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let nobody list folders or read files of a name, as permissions would, which root is not asked for."""

    def closed(name: str) -> None:
        for method in ("iterdir", "open", "read_bytes"):
            real = getattr(Path, method)

            def refused(self: Path, *args: Any, real=real, **how: Any):
                if self.name == name:
                    raise PermissionError(13, "Permission denied", str(self))
                return real(self, *args, **how)

            monkeypatch.setattr(Path, method, refused)

    return closed
