"""How fast a training step is, where its time goes, and what bounds it: `python benchmarks/train_speed.py`.

Prints, for each precision of this machine, cases per second, milliseconds a case and step (wall and CPU), the share of
the processor's matrix rate that this is, peak memory, and the five operations that take most of a step; on a GPU also
for how much of a step it works, and the same step replayed as one CUDA graph, as training does. With ``--monai``,
beside it in the same run, the same network trained by a plain MONAI script: CacheDataset, its random transforms,
DataLoader, eager and in f32. Patches are noise: speed does not depend on what they show.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from functools import partial
from typing import get_args

import torch
from monai.data import CacheDataset, DataLoader
from monai.transforms import (
    Compose,
    RandAffined,
    RandBiasFieldd,
    RandFlipd,
    RandGaussianNoised,
    RandScaleIntensityd,
)
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from onephase.learning.batches import augmented_batches
from onephase.learning.dataset import PatchBatch, PatchDataset
from onephase.learning.device import Precision, open_fabric
from onephase.learning.rehearsal import noise
from onephase.learning.step import ReplayedStep, Step, open_step, panel_nll
from onephase.network.network import build_network
from onephase.settings import Settings

MATRIX_SIZE = {"cpu": 2048, "cuda": 8192}
LOADERS = min(os.cpu_count() or 1, 16)
MONAI_WAYS = (
    ("MONAI, loading in the same process", 0, True),
    (f"MONAI, {LOADERS} loading processes", LOADERS, True),
    (f"MONAI, {LOADERS} loading processes, nothing shifted", LOADERS, False),
)
"""How a user would set it up: loading processes, and whether patches are shifted, which MONAI resamples for."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--steps", type=int, default=5, help="steps that are timed")
    options.add_argument("--cases", type=int, default=32, help="cases of an epoch; a loading process prepares a batch")
    options.add_argument("--bf16", action="store_true", help="bf16 as well, also where it is emulated")
    options.add_argument("--monai", action="store_true", help="the same by a plain MONAI script")
    chosen = options.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    settings = Settings()
    training = noise(settings, cases=chosen.cases).to(device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(f"torch {torch.__version__} on {name}; batch {settings.learning.batch_size}, {settings.imaging.patch_voxels}")
    both = chosen.bf16 or device.type == "cuda"
    for precision in get_args(Precision) if both else ("f32",):
        _report(settings, training, precision=precision, steps=chosen.steps)
    if chosen.monai:
        for label, workers, shifted in MONAI_WAYS:
            _report_monai(settings, training, label=label, workers=workers, shifted=shifted, steps=chosen.steps)
    print(f"peak resident memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def _report(settings: Settings, training: PatchDataset, *, precision: Precision, steps: int) -> None:
    network = build_network(settings.network, settings.regions, settings.imaging)
    step = open_step(open_fabric(precision), network, learning=settings.learning, cases=len(training))
    first = training.batch(slice(settings.learning.batch_size))
    terms = torch.zeros((settings.learning.batch_size, 4), device=training.image.device)
    step.launch(first, terms)
    with FlopCounterMode(display=False) as counter:
        step.launch(first, terms)
    operations, ceiling = counter.get_total_flops(), _matrix_rate(training.image.device, precision=precision)
    ways: dict[str, Step] = {precision: step}
    if training.image.device.type == "cuda":
        ways[f"{precision}, replayed"] = ReplayedStep.captured(step, first, terms)
    for name, way in ways.items():
        one = partial(_draw_and_step, way, training, terms, settings=settings)
        wall, cpu = _timed(one, steps=steps)
        cases, rate = settings.learning.batch_size, operations / wall
        print(
            f"{name}: {cases / wall:.1f} cases/s, {1e3 * wall / cases:.2f} ms a case and step ({1e3 * cpu / cases:.2f} "
            f"ms of CPU), {rate / 1e9:.0f} of {ceiling / 1e9:.0f} GFLOP/s ({100 * rate / ceiling:.1f} % of a matrix "
            "product)"
        )
        _profile(one, wall=wall)


def _draw_and_step(step: Step, training: PatchDataset, terms: torch.Tensor, *, settings: Settings) -> None:
    """One step as in `learning.loop`."""
    _, batch = next(augmented_batches(training, settings, generator=torch.Generator()))
    step(batch, terms, learning_rate=settings.learning.learning_rate, decay=settings.learning.ema_decay)


def _timed(step: Callable[[], None], *, steps: int) -> tuple[float, float]:
    """Return wall and CPU seconds of a step."""
    step()
    _wait_for_gpu()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    _wait_for_gpu()
    return (time.perf_counter() - wall) / steps, (time.process_time() - cpu) / steps


def _profile(step: Callable[[], None], *, wall: float) -> None:
    """Say what takes most of a step, and on a GPU how much of it the GPU works."""
    gpu = torch.cuda.is_available()
    with profile(activities=[ProfilerActivity.CUDA if gpu else ProfilerActivity.CPU]) as profiled:
        step()
        _wait_for_gpu()
    averages = profiled.key_averages()
    taken = {one.key: one.self_device_time_total if gpu else one.self_cpu_time_total for one in averages}
    total = sum(taken.values())  # in microseconds
    if gpu:
        pieces = sum(one.count for one in averages if one.self_device_time_total)
        print(f"    the GPU works {100 * total / 1e6 / wall:.0f} % of a step, in {pieces} pieces")
    for name, part in sorted(taken.items(), key=lambda item: -item[1])[:5]:
        print(f"    {100 * part / total:4.0f} %  {name[:100]}")


def _wait_for_gpu() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _report_monai(
    settings: Settings, training: PatchDataset, *, label: str, workers: int, shifted: bool, steps: int
) -> None:
    device = training.image.device
    network = build_network(settings.network, settings.regions, settings.imaging).to(device)
    optimizer = torch.optim.AdamW(network.parameters())
    names = ("image", "distance_mm", "descriptors", "cells", "ki67")
    cases = [{name: getattr(training, name)[row].float().cpu() for name in names} for row in range(len(training))]
    for case in cases:
        case["image"], case["distance_mm"] = case["image"][None], case["distance_mm"][None]  # (1, slice, row, column)
    cached = CacheDataset(cases, transform=_monai_transforms(settings, shifted=shifted), progress=False)
    size = settings.learning.batch_size
    loader = DataLoader(
        cached, batch_size=size, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0
    )

    def epoch() -> None:
        for loaded in loader:
            batch = PatchBatch(
                **{name: loaded[name].as_tensor().to(device) for name in names[:2]},
                descriptors=loaded["descriptors"].to(device),
                cells=loaded["cells"].bool().to(device),
                ki67=loaded["ki67"].to(device),
            )
            output = network(batch.image, batch.distance_mm, batch.descriptors)
            optimizer.zero_grad()
            panel_nll(output, network, batch).backward()  # type: ignore[no-untyped-call] # of torch
            optimizer.step()

    epoch()  # starts the loading processes
    epochs = max(1, steps * size // len(training))
    started = time.perf_counter()
    for _ in range(epochs):
        epoch()
    _wait_for_gpu()
    rate = epochs * len(training) / (time.perf_counter() - started)
    print(f"{label}: {rate:.1f} cases/s")


def _monai_transforms(settings: Settings, *, shifted: bool) -> Compose:
    """What `learning.augmentation` does, by MONAI's own transforms; the outline does not move."""
    both, change = ["image", "distance_mm"], settings.learning.augmentation
    reach = [change.shift_mm / settings.imaging.spacing_mm] * 3
    return Compose(
        [
            *(RandFlipd(both, prob=0.5, spatial_axis=axis) for axis in range(3)),
            *([RandAffined(both, prob=1.0, translate_range=reach, mode="nearest", padding_mode="border")] * shifted),
            RandScaleIntensityd("image", factors=change.gain, prob=1.0),
            RandBiasFieldd("image", degree=2, coeff_range=(-change.bias, change.bias), prob=1.0),
            RandGaussianNoised("image", prob=1.0, std=change.noise),
        ]
    )


def _matrix_rate(device: torch.device, *, precision: Precision) -> float:
    """Return the FLOP/s of a square matrix product, the ceiling of a convolution; on a GPU f32 is TF32, as there."""
    before, torch.backends.cuda.matmul.allow_tf32 = torch.backends.cuda.matmul.allow_tf32, True
    size = MATRIX_SIZE[device.type] if precision == "f32" or device.type == "cuda" else 256
    matrix = torch.randn(size, size, device=device, dtype=torch.float32 if precision == "f32" else torch.bfloat16)
    best = float("inf")
    for _ in range(4):
        started = time.perf_counter()
        matrix @ matrix
        _wait_for_gpu()
        best = min(best, time.perf_counter() - started)
    torch.backends.cuda.matmul.allow_tf32 = before  # what is timed afterwards multiplies as training does
    return 2 * size**3 / best


if __name__ == "__main__":
    main()
