"""The outline of a lesion: a mask as it is, a box or a seed point semi-automatically."""

from onephase.imaging.case import Box, Case, Mask
from onephase.imaging.outline_recipe import USUAL, Recipe


def outline(case: Case, recipe: Recipe = USUAL) -> Mask:
    """Return the tumour mask of a case.

    Args:
        case: A case; a mask is returned as it is.
        recipe: How a box or a seed point is outlined.

    Raises:
        ImageError: If the box or the surroundings of the seed are constant, or dark at the seed.
    """
    if isinstance(case.roi, Mask):
        return case.roi
    from onephase.imaging import semi_automatic  # SimpleITK and scipy: a third of what a prediction would import

    if isinstance(case.roi, Box):
        return semi_automatic.outline_in_box(case, case.roi, recipe)
    return semi_automatic.outline_at_seed(case, case.roi, recipe)
