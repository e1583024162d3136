"""The libraries that can run a network, by name: all that a command line needs of them."""

from typing import Final, Literal, TypeAlias

EngineName: TypeAlias = Literal["onnxruntime", "openvino"]

USUAL_ENGINE: Final = "onnxruntime"
"""It opens a network in a tenth of the time that OpenVINO takes to compile one, which OpenVINO wins back only over some
hundred cases (docs/log.md)."""
