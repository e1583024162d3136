import numpy as np
import pytest

from onephase.imaging.case import Box
from onephase.imaging.flags import frame_flags, outline_flags
from onephase.imaging.frame import patch_frame
from onephase.imaging.geometry import Grid
from onephase.settings import ImagingSettings, RegionSettings

GRID = Grid.axial((40, 50, 60), (2.0, 1.0, 1.0))


@pytest.mark.parametrize(("side", "said"), [(2, "fills 1% of its box"), (7, None), (10, "fills 100% of its box")])
def test_an_outline_that_does_not_fit_its_box_is_flagged(side, said):
    box = Box((10.0, 20.0), (10.0, 20.0), (10.0, 20.0))
    flags = outline_flags(
        np.ones((side, side, side), dtype=bool),
        method="semi-automatic (x)",
        roi=box,
        grid=GRID,
        in_plane=False,
        regions=RegionSettings(),
    )
    assert flags[0] == "the outline is semi-automatic (x); nobody has checked it"
    assert [said in flag for flag in flags[1:]] == [True] if said else flags[1:] == []


def test_the_side_that_is_cut_is_named_with_the_room_there_is():
    bounds = np.array([[10, 14], [10, 20], [5, 55]])
    imaging = ImagingSettings(spacing_mm=1.0, patch_voxels=(20, 30, 40))
    flags = frame_flags(
        bounds, frame=patch_frame(GRID, bounds, imaging), grid=GRID, in_plane=False, regions=RegionSettings()
    )
    assert flags[0] == "the lesion (50.0 mm) is larger than the patch (40.0 mm) and is cut"
