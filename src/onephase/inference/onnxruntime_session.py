"""A network held by onnxruntime, which every installation has."""

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as states

from onephase.errors import BundleError
from onephase.inference.session import Opened

FAULTS = (
    states.Fail,
    states.InvalidArgument,
    states.InvalidGraph,
    states.InvalidProtobuf,
    states.NotImplemented,
    states.RuntimeException,
)


def open_onnxruntime(content: bytes, *, source: str, threads: int) -> Opened:
    """Open an ONNX file.

    Args:
        content: The file, without tensors outside itself.
        source: How a message names it.
        threads: Threads of one run.

    Raises:
        BundleError: If onnxruntime cannot run it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # warnings are about optimisations that onnxruntime left out
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except FAULTS as fault:
        message = f"{source} is not a network that onnxruntime can run: {str(fault).splitlines()[0]}"
        raise BundleError(message) from None
    return Opened(
        session,
        {node.name: tuple(node.shape) for node in session.get_inputs()},
        frozenset(node.name for node in session.get_outputs()),
    )
