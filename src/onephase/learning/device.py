"""Where training runs and in what precision."""

from typing import Literal, TypeAlias

import torch
from lightning.fabric import Fabric

from onephase.errors import TrainingError

Precision: TypeAlias = Literal["f32", "bf16"]


def open_fabric(precision: Precision) -> Fabric:
    """Return Fabric on the GPU where there is one, else on the CPU."""
    return Fabric(accelerator=_accelerator(), devices=1, precision="bf16-mixed" if precision == "bf16" else "32-true")


def resolve_precision(wanted: Literal["auto", "f32", "bf16"]) -> Precision:
    """Return the precision to train in.

    Args:
        wanted: `auto` takes bf16 where the processor multiplies it natively. Elsewhere it is emulated: on
            two cores without AVX-512 a step took 30 times as long as in f32 (docs/log.md).

    Raises:
        TrainingError: If bf16 is asked for where it is emulated.
    """
    native = _multiplies_bf16()
    if wanted == "bf16" and not native:
        message = f"this {_accelerator()} only emulates bf16, expected learning.precision auto or f32"
        raise TrainingError(message)
    return "bf16" if native and wanted != "f32" else "f32"


def _accelerator() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _multiplies_bf16() -> bool:
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
