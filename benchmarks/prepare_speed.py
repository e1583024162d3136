"""What a case costs beside reading its file: crop first, then resample, against MONAI's full resample, then crop.

Makes one gzipped NIfTI volume of 512 x 512 x 160 float32 voxels (0.7 x 0.7 x 1 mm) and a mask in a temporary folder,
then times, turn by turn in one process, so that every contestant meets the same machine:

- reading: SimpleITK decompresses and decodes both files, nothing else;
- onephase: ``read_case`` and ``prepare_patch``, with every check, outline, distance, normalisation and measurement;
- MONAI: the same files read alike, then ``Spacing`` of the whole volume (linear) and mask (nearest) and ``SpatialCrop``
  to the same frame; no distance, no normalisation, no checks.

Run it with ``python benchmarks/prepare_speed.py --repeats 5``; it needs the ``train`` extra for MONAI.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK
import torch
from monai.data import MetaTensor
from monai.transforms import Spacing, SpatialCrop

from onephase.imaging.case import Case
from onephase.imaging.preprocessing import prepare_patch
from onephase.readers.case import read_case
from onephase.settings import ImagingSettings, RegionSettings

SHAPE = (160, 512, 512)
SPACING_MM = (1.0, 0.7, 0.7)
LESION_MM = 25.0
IMAGING, REGIONS = ImagingSettings(), RegionSettings()


def write_case(folder: Path) -> tuple[Path, Path]:
    """Write a breast-like volume, whole numbers as a scanner makes them, and the mask of a ball-shaped lesion."""
    rng = np.random.default_rng(1)
    slices, rows, columns = (
        (np.arange(size) - size / 2) * mm for size, mm in zip(SHAPE, SPACING_MM, strict=True)
    )  # mm from the centre
    apart = (slices / 70)[:, None, None] ** 2 + (rows / 120)[None, :, None] ** 2 + (columns / 150) ** 2
    lesion = (slices - 9)[:, None, None] ** 2 + (rows + 30)[None, :, None] ** 2 + (columns - 40) ** 2
    mask = lesion < (LESION_MM / 2) ** 2
    breast = apart < 1
    image = np.where(breast, 300, 8) + 500 * mask + rng.normal(0, 12, size=SHAPE)
    paths = folder / "image.nii.gz", folder / "mask.nii.gz"
    for path, array in zip(paths, (np.abs(image).round().astype(np.float32), mask.astype(np.uint8)), strict=True):
        written = SimpleITK.GetImageFromArray(array)
        written.SetSpacing(SPACING_MM[::-1])
        SimpleITK.WriteImage(written, str(path))
    return paths


def read_files(image: Path, mask: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read both files and do nothing else."""
    return (
        SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(image), SimpleITK.sitkFloat32)),
        SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(mask), SimpleITK.sitkUInt8)),
    )


def resample_all_then_crop(image: np.ndarray, mask: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Resample the whole volume and mask with MONAI, then crop them about the lesion."""
    affine = torch.diag(torch.tensor([*SPACING_MM, 1.0]))
    resampled = []
    for array, mode in ((image, "bilinear"), (mask.astype(np.float32), "nearest")):
        whole = MetaTensor(torch.from_numpy(array)[None], affine=affine)
        resampled.append(Spacing(pixdim=(IMAGING.spacing_mm,) * 3, mode=mode)(whole))
    inside = np.argwhere(resampled[1][0].numpy() > 0)
    centre = tuple(int(middle) for middle in (inside.min(axis=0) + inside.max(axis=0)) // 2)
    crop = SpatialCrop(roi_center=centre, roi_size=IMAGING.patch_voxels)
    return crop(resampled[0]), crop(resampled[1])


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Time all, turn by turn, and print the median of each with its ratio to reading."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="turns; the median counts")
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        image, mask = write_case(Path(folder))
        megabytes = image.stat().st_size / 1e6
        arrays = read_files(image, mask)

        def whole_case() -> Case:
            return read_case(image, case_id="speed", mask=mask)

        case = whole_case()
        contestants: dict[str, Callable[[], object]] = {
            "reading both files": lambda: read_files(image, mask),
            "read_case": whole_case,
            "prepare_patch": lambda: prepare_patch(case, imaging=IMAGING, regions=REGIONS),
            "read_case + prepare_patch": lambda: prepare_patch(whole_case(), imaging=IMAGING, regions=REGIONS),
            "MONAI, resample all + crop": lambda: resample_all_then_crop(*arrays),
            "reading + MONAI": lambda: resample_all_then_crop(*read_files(image, mask)),
        }
        for work in contestants.values():  # imports, caches and allocators warm up once
            work()
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(repeats):
            for name, work in contestants.items():
                seconds[name].append(timed(work))
    median = {name: statistics.median(times) for name, times in seconds.items()}
    reading, ours, theirs = (
        median[name] for name in ("reading both files", "read_case + prepare_patch", "reading + MONAI")
    )
    shape = " x ".join(map(str, SHAPE[::-1]))
    print(
        f"{shape} float32, {megabytes:.0f} MB gzipped; median of {repeats}; torch on {torch.get_num_threads()} threads"
    )
    for name, seconds_taken in median.items():
        spread = f"{min(seconds[name]):.3f} to {max(seconds[name]):.3f}"
        print(f"  {name:28s} {seconds_taken:7.3f} s  ({spread})  {seconds_taken / reading:5.2f} x reading")
    print(f"onephase costs {ours / reading:.2f} x reading; reading + MONAI costs {theirs / reading:.2f} x reading")
    added = {"checking while reading": median["read_case"] - reading, "preparing": median["prepare_patch"]}
    print(f"bound by: decompression, {reading / ours:.0%} of the whole; ", end="")
    print(", ".join(f"{name} adds {value:.3f} s" for name, value in added.items()))


if __name__ == "__main__":
    main()
