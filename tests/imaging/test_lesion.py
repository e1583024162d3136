import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from threadpoolctl import threadpool_limits

from onephase.imaging.descriptors import describe
from onephase.imaging.lesion import TRUNCATE, Lesion, smoothed
from onephase.imaging.yardsticks import Yardsticks


@pytest.mark.parametrize("shape", [(20, 18, 22), (1, 30, 25), (3, 5, 40)])
@pytest.mark.parametrize("sigma_mm", [0.75, 2.4, 6.0])  # the widest kernel reaches past a thin lesion, and comes back
def test_a_gaussian_is_scipys(shape: tuple[int, int, int], sigma_mm: float):
    image = np.random.default_rng(2).random(shape).astype(np.float32)
    spacing = (2.0, 0.9, 1.5)
    lesion = Lesion(image, 0.0, 1.0, 1.0, image, image > 0, spacing)
    expected = gaussian_filter(image, [sigma_mm / mm for mm in spacing], truncate=TRUNCATE)
    found = smoothed(image, lesion, sigma_mm)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_lesion_is_described_alike_by_any_number_of_threads():
    """Prepared cohorts are compared byte by byte, whichever machine of a cluster cut them."""
    image = np.random.default_rng(3).random((40, 38, 41)).astype(np.float32)
    where = np.stack(np.meshgrid(*[np.arange(size) - size / 2 for size in image.shape], indexing="ij"))
    distance = (1.5 * np.linalg.norm(where, axis=0) - 12).astype(np.float32)
    described = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            described.append(describe(image, distance, spacing_mm=(1.5, 1.5, 1.5), against=Yardsticks.even(air=-3.0)))
    np.testing.assert_array_equal(*described)
