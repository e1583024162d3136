"""Where training runs and in what precision."""

import os
from typing import Literal, TypeAlias

import torch
from lightning.fabric import Fabric
from lightning.fabric.plugins.environments import LightningEnvironment

from onephase.errors import TrainingError

Precision: TypeAlias = Literal["f32", "bf16"]


def open_fabric(precision: Precision) -> Fabric:
    """Return Fabric on the GPU where there is one, else on the CPU; under ``torchrun``, as one process of several."""
    processes, here = (int(os.environ.get(name, "1")) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    # left to guess, Fabric takes a lone process within a SLURM job for one of that job's tasks
    alone = [LightningEnvironment()] if processes == 1 else None
    fabric = Fabric(
        accelerator=_accelerator(),
        devices=here,
        num_nodes=processes // here,
        strategy="ddp" if processes > 1 else "auto",
        precision="bf16-mixed" if precision == "bf16" else "32-true",
        plugins=alone,
    )
    fabric.launch()
    return fabric


def refuse_several(who: str) -> None:
    """Refuse to be one of several processes that train together, where many networks are trained in turn.

    Args:
        who: What is asked for, for the message.

    Raises:
        TrainingError: Under ``torchrun`` with more than one process.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes > 1:
        message = (
            f"{who} trains each network in one process, and torchrun has started {processes}: start it without "
            "torchrun; onephase benchmark trains several networks at a time, by --workers or --scheduler"
        )
        raise TrainingError(message)


def leads() -> bool:
    """Whether this process writes for all of them; alone it always does."""
    return not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0


def resolve_precision(wanted: Literal["auto", "f32", "bf16"]) -> Precision:
    """Return the precision to train in.

    Args:
        wanted: `auto` takes bf16 on a GPU that multiplies it natively. On a CPU it is emulated, 30 times slower than
            f32, or native and wrong: oneDNN 3.12 gives random gradients for grids of two slices (docs/log.md).

    Raises:
        TrainingError: If bf16 is asked for elsewhere.
    """
    native = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    if wanted == "bf16" and not native:
        message = f"this {_accelerator()} does not train in bf16, expected learning.precision auto or f32"
        raise TrainingError(message)
    return "bf16" if native and wanted != "f32" else "f32"


def _accelerator() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"
