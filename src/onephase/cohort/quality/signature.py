"""What a picture or a volume looks like in few numbers, the same for every gain and offset: a perceptual hash.

The low frequencies of the discrete cosine transform, as in pHash (Zauner 2010, "Implementation and benchmarking of
perceptual image hash functions"), kept as numbers of length one instead of bits, so that the product of two of them
is the correlation of what both show in the large.
"""

import numpy as np
from scipy.fft import dctn

from onephase.arrays import Float32, Float64, Real

FREQUENCIES = 12
"""Along each axis; the highest has a wavelength of a sixth of the picture."""
VOLUME_FREQUENCIES = (6, 12, 12)
BLOCKS = (16, 32, 32)
"""Means of which a volume's signature is made; along each axis up to ``SAMPLES`` slices go into one."""
SAMPLES = 4
FALL = 1.5
"""Amplitudes of tissue fall about so with the frequency in three dimensions; weighed by it, all tell equally much."""


def signature(picture: Real[np.ndarray, "row column"]) -> Float32[np.ndarray, " coefficient"]:
    """Return the low frequencies of a picture, without its mean, of length one; zero where it is even.

    Examples:
        >>> ramp = np.arange(64.0).reshape(8, 8)
        >>> bool(np.allclose(signature(ramp), signature(3 * ramp + 100), atol=1e-5))
        True
    """
    coefficients = dctn(picture.astype(np.float64), norm="ortho")[:FREQUENCIES, :FREQUENCIES].ravel()[1:]
    length = float(np.linalg.norm(coefficients))
    return np.asarray(coefficients / length if length > 0 else coefficients, dtype=np.float32)


def volume_signature(volume: Real[np.ndarray, "slice row column"]) -> Float32[np.ndarray, " coefficient"]:
    """Return the low frequencies of a whole volume, wherever its lesion lies, of length one; zero where it is even.

    Not weighed, the shape of a breast would outweigh what is in it, and all breasts would look alike.
    """
    means = volume.astype(np.float32, copy=False)[tuple(map(_sampled, volume.shape, BLOCKS))].astype(np.float64)
    for axis, blocks in enumerate(BLOCKS):
        means = _block_means(means, axis=axis, blocks=blocks)
    found = dctn(means, norm="ortho")[tuple(map(slice, VOLUME_FREQUENCIES))]
    coefficients = np.zeros(VOLUME_FREQUENCIES)
    coefficients[tuple(map(slice, found.shape))] = found
    weighed = (coefficients * np.linalg.norm(np.indices(VOLUME_FREQUENCIES), axis=0) ** FALL).ravel()
    length = float(np.linalg.norm(weighed))
    return np.asarray(weighed / length if length > 0 else weighed, dtype=np.float32)


def _sampled(size: int, blocks: int) -> slice:
    return slice(None, None, max(1, size // (SAMPLES * blocks)))


def _block_means(
    values: Float64[np.ndarray, "slice row column"], *, axis: int, blocks: int
) -> Float64[np.ndarray, "some rows columns"]:
    size = values.shape[axis]
    edges = np.linspace(0, size, min(blocks, size) + 1).round().astype(int)
    counts = np.expand_dims(np.diff(edges), tuple(other for other in range(values.ndim) if other != axis))
    return np.asarray(np.add.reduceat(values, edges[:-1], axis=axis) / counts)


def mirrored(signatures: Float32[np.ndarray, "case coefficient"]) -> Float32[np.ndarray, "case coefficient"]:
    """Return the signatures of the same pictures turned left to right: odd frequencies along columns change sign."""
    return _turned(signatures, np.tile((-1.0) ** np.arange(FREQUENCIES), FREQUENCIES)[1:])


def mirrored_volumes(signatures: Float32[np.ndarray, "case coefficient"]) -> Float32[np.ndarray, "case coefficient"]:
    """Return the signatures of the same volumes turned left to right along their columns."""
    return _turned(signatures, ((-1.0) ** np.indices(VOLUME_FREQUENCIES)[2]).ravel())


def _turned(
    signatures: Float32[np.ndarray, "case coefficient"], signs: Float64[np.ndarray, " coefficient"]
) -> Float32[np.ndarray, "case coefficient"]:
    return np.asarray(signatures * signs.astype(np.float32))
