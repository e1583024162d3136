"""IBSI features of one lesion and its surroundings, by MIRP, from a patch and its signed distance.

MIRP's own entry point ignores the spacing of an array, and always computes two features that cost ten times as
much as all others; so its feature classes are called directly. Tests hold the way through here to the reference
values of the IBSI phantom, and to what the entry point says.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from scipy import ndimage

from onephase.arrays import Bool, Float
from onephase.errors import MissingExtraError
from onephase.imaging.patches import PatchStore

REGIONS = ("tumour", "shell")
"""What is measured: inside the outline, and from the outline to the reach of the peritumoral shell."""

INTENSITY = ("statistics", "intensity_histogram", "intensity_volume_histogram")
TEXTURE = ("glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm")

COSTLY = ("morph_moran_i", "morph_geary_c")
"""Over pairs of voxels: about 14 s of processor a simulated lesion, against 1.5 s for all others together."""

FEWEST_VOXELS = 27
"""A smaller region has no texture worth a number: its features are missing."""

BINS = 32
"""Grey levels of histogram and texture."""

MARGIN_MM = 8.0  # beyond the shell, so that a local mean over 1 cm3 sees what lies around


@dataclass(frozen=True, slots=True)
class IbsiSettings:
    """What is measured, and how intensities are discretised.

    A fixed number of bins between the least and the largest intensity of a region, and not bins of a fixed
    width, because a magnetic resonance image has no unit.

    Attributes:
        spacing_mm: Voxel spacing (slice, row, column).
        shell_reach_mm: Where the peritumoral shell ends, in mm from the outline.
        by_slice: Whether slices are not contiguous: then texture within slices, and no family that needs the distance
            between them, which is not the same in all stacks.
        bins: Grey levels of histogram and texture.
        volume_bins: Grey levels of the intensity-volume histogram.
    """

    spacing_mm: tuple[float, float, float]
    shell_reach_mm: float
    by_slice: bool
    bins: int = BINS
    volume_bins: int = 1000

    @classmethod
    def of_store(cls, store: PatchStore) -> "IbsiSettings":
        """Return the settings for the patches of a store; in a stack, the spacing of slices is not used."""
        step = float(store.fingerprint["imaging.spacing_mm"])
        return cls(
            spacing_mm=(step, step, step),
            shell_reach_mm=float(store.fingerprint["regions.shell_reach_mm"]),
            by_slice=store.fingerprint["imaging.sampling"] == "stack",
        )

    def families(self, region: str) -> tuple[str, ...]:
        """Return the feature families of a region; the shape of the shell is that of the tumour."""
        if self.by_slice:
            return (*INTENSITY, *TEXTURE)
        shape = ("morphology",) if region == "tumour" else ()
        return (*shape, "local_intensity", *INTENSITY, *TEXTURE)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values, with everything else that decides a value."""
        families = {region: list(self.families(region)) for region in REGIONS}
        return {**asdict(self), "families": families, "left_out": list(COSTLY), "fewest_voxels": FEWEST_VOXELS}


def mirp_version() -> str:
    """Return the version of MIRP.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        return version("mirp")
    except PackageNotFoundError:
        message = "radiomics features need MIRP, which is not installed: pip install '.[radiomics]' in the checkout"
        raise MissingExtraError(message) from None


def ibsi_features(
    image: Float[np.ndarray, "slice row column"],
    distance_mm: Float[np.ndarray, "slice row column"],
    *,
    settings: IbsiSettings,
) -> dict[str, float]:
    """Return the features of a lesion by name, such as ``tumour morph_sphericity``.

    Names and order are the same for all lesions of the same settings. A feature that is not defined, or whose
    region holds fewer than :data:`FEWEST_VOXELS` voxels, is NaN.

    Args:
        image: Normalised patch.
        distance_mm: Signed distance to the lesion surface, negative inside.
        settings: What is measured.

    Raises:
        MissingExtraError: If MIRP is not installed.
    """
    near = _near(distance_mm, settings=settings)
    image, distance_mm = image[near].astype(np.float64), distance_mm[near]
    inside = distance_mm < 0
    masks = dict(zip(REGIONS, (inside, ~inside & (distance_mm < settings.shell_reach_mm)), strict=True))
    values: dict[str, float] = {}
    for region, mask in masks.items():
        measured = region_features(image, mask, families=settings.families(region), settings=settings)
        values |= {f"{region} {name}": value for name, value in measured.items()}
    return values


def region_features(
    image: Float[np.ndarray, "slice row column"],
    mask: Bool[np.ndarray, "slice row column"],
    *,
    families: tuple[str, ...],
    settings: IbsiSettings,
) -> Mapping[str, float]:
    """Return the features of one region by the names that MIRP gives them.

    Raises:
        MissingExtraError: If MIRP is not installed.
    """
    features = _definitions(families, settings=settings)
    if mask.sum() < FEWEST_VOXELS:
        return dict.fromkeys(features, np.nan)
    volume, region = _mirp_objects(image, mask, settings=settings)
    previous = None
    for feature in features.values():
        feature.compute(image=volume, mask=region)
        if previous is not None:
            previous.clear_local_cache(other=feature)  # features of one matrix share it
        previous = feature
    for feature in features.values():
        feature.clear_cache()
    return {name: _number(feature.value) for name, feature in features.items()}


def _definitions(families: tuple[str, ...], *, settings: IbsiSettings) -> dict[str, Any]:
    """Return MIRP's features, not yet computed, by name."""
    mirp_version()
    from mirp._features.feature_generator import generate_features
    from mirp.settings.feature_parameters import FeatureExtractionSettingsClass

    chosen = FeatureExtractionSettingsClass(
        by_slice=settings.by_slice,
        ibsi_compliant=True,
        base_feature_families=list(families),
        base_discretisation_method="fixed_bin_number",
        base_discretisation_n_bins=settings.bins,
        ivh_discretisation_method="fixed_bin_number",
        ivh_discretisation_n_bins=settings.volume_bins,
    )
    features = [feature for feature in generate_features(settings=chosen) if feature.abbr_name not in COSTLY]
    for feature in features:
        feature.update_ibsi_compliance()
        feature.create_table_name()
    return {feature.table_name: feature for feature in features if feature.ibsi_compliant}


def _mirp_objects(
    image: Float[np.ndarray, "slice row column"], mask: Bool[np.ndarray, "slice row column"], *, settings: IbsiSettings
) -> tuple[Any, Any]:
    """Return image and region in MIRP's own types."""
    from mirp._images.generic_image import GenericImage
    from mirp._masks.base_mask import BaseMask

    frame = {
        "image_spacing": settings.spacing_mm,
        "image_dimensions": image.shape,
        "image_origin": (0.0, 0.0, 0.0),
        "image_orientation": np.eye(3),
        "separate_slices": settings.by_slice,
    }
    region = BaseMask("region", image_data=mask, **frame)
    region.generate_masks()
    return GenericImage(image, image_modality="mr", **frame), region


def _near(distance_mm: Float[np.ndarray, "slice row column"], *, settings: IbsiSettings) -> tuple[slice, slice, slice]:
    """Return the box that holds both regions, and a margin."""
    reached = (distance_mm < settings.shell_reach_mm + MARGIN_MM).astype(np.uint8)
    found = ndimage.find_objects(reached)
    first, second, third = found[0] if found else (slice(0),) * 3
    return first, second, third


def _number(value: Any) -> float:
    return float(value) if value is not None and np.isfinite(value) else np.nan
