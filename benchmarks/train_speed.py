"""How fast a training step is, where its time goes, and what bounds it: `python benchmarks/train_speed.py`.

Prints, for each precision of this machine, cases per second, milliseconds a case and step (wall and CPU), the share of
the processor's matrix rate that this is, peak memory, and the five operations that take most of a step; on a GPU also
how much of a step it works, for the rest of it waits for the next kernel to be launched. With ``--monai``, beside it in
the same run, the same network trained by a plain MONAI script: CacheDataset, its random transforms, DataLoader, eager.
Patches are noise: speed does not depend on what they show.
"""

import argparse
import copy
import os
import resource
import time

import numpy as np
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

from onephase.biomarkers.panel import Events
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.learning.augmentation import AugmentationDraw
from onephase.learning.dataset import PatchBatch, PatchDataset
from onephase.learning.loop import LARGEST_GRADIENT, panel_nll
from onephase.learning.run_state import RunState
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
    training = _noise(settings, cases=chosen.cases).to(device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(f"torch {torch.__version__} on {name}; batch {settings.learning.batch_size}, {settings.imaging.patch_voxels}")
    for dtype in (torch.float32, torch.bfloat16) if chosen.bf16 or device.type == "cuda" else (torch.float32,):
        _report(settings, training, dtype=dtype, steps=chosen.steps)
    if chosen.monai:
        for label, workers, shifted in MONAI_WAYS:
            _report_monai(settings, training, label=label, workers=workers, shifted=shifted, steps=chosen.steps)
    print(f"peak resident memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def _noise(settings: Settings, *, cases: int) -> PatchDataset:
    rng = np.random.default_rng(0)
    shape = (cases, *settings.imaging.patch_voxels)
    cells = np.eye(8, dtype=bool)[rng.integers(0, 8, size=cases)]
    start = rng.integers(1, 98, size=cases) / 100
    return PatchDataset.from_arrays(
        [str(case) for case in range(cases)],
        Events(cells, np.stack([start, start + 0.01], axis=1), np.full(cases, -1, dtype=np.int8)),
        patients=[str(case) for case in range(cases)],
        image=rng.normal(size=shape).astype(np.float16),
        distance_mm=rng.uniform(-8, 20, size=shape).astype(np.float16),
        descriptors=rng.normal(size=(cases, len(DESCRIPTORS))).astype(np.float32),
    )


def _report(settings: Settings, training: PatchDataset, *, dtype: torch.dtype, steps: int) -> None:
    network = build_network(settings.network, settings.regions, settings.imaging).to(training.image.device)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv3d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last_3d)
    averaged, optimizer = copy.deepcopy(network).eval(), torch.optim.AdamW(network.parameters())
    state = RunState(network, averaged, optimizer, start_nll=0.0)

    def step() -> None:
        _step(state, training, settings=settings, dtype=dtype)

    step()
    with FlopCounterMode(display=False) as counter:
        step()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    cases = steps * settings.learning.batch_size
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    rate = counter.get_total_flops() * steps / wall
    ceiling = _matrix_rate(training.image.device, dtype=dtype)
    print(
        f"{dtype}: {cases / wall:.1f} cases/s, {1e3 * wall / cases:.1f} ms a case and step ({1e3 * cpu / cases:.1f} ms "
        f"of CPU), {rate / 1e9:.0f} of {ceiling / 1e9:.0f} GFLOP/s ({100 * rate / ceiling:.0f} % of a matrix product)"
    )
    gpu = training.image.device.type == "cuda"
    with profile(activities=[ProfilerActivity.CUDA if gpu else ProfilerActivity.CPU]) as profiled:
        step()
    taken = {one.key: one.self_device_time_total if gpu else one.self_cpu_time_total for one in profiled.key_averages()}
    total = sum(taken.values())  # in microseconds
    if gpu:
        busy, launched = total / 1e6 / (wall / steps), sum(one.count for one in profiled.key_averages())
        print(f"    the GPU works {100 * busy:.0f} % of a step, in {launched} pieces")
    for name, part in sorted(taken.items(), key=lambda item: -item[1])[:5]:
        print(f"    {100 * part / total:4.0f} %  {name[:100]}")


def _step(state: RunState, training: PatchDataset, *, settings: Settings, dtype: torch.dtype) -> None:
    """One step as in `learning.loop`: draw, augment, forward, backward, clip, update, average."""
    network, optimizer = state.network, state.optimizer
    size, device = settings.learning.batch_size, training.image.device
    batch = training.batch(torch.randperm(len(training))[:size].to(device))
    draw = AugmentationDraw.draw(
        torch.Generator(), cases=size, settings=settings.learning.augmentation, imaging=settings.imaging
    )
    image, distance_mm = draw.apply(batch.image, batch.distance_mm)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        output = network(image, distance_mm, batch.descriptors)
    optimizer.zero_grad()
    panel_nll(output, network, batch).backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
    optimizer.step()
    state.average(decay=settings.learning.ema_decay)
    if device.type == "cuda":
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
            panel_nll(output, network, batch).backward()
            optimizer.step()

    epoch()  # starts the loading processes
    epochs = max(1, steps * size // len(training))
    started = time.perf_counter()
    for _ in range(epochs):
        epoch()
    if device.type == "cuda":
        torch.cuda.synchronize()
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


def _matrix_rate(device: torch.device, *, dtype: torch.dtype) -> float:
    """Return the FLOP/s of a square matrix product, the ceiling of a convolution."""
    size = MATRIX_SIZE[device.type] if dtype == torch.float32 or device.type == "cuda" else 256
    matrix = torch.randn(size, size, device=device, dtype=dtype)
    best = float("inf")
    for _ in range(4):
        started = time.perf_counter()
        matrix @ matrix
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


if __name__ == "__main__":
    main()
