"""The state of a training run in one safetensors file: tensors as they are, the rest as JSON in its header.

One file, written aside and renamed, so that a run killed at any moment leaves a whole state behind. There is
no generator state in it: every epoch is seeded by the run's seed and its own number.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from onephase.errors import TrainingError
from onephase.storage import file_aside

CHECKPOINT_NAME = "checkpoint.safetensors"
_FACTS = "onephase"


def write_checkpoint(folder: Path, tensors: Mapping[str, Tensor], *, facts: Mapping[str, Any]) -> None:
    """Write the state of a run, whole or not at all.

    Args:
        folder: The run's folder.
        tensors: By name.
        facts: JSON values.

    Raises:
        StorageError: If it cannot be written; the state before is kept.
    """
    copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with file_aside(folder / CHECKPOINT_NAME) as aside:
        aside.write_bytes(save(copies, metadata={_FACTS: json.dumps(facts, allow_nan=False)}))


def read_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read the state of a run; None where none was written yet.

    Raises:
        TrainingError: If the file is not a checkpoint.
    """
    path = folder / CHECKPOINT_NAME
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as opened:
            facts = json.loads(opened.metadata()[_FACTS])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as fault:
        message = f"{path} is not a checkpoint of a training run ({fault}): move it away to train anew"
        raise TrainingError(message) from None
    return tensors, facts


def optimizer_tensors(optimizer: torch.optim.Optimizer, network: nn.Module) -> dict[str, Tensor]:
    """Return the optimiser's state by parameter name, such as `exp_avg/encoder.stages.0.0.weight`."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    return {
        f"{kind}/{names[id(parameter)]}": tensor
        for parameter, state in optimizer.state.items()
        for kind, tensor in state.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, network: nn.Module, *, tensors: Mapping[str, Tensor]) -> None:
    """Put back what :func:`optimizer_tensors` returned."""
    parameters = dict(network.named_parameters())
    for key, tensor in tensors.items():
        kind, name = key.split("/", maxsplit=1)
        parameter = parameters[name]
        # Beside the parameter and laid out as it is; Adam's counter of steps is a lone number, but there too.
        like = torch.empty_like(parameter) if tensor.ndim else torch.empty_like(tensor, device=parameter.device)
        optimizer.state[parameter][kind] = like.copy_(tensor)
