"""An ONNX file is one file: refuse one whose tensors lie elsewhere, without the onnx package."""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from onephase.errors import BundleError

_Fields: TypeAlias = Mapping[int, str]
_NESTED: Mapping[str, _Fields] = {
    # Field numbers of onnx.proto3 whose messages may hold a tensor.
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_DEEPEST = 64


def refuse_external_data(content: bytes, *, source: str) -> None:
    """Refuse an ONNX file with a tensor whose values lie in another file, which could be any file.

    The protobuf is walked as it stands (developers.google.com/protocol-buffers/docs/encoding), because
    onnxruntime would follow such a path before anyone could ask.

    Raises:
        BundleError: If there is such a tensor, or the bytes are not a protobuf message.
    """
    try:
        external = _has_external_data(memoryview(content), "model", depth=0)
    except (IndexError, ValueError) as fault:
        message = f"{source} is not an ONNX file: {fault}"
        raise BundleError(message) from None
    if external:
        message = f"{source} points to tensor data outside itself, which is refused: export it as a single file"
        raise BundleError(message)


def _has_external_data(message: memoryview, kind: str, *, depth: int) -> bool:
    if depth > _DEEPEST:
        fault = "its parts are nested too deeply"
        raise ValueError(fault)
    for number, value in _fields(message):
        if kind == "tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)):
            return True
        nested = _NESTED[kind].get(number)
        if nested and isinstance(value, memoryview) and _has_external_data(value, nested, depth=depth + 1):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (field number, value) of one protobuf message; a length-delimited value is a view of its bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire, value = key & 7, 0
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if wire == _LENGTH:
            size, at = _varint(message, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            fault = f"unknown wire type {wire}"
            raise ValueError(fault)
        if at + size > len(message):
            fault = "it ends too early"
            raise ValueError(fault)
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:  # noqa: PLR2004 - a varint has at most 64 bits
            fault = "it ends too early"
            raise ValueError(fault)
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the last byte has no continuation bit
            return value, at
