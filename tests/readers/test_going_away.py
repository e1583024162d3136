"""Files that go away, or become shorter, between two looks at them: one sentence, whenever it happens."""

import builtins
import errno
import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from tests.readers.conftest import write_series

from onephase.cohort.files import unreadable_files
from onephase.cohort.table import read_cohort
from onephase.errors import ImageError
from onephase.imaging.case import SeedPoint
from onephase.readers.case import read_case
from onephase.readers.header_identifiers import header_identifiers

FORMS = ("nii", "nii.gz", "nrrd", "mha", "mhd", "zip")
SHAPE = (4, 6, 5)
Befalls = Callable[[str], None]


def refused(code: int) -> Befalls:
    def befalls(name: str) -> None:
        raise OSError(code, os.strerror(code), name)

    return befalls


def shortened(size: int) -> Befalls:
    return lambda name: os.truncate(name, min(size, Path(name).stat().st_size))


@pytest.fixture
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    form: str = request.param
    if form == "zip":
        write_series(tmp_path / "series", phases=1, shape=SHAPE)
        return Path(shutil.make_archive(str(tmp_path / "series"), "zip", tmp_path / "series"))
    values = np.random.default_rng(0).normal(100, 9, SHAPE).astype(np.float32)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(tmp_path / f"image.{form}"))
    return tmp_path / f"image.{form}"


def looks_at(image: Path) -> Iterator[Callable[[], object]]:
    """Yield what reads an image: for a prediction, for an export, for a check of its table."""
    table = image.parent / "cohort.csv"
    table.write_text(f"case_id,image,slice,row,col,er\na,{image.name},2,3,2,1\n")
    records = read_cohort(table, labelled=False).records
    yield lambda: read_case(image, case_id="a", seed=SeedPoint(slice=2.0, row=3.0, column=2.0))
    yield lambda: list(header_identifiers(image))
    yield lambda: list(unreadable_files(records))


@pytest.mark.parametrize(
    "befalls",
    [refused(errno.EACCES), refused(errno.EIO), refused(errno.ENOENT), shortened(0), shortened(10), shortened(400)],
    ids=["closed", "failing", "gone", "empty", "ten bytes", "400 bytes"],
)
@pytest.mark.parametrize("image", FORMS, indirect=True)
def test_whatever_befalls_a_file_is_one_sentence(image: Path, befalls: Befalls, monkeypatch) -> None:
    whole, real = image.read_bytes(), io.open
    opened = [0, 0]  # how often so far, and at which time it happens

    def sometimes(file: object, *args: object, **how: object) -> object:
        if str(file) == str(image):
            opened[0] += 1
            if opened[0] == opened[1]:
                befalls(str(file))
        return real(file, *args, **how)  # type: ignore[call-overload]

    for look in looks_at(image):
        with monkeypatch.context() as patched:
            patched.setattr(io, "open", sometimes)
            patched.setattr(builtins, "open", sometimes)
            opened[:] = [0, 0]
            look()
            for at in range(1, opened[0] + 1):
                opened[:] = [0, at]
                with suppress(ImageError):  # and nothing else
                    look()
                with real(image, "wb") as again:
                    again.write(whole)
