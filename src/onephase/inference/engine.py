"""The exported network: an ONNX file that stands alone, run on the CPU by onnxruntime or by OpenVINO."""

from dataclasses import dataclass

import numpy as np

from onephase.arrays import Float32
from onephase.errors import BundleError
from onephase.inference.engine_name import USUAL_ENGINE, EngineName
from onephase.inference.onnx_file import refuse_external_data
from onephase.inference.session import Opened, Session

INPUTS = ("image", "distance_mm", "descriptors")
OUTPUTS = ("unary", "ki67_mu", "ki67_sigma", "attention", "region_weights", "coupling", "shift")


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """An exported network, ready to run.

    Attributes:
        session: The network, as the library holds it.
        patch_voxels: Shape (slice, row, column) of the patches that it takes.
        name: The library that runs it.
    """

    session: Session
    patch_voxels: tuple[int, int, int]
    name: EngineName = USUAL_ENGINE

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


def open_engine(content: bytes, *, source: str, threads: int, name: EngineName = USUAL_ENGINE) -> Engine:
    """Open an exported network from its bytes.

    Args:
        content: The ONNX file.
        source: How a message names it.
        threads: Threads of one run.
        name: The library that shall run it.

    Raises:
        BundleError: If it is no ONNX file, points to data outside itself, or has other inputs or outputs.
        MissingExtraError: If OpenVINO is asked for and not installed.
    """
    refuse_external_data(content, source=source)
    opened = _open(content, source=source, threads=threads, name=name)
    inputs, outputs = opened.inputs, opened.outputs
    if set(inputs) != set(INPUTS) or outputs != set(OUTPUTS):
        message = f"{source} has inputs {sorted(inputs)} and outputs {sorted(outputs)}, expected {INPUTS} and {OUTPUTS}"
        raise BundleError(message)
    depth, height, width = inputs["image"][-3:]
    if not (isinstance(depth, int) and isinstance(height, int) and isinstance(width, int)):
        message = f"{source} does not fix the size of its patches: its image input has shape {[*inputs['image']]}"
        raise BundleError(message)
    return Engine(opened.session, (depth, height, width), name)


def _open(content: bytes, *, source: str, threads: int, name: EngineName) -> Opened:
    if name == "openvino":
        from onephase.inference.openvino_session import open_openvino

        return open_openvino(content, source=source, threads=threads)
    from onephase.inference.onnxruntime_session import open_onnxruntime

    return open_onnxruntime(content, source=source, threads=threads)
