"""Arrays as PNG pictures inside a page (PNG specification, ISO/IEC 15948), without an imaging library."""

import base64
import struct
import zlib

import numpy as np

from onephase.arrays import Float32, UInt8

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGBA = 0, 6
_HEAT_STOPS = np.array([[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]], dtype=np.float64)
"""Five equidistant colours of matplotlib's `inferno`: lightness rises evenly, so it also works in grey."""
_MOST_OPAQUE = 0.75


def grey_picture(image: UInt8[np.ndarray, "row column"]) -> str:
    """Return grey values as a data address of a PNG."""
    return _data_address(image[..., None], colour=_GREY)


def heat_picture(strength: Float32[np.ndarray, "row column"]) -> str:
    """Return values from 0 (transparent) to 1 (brightest) as a data address of a PNG to lay over another."""
    level = np.clip(strength.astype(np.float64), 0, 1)
    stops = np.linspace(0, 1, len(_HEAT_STOPS))
    colour = [np.interp(level, stops, _HEAT_STOPS[:, channel]) for channel in range(3)]
    alpha = 255 * _MOST_OPAQUE * level
    return _data_address(np.stack([*colour, alpha], axis=-1).round().astype(np.uint8), colour=_RGBA)


def _data_address(pixels: UInt8[np.ndarray, "row column channel"], *, colour: int) -> str:
    rows, columns, _ = pixels.shape
    header = struct.pack(">IIBBBBB", columns, rows, 8, colour, 0, 0, 0)
    unfiltered = np.concatenate([np.zeros((rows, 1), np.uint8), pixels.reshape(rows, -1)], axis=1)
    content = _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(unfiltered.tobytes(), 9))
    return "data:image/png;base64," + base64.b64encode(content + _chunk(b"IEND", b"")).decode()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
