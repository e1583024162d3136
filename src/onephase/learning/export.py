"""The trained network as one ONNX file, accepted only where onnxruntime gives the posterior of eager torch."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.errors import TrainingError
from onephase.inference.engine import INPUTS, OUTPUTS, open_engine
from onephase.learning.dataset import PatchDataset
from onephase.learning.loop import predict_potentials
from onephase.network.network import PanelNetwork

LARGEST_DIFFERENCE = 1e-5
"""Of any probability, and of any Ki-67 quantile as a fraction."""

CHECKED_AT_ONCE = 16
"""Cases in one run of the exported file, for each takes some 8 MB while it lasts."""

QUANTILES = np.array([0.05, 0.5, 0.95])


class _Exported(nn.Module):
    """The network with the outputs that a bundle's network has."""

    def __init__(self, network: PanelNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, distance_mm: Tensor, descriptors: Tensor) -> tuple[Tensor, ...]:
        output = self.network(image, distance_mm, descriptors)
        return (
            output.unary,
            output.ki67_mu,
            output.ki67_log_sigma.exp(),
            output.attention,
            output.region_weights,
            self.network.coupling.clone(),
            self.network.shift.clone(),
        )


def export_network(network: PanelNetwork, checked_on: PatchDataset) -> bytes:
    """Return the network as the bytes of an ONNX file, weights included, for any number of cases at once.

    Args:
        network: In evaluation mode, on the CPU.
        checked_on: Cases on which the file must give the posterior that eager torch gives.

    Raises:
        TrainingError: If it does not, within `LARGEST_DIFFERENCE`.
    """
    content = _onnx_of(network, patch=checked_on.image.shape[1:], descriptors=checked_on.descriptors.shape[1:])
    refuse_another_posterior(content, network, checked_on=checked_on)
    return content


def refuse_another_posterior(content: bytes, network: PanelNetwork, *, checked_on: PatchDataset) -> None:
    """Refuse an exported file that does not give the posterior of the network.

    Raises:
        TrainingError: If they differ by more than `LARGEST_DIFFERENCE`.
    """
    difference = largest_difference(content, network, checked_on=checked_on)
    if not difference <= LARGEST_DIFFERENCE:
        message = (
            f"the exported network differs from the trained one by {difference:.1e} in its posterior, expected at most "
            f"{LARGEST_DIFFERENCE:.0e}: nothing was exported; try learning.precision f32 or another version of torch"
        )
        raise TrainingError(message)


def largest_difference(content: bytes, network: PanelNetwork, *, checked_on: PatchDataset) -> float:
    """Return by how much the posteriors of an exported file and of the network differ at most.

    Compared are the probabilities of the eight receptor cells and three quantiles of Ki-67.
    """
    engine = open_engine(content, source="the exported network", threads=torch.get_num_threads())
    parts = []
    for start in range(0, len(checked_on), CHECKED_AT_ONCE):
        batch = checked_on.batch(slice(start, start + CHECKED_AT_ONCE))
        raw = engine.run(batch.image[:, 0].numpy(), batch.distance_mm[:, 0].numpy(), batch.descriptors.numpy())
        parts.append(Potentials(**{name: raw[name].astype(np.float64) for name in Potentials.__slots__}))
    exported = Potentials.stack(parts)
    ours, theirs = (
        PanelPosterior.from_potentials(potentials) for potentials in (predict_potentials(network, checked_on), exported)
    )
    cells = np.abs(ours.cells() - theirs.cells()).max()
    quantiles = np.abs(ours.ki67_quantile(QUANTILES) - theirs.ki67_quantile(QUANTILES)).max()
    return float(max(cells, quantiles))


def _onnx_of(network: PanelNetwork, *, patch: torch.Size, descriptors: torch.Size) -> bytes:
    """Return the network as ONNX, for any number of cases of patches and descriptors of these shapes."""
    # Two cases, for one would be taken for a constant; two tensors, for one given twice would be taken for one input.
    image, distance_mm = (torch.zeros(2, 1, *patch) for _ in range(2))
    measured = torch.zeros(2, *descriptors)
    with _quiet_exporter():
        program = torch.onnx.export(
            _Exported(network).eval(),
            (image, distance_mm, measured),
            input_names=INPUTS,
            output_names=OUTPUTS,
            dynamic_shapes={
                "image": {0: torch.export.Dim("case")},
                "distance_mm": {0: torch.export.Dim.AUTO},
                "descriptors": {0: torch.export.Dim.AUTO},
            },
            dynamo=True,
            verbose=False,
        )
    model = cast(torch.onnx.ONNXProgram, program).model_proto
    _forget_where_it_was_made(model)
    content: bytes = model.SerializeToString()
    return content


def _forget_where_it_was_made(model: onnx.ModelProto) -> None:
    """Drop the exporter's notes: paths and source lines of the trainer, a fifth of the file, no part of its meaning."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        del part.metadata_props[:]


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep to ourselves what torch's exporter says about its own insides."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*isinstance\(treespec, LeafSpec\)", category=FutureWarning)
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
