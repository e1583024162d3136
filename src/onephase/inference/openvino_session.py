"""A network held by OpenVINO, of the extra ``fast``: slower to open, faster to run, always in f32."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from onephase.errors import BundleError, MissingExtraError
from onephase.inference.session import Opened

SETTINGS = {
    "INFERENCE_PRECISION_HINT": "f32",  # left alone it takes bf16 where the processor has it, and digits move
    "PERFORMANCE_HINT": "LATENCY",
    "NUM_STREAMS": "1",
}


@dataclass(frozen=True, slots=True, eq=False)
class OpenVinoSession:
    """A compiled network.

    Attributes:
        compiled: What OpenVINO made of it.
    """

    compiled: Any

    def run(self, names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Return the outputs of these names, in their order; each call has a request of its own."""
        answers = self.compiled.infer_new_request(inputs)
        return [np.array(answers[name]) for name in names]


def open_openvino(content: bytes, *, source: str, threads: int) -> Opened:
    """Open an ONNX file.

    Args:
        content: The file, without tensors outside itself.
        source: How a message names it.
        threads: Threads of one run.

    Raises:
        BundleError: If OpenVINO cannot run it.
        MissingExtraError: If OpenVINO is not installed.
    """
    if find_spec("openvino") is None:
        message = (
            "openvino needs the extra 'fast', which is not installed: pip install '.[fast]' in the checkout, "
            "or take onnxruntime"
        )
        raise MissingExtraError(message)
    import openvino

    core = openvino.Core()
    try:
        settings = {**SETTINGS, "INFERENCE_NUM_THREADS": str(threads)}
        compiled = core.compile_model(core.read_model(content), "CPU", settings)
    except RuntimeError as fault:
        message = f"{source} is not a network that OpenVINO can run: {_last_line(fault)}"
        raise BundleError(message) from None
    return Opened(
        OpenVinoSession(compiled),
        {port.any_name: tuple(map(_size, port.partial_shape)) for port in compiled.inputs},
        frozenset(port.any_name for port in compiled.outputs),
    )


def _size(dimension: Any) -> int | None:
    return None if dimension.is_dynamic else int(dimension.get_length())


def _last_line(fault: RuntimeError) -> str:
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason is told"
