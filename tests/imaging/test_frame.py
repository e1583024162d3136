import numpy as np

from onephase.imaging.frame import around


def test_the_box_around_a_mask_holds_the_margin_and_ends_where_the_grid_ends() -> None:
    mask = np.zeros((20, 50, 40), dtype=bool)
    mask[6:14, 14:37, 12:29] = True
    box = around(mask, (2.0, 0.8, 1.1), margin_mm=4.0)
    assert [(part.start, part.stop) for part in box] == [(4, 16), (9, 42), (8, 33)]
    wide = around(mask, (2.0, 0.8, 1.1), margin_mm=100.0)
    assert [(part.start, part.stop) for part in wide] == [(0, size) for size in mask.shape]
