import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from onephase.imaging.lesion import TRUNCATE, Lesion, smoothed


@pytest.mark.parametrize("shape", [(20, 18, 22), (1, 30, 25), (3, 5, 40)])
@pytest.mark.parametrize("sigma_mm", [0.75, 2.4, 6.0])  # the widest kernel reaches past a thin lesion, and comes back
def test_a_gaussian_is_scipys(shape: tuple[int, int, int], sigma_mm: float):
    image = np.random.default_rng(2).random(shape).astype(np.float32)
    spacing = (2.0, 0.9, 1.5)
    lesion = Lesion(image, image, image > 0, spacing)
    expected = gaussian_filter(image, [sigma_mm / mm for mm in spacing], truncate=TRUNCATE)
    found = smoothed(image, lesion, sigma_mm)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
