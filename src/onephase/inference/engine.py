"""The exported network: an ONNX file that stands alone, run by onnxruntime on the CPU."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

from onephase.errors import BundleError
from onephase.inference.onnx_file import refuse_external_data

INPUTS = ("image", "distance_mm", "descriptors")
OUTPUTS = ("unary", "ki67_mu", "ki67_sigma", "attention", "region_weights", "coupling", "shift")


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """An exported network, ready to run.

    Attributes:
        session: The onnxruntime session.
        patch_voxels: Shape (slice, row, column) of the patches that it takes.
    """

    session: Any
    patch_voxels: tuple[int, int, int]

    def run(
        self,
        images: Float32[np.ndarray, "case slice row column"],
        distance_mm: Float32[np.ndarray, "case slice row column"],
        descriptors: Float32[np.ndarray, "case descriptor"],
    ) -> dict[str, np.ndarray]:
        """Return the raw outputs for a batch of patches, by name.

        Raises:
            BundleError: If the patches do not have the shape that the network was made for.
        """
        if images.shape[1:] != self.patch_voxels or images.shape != distance_mm.shape:
            message = (
                f"the network takes patches of {self.patch_voxels} voxels, got images {images.shape} and "
                f"distances {distance_mm.shape}: prepare them with the bundle's own settings"
            )
            raise BundleError(message)
        inputs = {
            "image": images[:, None],  # (case, 1, slice, row, column)
            "distance_mm": distance_mm[:, None],
            "descriptors": descriptors,
        }
        return dict(zip(OUTPUTS, self.session.run(list(OUTPUTS), inputs), strict=True))


def open_engine(content: bytes, *, source: str, threads: int) -> Engine:
    """Open an exported network from its bytes.

    Args:
        content: The ONNX file.
        source: How a message names it.
        threads: Threads of one run.

    Raises:
        BundleError: If it is no ONNX file, points to data outside itself, or has other inputs or outputs.
    """
    refuse_external_data(content, source=source)
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as states

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # warnings are about optimisations that onnxruntime left out
    faults = (
        states.Fail,
        states.InvalidArgument,
        states.InvalidGraph,
        states.InvalidProtobuf,
        states.NotImplemented,
        states.RuntimeException,
    )
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except faults as fault:
        message = f"{source} is not a network that onnxruntime can run: {str(fault).splitlines()[0]}"
        raise BundleError(message) from None
    inputs = {node.name: node.shape for node in session.get_inputs()}
    outputs = {node.name for node in session.get_outputs()}
    if set(inputs) != set(INPUTS) or outputs != set(OUTPUTS):
        message = f"{source} has inputs {sorted(inputs)} and outputs {sorted(outputs)}, expected {INPUTS} and {OUTPUTS}"
        raise BundleError(message)
    depth, height, width = inputs["image"][-3:]
    if not all(isinstance(size, int) for size in (depth, height, width)):
        message = f"{source} does not fix the size of its patches: its image input has shape {inputs['image']}"
        raise BundleError(message)
    return Engine(session, (depth, height, width))
