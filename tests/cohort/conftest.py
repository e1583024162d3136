"""Cohort tables as text."""

from collections.abc import Callable
from pathlib import Path

import pytest

TableWriter = Callable[..., Path]


@pytest.fixture
def write_table(tmp_path: Path) -> TableWriter:
    """Write a table, and an empty file for each image and mask that it names."""

    def write(*lines: str, folder: str = "clinic", name: str = "cohort.csv", files: bool = True) -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        if files:
            for line in lines[1:]:
                for cell in line.split(","):
                    if cell.strip().endswith((".nii.gz", ".nrrd")):
                        (path.parent / cell.strip()).touch()
        return path

    return write
