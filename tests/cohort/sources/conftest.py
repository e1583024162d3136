"""Tiny synthetic copies of each set's layout, with its real names and faults, made by code."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK

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


def write_csv(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    """Write rows as CSV without quoting."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def do_import(tmp_path: Path) -> Callable[..., Import]:
    """Import a set into ``out/cohort.csv``."""

    def run(source: str, folder: Path, *, without: Sequence[Path] = (), out: str = "out/cohort.csv", **choices: str):
        download = Download(folder, tmp_path / out, choices)
        return import_cohort(source_named(source), download, without=without)

    return run
