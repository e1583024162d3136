"""One examination in space: the field of view, the breast, the lesion in it, and what the scanner sees.

The lesion and its surroundings are built on a grid about 1 mm fine across slices and averaged to the site's
slices, so that spicules and rims suffer the partial volume that thick slices bring. Elsewhere the site's
own grid is fine enough for tissue that varies slowly.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int16

from onephase.simulation.acquisition import Acquisition, mixed_signal, stored_values, tissue_signals
from onephase.simulation.breast import Breast, draw_vessels
from onephase.simulation.fields import Axes
from onephase.simulation.lesion import (
    FAR_OUTSIDE_MM,
    Ellipsoid,
    Phenotype,
    draw_ellipsoid,
    grow_lesion,
    outlined,
)
from onephase.simulation.sites import Site

FIELD_OF_VIEW_MM = 96.0
FINEST_SLICE_MM = 1.2


@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """An image as stored and the reader's outline of its lesion, on the grid of the site."""

    image: Int16[np.ndarray, "slice row column"]
    mask: Bool[np.ndarray, "slice row column"]
    spacing_mm: tuple[float, float, float]


def examine(
    *,
    phenotype: Phenotype,
    acquisition: Acquisition,
    anatomy_rng: np.random.Generator,
    noise_rng: np.random.Generator,
) -> Examination:
    """Build a breast with a lesion of the given phenotype and acquire it once after contrast."""
    site = acquisition.site
    fold = int(np.ceil(site.slice_mm / FINEST_SLICE_MM))
    axes, fine = _axes(site, fold=1), _axes(site, fold=fold)
    body = draw_ellipsoid(anatomy_rng, size_mm=phenotype.size_mm)
    breast = Breast.draw(anatomy_rng, axes=fine, lesion_centre_mm=body.centre_mm, radius_mm=body.radius_mm)
    vessels = draw_vessels(
        anatomy_rng,
        axes=fine,
        lesion_centre_mm=body.centre_mm,
        radius_mm=body.radius_mm,
        vascularity=phenotype.vessels,
    )
    signals = tissue_signals(acquisition, uptake_per_min=phenotype.uptake_per_min)
    signal = mixed_signal(signals, breast=breast.on(axes), vessels=_thick(vessels, fold), lesion=None)

    box, fine_box = _box_around(body, phenotype, axes=axes, fold=fold)
    near = (fine[0][fine_box[0]], fine[1][fine_box[1]], fine[2][fine_box[2]])
    lesion = grow_lesion(anatomy_rng, phenotype=phenotype, body=body, axes=near)
    signal[box] = _thick(mixed_signal(signals, breast=breast.on(near), vessels=vessels[fine_box], lesion=lesion), fold)
    mask = np.zeros(signal.shape, dtype=bool)
    mask[box] = outlined(_thick(lesion.outline, fold))
    image = stored_values(noise_rng, signal=signal, axes=axes, acquisition=acquisition)
    return Examination(image, mask, (site.slice_mm, site.in_plane_mm, site.in_plane_mm))


def _axes(site: Site, *, fold: int) -> Axes:
    """Return the voxel centres of a site's grid, its slices cut ``fold`` times."""
    slices = int(np.ceil(FIELD_OF_VIEW_MM / site.slice_mm))
    pixels = int(np.ceil(FIELD_OF_VIEW_MM / site.in_plane_mm))
    in_plane = _centred(pixels, site.in_plane_mm)
    return _centred(slices * fold, site.slice_mm / fold), in_plane, in_plane


def _centred(count: int, spacing_mm: float) -> Float64[np.ndarray, " voxel"]:
    return (np.arange(count) - (count - 1) / 2) * spacing_mm


def _box_around(
    body: Ellipsoid, phenotype: Phenotype, *, axes: Axes, fold: int
) -> tuple[tuple[slice, slice, slice], tuple[slice, slice, slice]]:
    lobes = 1 + 1.8 * phenotype.lobulation
    extent = np.sqrt(((body.axes * body.semi_axes_mm[:, None]) ** 2).sum(axis=0)) * lobes + FAR_OUTSIDE_MM
    starts = [int(np.searchsorted(axis, c - e)) for axis, c, e in zip(axes, body.centre_mm, extent, strict=True)]
    stops = [int(np.searchsorted(axis, c + e)) for axis, c, e in zip(axes, body.centre_mm, extent, strict=True)]
    in_plane = slice(starts[1], stops[1]), slice(starts[2], stops[2])
    return (slice(starts[0], stops[0]), *in_plane), (slice(starts[0] * fold, stops[0] * fold), *in_plane)


def _thick(fine: Float32[np.ndarray, "fine row column"], fold: int) -> Float32[np.ndarray, "slice row column"]:
    slices, rows, columns = fine.shape
    return np.asarray(fine.reshape(slices // fold, fold, rows, columns).mean(axis=1))
