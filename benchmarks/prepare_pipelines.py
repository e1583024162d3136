"""Preparing real-size volumes beside a MONAI and a TorchIO pipeline, from gzip, uncompressed NIfTI and DICOM.

Each volume (512 x 512 x 160 whole numbers, 0.7 x 0.7 x 1 mm, another lesion and other noise each) is written as
``.nii.gz``, ``.nii`` and a DICOM series of one file a slice into a temporary folder, its mask as ``.nii.gz`` or
``.nii`` beside it. Then all contestants prepare it in turn, on one core, and the files are removed:

- onephase: ``cut_patch``, what a worker of ``onephase prepare`` does: headers and checks, reading, distance,
  resampling, normalisation, measurements, descriptors, and the sha256 of every file;
- MONAI: reading, resampling image (linear) and mask (nearest) to the same spacing, crop about the lesion to the same
  size, normalisation; and the same with a crop about the lesion before the resampling too;
- TorchIO: as the first of MONAI's (``Resample``, ``CropOrPad`` about the mask, ``ZNormalization``).

The others do less: no checks, no distance, no measurements, no descriptors, no hashes. Seconds are those of the
processor and of the clock, since a busy machine stretches the clock. Run it with
``python benchmarks/prepare_pipelines.py --volumes 50`` (extras ``train`` and ``dev``), or for some of the formats only
with ``--formats DICOM``. With ``--profile`` it prints where the time of onephase goes instead.
"""

import argparse
import cProfile
import pstats
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import SimpleITK
import torch
from monai.transforms import (
    Compose,
    CropForegroundd,
    EnsureChannelFirstd,
    LoadImaged,
    NormalizeIntensityd,
    ResizeWithPadOrCropd,
    Spacingd,
)
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from onephase.biomarkers.panel import Events
from onephase.cohort.cutting import CutPatch, cut_patch
from onephase.cohort.records import Record
from onephase.settings import Settings

SHAPE = (160, 512, 512)
SPACING_MM = (1.0, 0.7, 0.7)
SETTINGS = Settings()
SUFFIXES = {"gzip": ".nii.gz", "uncompressed": ".nii", "DICOM": ".nii"}  # of the mask beside a DICOM series
KEYS = ("image", "mask")


def write_volume(folder: Path, *, seed: int, formats: Sequence[str]) -> dict[str, tuple[Path, Path]]:
    """Write a breast-like volume and its lesion in some formats; return image and mask of each."""
    rng = np.random.default_rng(seed)
    axes = [(np.arange(size) - size / 2) * mm for size, mm in zip(SHAPE, SPACING_MM, strict=True)]  # mm from the centre
    slices, rows, columns = axes[0][:, None, None], axes[1][None, :, None], axes[2]
    where, radius = rng.uniform(-30, 30, size=3), rng.uniform(6, 18)
    mask = (slices - where[0]) ** 2 + (rows - where[1]) ** 2 + (columns - where[2]) ** 2 < radius**2
    breast = (slices / 70) ** 2 + (rows / 120) ** 2 + (columns / 150) ** 2 < 1
    noise = rng.normal(0, 12, size=SHAPE).astype(np.float32)
    image = np.abs(np.where(breast, 300, 8) + 500 * mask + noise).round().astype(np.int16)
    for name, array in (("image", image), ("mask", mask.astype(np.uint8))):
        written = SimpleITK.GetImageFromArray(array)
        written.SetSpacing(SPACING_MM[::-1])
        for suffix in {SUFFIXES[kind] for kind in formats}:
            SimpleITK.WriteImage(written, str(folder / (name + suffix)))
    files = {kind: (folder / f"image{SUFFIXES[kind]}", folder / f"mask{SUFFIXES[kind]}") for kind in formats}
    if "DICOM" in formats:
        write_series(folder / "series", image)
        files["DICOM"] = (folder / "series", files["DICOM"][1])
    return files


def write_series(folder: Path, image: np.ndarray) -> None:
    """Write a volume as a classic MR series, one uncompressed file a slice."""
    folder.mkdir()
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for number, pixels in enumerate(image):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MRImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        one.SOPClassUID, one.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = study, series, frame
        one.Modality, one.BodyPartExamined, one.SeriesDescription = "MR", "BREAST", "ax dyn post 1"
        one.SeriesNumber, one.InstanceNumber, one.ImageType = 3, number + 1, ["ORIGINAL", "PRIMARY", "M"]
        one.ImagePositionPatient, one.ImageOrientationPatient = [0, 0, number * SPACING_MM[0]], [1, 0, 0, 0, 1, 0]
        one.PixelSpacing, one.SliceThickness = list(SPACING_MM[1:]), SPACING_MM[0]
        one.Rows, one.Columns = pixels.shape
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 1
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.EchoTime, one.RepetitionTime, one.FlipAngle, one.ContrastBolusAgent = 2.0, 5.0, 12, "GD"
        one.PixelData = pixels.tobytes()
        one.save_as(folder / f"{number:04d}.dcm", enforce_file_format=True)


def by_onephase(image: Path, mask: Path) -> np.ndarray:
    record = Record(case_id="speed", patient_id="speed", image=image, mask=mask, events=Events.unknown(1))
    cut = cut_patch(record, settings=SETTINGS)
    assert isinstance(cut, CutPatch), cut  # noqa: S101 - a benchmark of failures would be quick
    return cut.patch.image


def monai_steps(*, crop_first: bool) -> Callable[[Path, Path], np.ndarray]:
    """Return a MONAI pipeline."""
    size = SETTINGS.imaging.patch_voxels
    spacing = (SETTINGS.imaging.spacing_mm,) * 3
    margin = [round(max(size) * SETTINGS.imaging.spacing_mm / 2 / mm) + 2 for mm in SPACING_MM[::-1]]
    crop = [CropForegroundd(KEYS, source_key="mask", margin=margin, allow_smaller=True)] if crop_first else []
    steps = Compose([
        LoadImaged(KEYS),
        EnsureChannelFirstd(KEYS),
        *crop,
        Spacingd(KEYS, pixdim=spacing, mode=("bilinear", "nearest")),
        CropForegroundd(KEYS, source_key="mask", margin=max(size) // 2, allow_smaller=True),
        ResizeWithPadOrCropd(KEYS, spatial_size=size),
        NormalizeIntensityd("image"),
    ])  # fmt: skip
    return lambda image, mask: steps({"image": image, "mask": mask})["image"].numpy()[0]


def torchio_steps() -> Callable[[Path, Path], np.ndarray]:
    """Return a TorchIO pipeline."""
    import torchio

    size = SETTINGS.imaging.patch_voxels
    steps = torchio.Compose([
        torchio.Resample(SETTINGS.imaging.spacing_mm),
        torchio.CopyAffine("image"),  # origins that differ by rounding are refused
        torchio.CropOrPad(size, mask_name="mask"),
        torchio.ZNormalization(),
    ])  # fmt: skip
    return lambda image, mask: steps(
        torchio.Subject(
            image=torchio.ScalarImage(image),  # type: ignore[no-untyped-call]
            mask=torchio.LabelMap(mask),  # type: ignore[no-untyped-call]
        )
    ).image.numpy()[0]


def timed(work: Callable[[Path, Path], np.ndarray], files: tuple[Path, Path]) -> tuple[float, float]:
    """Return seconds of the processor and of the clock."""
    clock, processor = time.perf_counter(), time.process_time()
    patch = work(*files)
    taken = time.process_time() - processor, time.perf_counter() - clock
    assert patch.shape == SETTINGS.imaging.patch_voxels, patch.shape  # noqa: S101 - all must do the same
    return taken


def profiled(folder: Path, formats: Sequence[str]) -> None:
    """Print where the time of onephase goes."""
    for kind, files in write_volume(folder, seed=0, formats=formats).items():
        by_onephase(*files)  # imports and caches
        profile = cProfile.Profile()
        profile.runcall(by_onephase, *files)
        print(f"== {kind}")
        pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(14)


def contestants_here() -> dict[str, Callable[[Path, Path], np.ndarray]]:
    """Return who takes part, by name."""
    contestants = {
        "onephase": by_onephase,
        "MONAI": monai_steps(crop_first=False),
        "MONAI, crop first": monai_steps(crop_first=True),
    }
    if find_spec("torchio") is None:
        print("TorchIO is not installed and takes no part")
        return contestants
    return {**contestants, "TorchIO": torchio_steps()}


def main() -> None:
    """Time all, turn by turn, and print the median of each with its ratio to onephase."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", type=int, default=50, help="how many; the median counts")
    parser.add_argument("--formats", nargs="+", choices=SUFFIXES, default=list(SUFFIXES), help="all by default")
    parser.add_argument("--profile", action="store_true", help="print where the time of onephase goes")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    if arguments.profile:
        with tempfile.TemporaryDirectory() as folder:
            profiled(Path(folder), arguments.formats)
        return
    contestants = contestants_here()
    taken: dict[tuple[str, str], list[tuple[float, float]]] = {
        (kind, who): [] for kind in arguments.formats for who in contestants
    }
    for volume in range(arguments.volumes + 1):
        with tempfile.TemporaryDirectory() as folder:
            for kind, files in write_volume(Path(folder), seed=volume, formats=arguments.formats).items():
                for who, work in contestants.items():
                    taken[kind, who].append(timed(work, files))
    shape = " x ".join(map(str, SHAPE[::-1]))
    print(f"{arguments.volumes} volumes of {shape} int16; medians a volume on one core; ratios of processor time")
    for (kind, who), all_seconds in taken.items():
        seconds, ours = (np.array(one[1:]) for one in (all_seconds, taken[kind, "onephase"]))  # the first warms up
        processor, clock = np.median(seconds, axis=0)
        ratio = np.median(seconds[:, 0] / ours[:, 0])
        print(f"  {kind:13s} {who:18s} processor {processor:6.2f} s  clock {clock:6.2f} s  {ratio:5.1f} x onephase")


if __name__ == "__main__":
    main()
