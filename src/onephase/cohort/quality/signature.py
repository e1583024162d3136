"""What a picture looks like in few numbers, the same for every gain and offset: a perceptual hash.

The low frequencies of the discrete cosine transform, as in pHash (Zauner 2010, "Implementation and benchmarking of
perceptual image hash functions"), kept as numbers of length one instead of bits, so that the product of two of them
is the correlation of what both show in the large.
"""

import numpy as np
from jaxtyping import Float32, Real
from scipy.fft import dctn

FREQUENCIES = 12
"""Along each axis; the highest has a wavelength of a sixth of the picture."""


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


def mirrored(signatures: Float32[np.ndarray, "case coefficient"]) -> Float32[np.ndarray, "case coefficient"]:
    """Return the signatures of the same pictures turned left to right: odd frequencies along columns change sign."""
    signs = np.tile((-1.0) ** np.arange(FREQUENCIES), FREQUENCIES)[1:]
    return np.asarray(signatures * signs.astype(np.float32))
