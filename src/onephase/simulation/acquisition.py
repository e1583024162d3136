"""From tissue to stored values: relaxation, spoiled gradient echo, receive field, noise, gain.

The signal is that of the magnitude image of a fat-suppressed 3-D spoiled gradient echo at one time after
contrast. Echo time is short, so T2* is left out, as is motion.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int16

from onephase.simulation.breast import BreastMaps
from onephase.simulation.fields import Axes, RandomField, standardised
from onephase.simulation.kinetics import blood_concentration_mm, tissue_concentration_mm
from onephase.simulation.lesion import LesionMaps
from onephase.simulation.sites import Site

T1_S = {
    # gland and fat at 3 T: Edden, J Magn Reson Imaging 2010, doi 10.1002/jmri.22306 [S]; the rest [J]
    3.0: {
        "gland": 1.68,
        "fat": 0.423,
        "lesion": 1.60,
        "muscle": 1.40,
        "skin": 1.40,
        "blood": 1.65,
        "oedema": 2.00,
        "necrosis": 2.2,
    },
    1.5: {
        "gland": 1.27,
        "fat": 0.300,
        "lesion": 1.25,
        "muscle": 1.00,
        "skin": 1.00,
        "blood": 1.44,
        "oedema": 1.60,
        "necrosis": 1.8,
    },
}
PROTON_DENSITY = {
    **{"gland": 0.80, "fat": 0.90, "lesion": 0.85, "muscle": 0.75, "skin": 0.65},
    **{"blood": 0.85, "oedema": 0.95, "necrosis": 0.95},
}
RELAXIVITY = {3.0: 3.9, 1.5: 4.5}  # litre per mmol and second, of a macrocyclic agent in blood [J]

REFERENCE_UPTAKE_PER_MIN, REFERENCE_VE = np.array([0.20]), np.array([0.45])
"""What "enhancing tissue" means where gain and noise are given."""
SLOW_UPTAKE_PER_MIN = {
    "muscle": np.array([0.03]),
    "skin": np.array([0.03]),
    "oedema": np.array([0.03]),
    "necrosis": np.array([0.004]),
}
SLOW_VE = np.array([0.3])
BIAS_CORRELATION_MM = 40.0
TABLE_LOG_UPTAKE = np.linspace(-5, 4, 91)
VE_FOLLOWS_UPTAKE = 0.5  # locally, poorly perfused tissue also holds less extracellular space [J]
LARGEST_VALUE = 32767


@dataclass(frozen=True, slots=True)
class Acquisition:
    """The parameters of one examination.

    Attributes:
        site: Where it was made.
        time_s: Seconds from contrast arrival to the centre of k-space.
        gain: Stored value of the reference tissue.
        parenchymal_uptake_per_min: Background parenchymal enhancement.
        ve: Extravascular extracellular space of the lesion.
    """

    site: Site
    time_s: float
    gain: float
    parenchymal_uptake_per_min: float
    ve: float


@dataclass(frozen=True, slots=True, eq=False)
class TissueSignals:
    """Signal of each pure tissue, and of the lesion as a table over its local uptake; reference tissue is 1."""

    fat: float
    gland: float
    skin: float
    muscle: float
    blood: float
    oedema: float
    necrosis: float
    lesion: Float64[np.ndarray, " table"]


def draw_acquisition(rng: np.random.Generator, *, site: Site) -> Acquisition:
    """Draw an examination at a site."""
    return Acquisition(
        site=site,
        time_s=float(np.clip(rng.normal(*site.time_s), 40, 240)),
        gain=float(site.gain * np.exp(rng.normal(0, site.gain_spread))),
        parenchymal_uptake_per_min=float(0.018 * np.exp(rng.normal(0, 0.6))),
        ve=float(rng.uniform(0.40, 0.52)),
    )


def spoiled_gradient_echo(
    t1_s: Float64[np.ndarray, "*tissue"], *, repetition_ms: float, flip_degrees: float
) -> Float64[np.ndarray, "*tissue"]:
    """Return the steady-state signal of unit proton density (Ernst and Anderson 1966), echo time 0.

    Examples:
        >>> float(spoiled_gradient_echo(np.array(0.5), repetition_ms=5.0, flip_degrees=90.0).round(5))
        0.00995
    """
    flip = np.deg2rad(flip_degrees)
    decay = np.exp(-repetition_ms / 1000 / t1_s)
    return np.asarray(np.sin(flip) * (1 - decay) / (1 - np.cos(flip) * decay))


def tissue_signals(acquisition: Acquisition, *, uptake_per_min: float) -> TissueSignals:
    """Return what each tissue gives in this examination, for a lesion of the given mean uptake."""
    site, time_s = acquisition.site, acquisition.time_s
    parenchyma = np.array([acquisition.parenchymal_uptake_per_min])
    local = np.exp(TABLE_LOG_UPTAKE)
    local_ve = np.minimum(acquisition.ve * local**VE_FOLLOWS_UPTAKE, 0.9)
    reference = tissue_concentration_mm(REFERENCE_UPTAKE_PER_MIN, ve=REFERENCE_VE, time_s=time_s)
    slow = {
        name: tissue_concentration_mm(uptake, ve=SLOW_VE, time_s=time_s)
        for name, uptake in (*SLOW_UPTAKE_PER_MIN.items(), ("gland", parenchyma))
    }
    pure = {name: float(_pure_signal(site, name, contrast)[0]) for name, contrast in slow.items()}
    pure["blood"] = float(_pure_signal(site, "blood", blood_concentration_mm(np.array([time_s])))[0])
    pure["fat"] = site.fat_residual * float(_pure_signal(site, "fat", np.zeros(1))[0])
    unit = float(_pure_signal(site, "lesion", reference)[0])
    lesion = tissue_concentration_mm(uptake_per_min * local, ve=local_ve, time_s=time_s)
    return TissueSignals(
        **{name: signal / unit for name, signal in pure.items()},
        lesion=np.asarray(_pure_signal(site, "lesion", lesion) / unit),
    )


def mixed_signal(
    signals: TissueSignals,
    *,
    breast: BreastMaps,
    vessels: Float32[np.ndarray, "slice row column"],
    lesion: LesionMaps | None,
) -> Float32[np.ndarray, "slice row column"]:
    """Return the noiseless signal of voxels that several tissues share, reference tissue being 1."""
    image = breast.gland * (np.float32(signals.gland) * (1 + np.float32(0.08) * breast.nodularity))
    image += (1 - breast.gland) * np.float32(signals.fat)
    if lesion is not None:
        _lay(image, lesion.oedema, signals.oedema)
    _lay(image, breast.muscle, signals.muscle)
    _lay(image, breast.skin, signals.skin)
    _lay(image, vessels, signals.blood)
    if lesion is not None:
        viable = np.interp(lesion.log_uptake, TABLE_LOG_UPTAKE, signals.lesion).astype(np.float32)
        _lay(viable, lesion.necrosis, signals.necrosis)
        image += lesion.tissue * (viable - image)
    image *= 1 - breast.air
    return np.asarray(image)


def stored_values(
    rng: np.random.Generator, *, signal: Float32[np.ndarray, "slice row column"], axes: Axes, acquisition: Acquisition
) -> Int16[np.ndarray, "slice row column"]:
    """Return the magnitude image as stored: receive field, Rician noise, gain, whole numbers."""
    field = RandomField.draw(rng, axes=axes, correlation_mm=BIAS_CORRELATION_MM).on(axes)
    bias = np.exp(np.float32(acquisition.site.bias) * standardised(field, np.ones(field.shape, dtype=bool)))
    magnitude = rician(rng, signal * bias, noise=acquisition.site.noise)
    return np.rint(np.minimum(magnitude * np.float32(acquisition.gain), LARGEST_VALUE)).astype(np.int16)


def rician(
    rng: np.random.Generator, signal: Float32[np.ndarray, "*voxel"], *, noise: float
) -> Float32[np.ndarray, "*voxel"]:
    """Return the magnitude of a signal with normal noise in its real and imaginary channel."""
    real = rng.standard_normal(signal.shape, dtype=np.float32)
    real *= np.float32(noise)
    real += signal
    imaginary = rng.standard_normal(signal.shape, dtype=np.float32)
    imaginary *= np.float32(noise)
    real *= real
    imaginary *= imaginary
    real += imaginary
    return np.sqrt(real, out=real)


def _pure_signal(site: Site, tissue: str, contrast_mm: Float64[np.ndarray, " c"]) -> Float64[np.ndarray, " c"]:
    t1_s = 1 / (1 / T1_S[site.field_t][tissue] + RELAXIVITY[site.field_t] * contrast_mm)
    signal = spoiled_gradient_echo(t1_s, repetition_ms=site.repetition_ms, flip_degrees=site.flip_degrees)
    return np.asarray(PROTON_DENSITY[tissue] * signal)


def _lay(image: Float32[np.ndarray, "..."], share: Float32[np.ndarray, "..."], value: float) -> None:
    image += share * (np.float32(value) - image)
