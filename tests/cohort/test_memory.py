"""As many processes as fit into memory, by headers alone; and the bound that a case was given is one."""

import tracemalloc
from math import prod
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name

from onephase.cohort.cutting import CutPatch, cut_patch
from onephase.cohort.memory import BYTES_A_VOXEL, fitting, plan_memory
from onephase.cohort.preparation import prepare
from onephase.cohort.table import read_cohort
from onephase.errors import CohortError
from onephase.settings import ImagingSettings, Settings

SMALL = Settings(imaging=ImagingSettings(patch_voxels=(8, 10, 12), spacing_mm=2.0))
SHAPES = [(20, 30, 26), (40, 130, 120), (20, 31, 26)]
MIB = 1 << 20
EACH = {"process_bytes": 90, "patch_bytes": 10}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three cases, the second one large; stored in double precision, the widest there is."""
    folder = tmp_path_factory.mktemp("cohort")
    rng = np.random.default_rng(2)
    rows = ["case_id,image,mask,er"]
    for number, shape in enumerate(SHAPES):
        array, mask = rng.normal(100, 5, shape), np.zeros(shape, dtype=np.float64)
        mask[8:13, 10:18, 9:16] = 1
        for name, values in (("image", array + 200 * mask), ("mask", mask)):
            sitk.WriteImage(sitk.GetImageFromArray(values), str(folder / f"{name}{number}.nii.gz"))
        rows.append(f"c{number},image{number}.nii.gz,mask{number}.nii.gz,{number % 2}")
    (folder / "cohort.csv").write_text("\n".join(rows) + "\n")
    return folder / "cohort.csv"


def test_a_case_takes_no_more_than_it_was_given(table: Path) -> None:
    record = read_cohort(table).records[1]
    cut_patch(record, settings=SMALL)  # imports and caches
    tracemalloc.start()
    assert isinstance(cut_patch(record, settings=SMALL), CutPatch)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    voxels = prod(SHAPES[1])
    assert 0.8 * BYTES_A_VOXEL * voxels < peak < BYTES_A_VOXEL * voxels + 2 * MIB


def test_processes_are_reduced_until_they_fit() -> None:
    sizes = {"a": 300, "b": 1000, "c": 200, "d": 500}
    plans = {bound: fitting(sizes, **EACH, bound_bytes=bound, asked=3).workers for bound in (2249, 2250, 1829, 1830)}
    # 4 processes, 1000 + 500 + 300 of cases and 9 patches waiting; 3 processes, 1500 and 6 patches
    assert plans == {2249: 2, 2250: 3, 1829: 1, 1830: 2}
    plan = fitting(sizes, **EACH, bound_bytes=2000, asked=3)
    assert (plan.asked, plan.memory_bytes, plan.bound_bytes) == (3, 1830, 2000)
    assert str(plan).startswith("2 of 3 processes, which need at most about ")


def test_a_case_that_alone_needs_more_is_named() -> None:
    with pytest.raises(
        CohortError,
        match=r"case b alone needs about 20 MiB of memory, allowed are 19 MiB: give --memory of at least 30MiB, or",
    ):
        fitting({"a": MIB, "b": 20 * MIB}, process_bytes=0, patch_bytes=0, bound_bytes=19 * MIB, asked=2)


def test_what_the_process_itself_needs_is_laid_on_no_case() -> None:
    base = {"process_bytes": 30 * MIB, "patch_bytes": 2 * MIB, "asked": 2}
    with pytest.raises(
        CohortError, match=r"needs about 36 MiB of memory before any case is read, .* 35 MiB: give .* at least 50MiB$"
    ):
        fitting({"a": 5 * MIB, "b": MIB}, **base, bound_bytes=35 * MIB)
    with pytest.raises(CohortError, match=r"case a alone needs about 41 MiB of memory, allowed are 36 MiB: give"):
        fitting({"a": 5 * MIB, "b": MIB}, **base, bound_bytes=36 * MIB)
    assert fitting({"a": 5 * MIB, "b": MIB}, **base, bound_bytes=50 * MIB).workers == 1  # as it was told


def test_with_nothing_to_read_one_process_goes_on() -> None:
    assert fitting({}, **EACH, bound_bytes=50, asked=3).workers == 1
    assert fitting({}, **EACH, bound_bytes=10_000, asked=3).workers == 3


def test_headers_tell_the_size_and_what_is_prepared_needs_none(table: Path) -> None:
    bound = 100_000 * MIB
    before = plan_memory([table], table.parent / "store", SMALL, bound_bytes=bound)
    prepare([table], table.parent / "store", SMALL)
    after = plan_memory([table], table.parent / "store", SMALL, bound_bytes=bound)
    assert after.memory_bytes >= before.memory_bytes - prod(SHAPES[1]) * BYTES_A_VOXEL  # the process only grows
    assert plan_memory([table], table.parent / "store", SMALL, bound_bytes=MIB).workers == 1
    with pytest.raises(
        CohortError, match=r"needs about \d+ MiB of memory before any case is read, allowed are 1 MiB: give --memory"
    ) as told:
        plan_memory([table], table.parent / "none", SMALL, bound_bytes=MIB)
    enough = int(str(told.value).partition("at least ")[2].removesuffix("MiB"))
    assert plan_memory([table], table.parent / "none", SMALL, bound_bytes=enough * MIB).workers == 1
