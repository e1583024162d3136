"""Contrast agent in blood and tissue: Parker's population input function and the Tofts model.

References:
    Parker et al., Magn Reson Med 2006;56:993-1000 (input function); Tofts et al., J Magn Reson Imaging
    1999;10:223-232 (standard model). Times are seconds, transfer constants per minute, as both papers write.
"""

import numpy as np
from jaxtyping import Float64

SECONDS_PER_MINUTE = 60.0
HAEMATOCRIT = 0.42

PARKER_AREA_MM_MIN = np.array([0.809, 0.330])
PARKER_TIME_MIN = np.array([0.17046, 0.365])
PARKER_WIDTH_MIN = np.array([0.0563, 0.132])
PARKER_TAIL_MM, PARKER_DECAY_PER_MIN = 1.050, 0.1685
PARKER_RISE_PER_MIN, PARKER_DELAY_MIN = 38.078, 0.483

STEPS = 400


def blood_concentration_mm(time_s: Float64[np.ndarray, "*time"]) -> Float64[np.ndarray, "*time"]:
    """Return the contrast agent in whole blood, in mmol/l, at seconds after its arrival; zero before.

    Examples:
        >>> float(blood_concentration_mm(np.array(10.5)).round(2))
        6.07
    """
    minutes = np.asarray(time_s) / SECONDS_PER_MINUTE
    away = (minutes[..., None] - PARKER_TIME_MIN) / PARKER_WIDTH_MIN
    passes = PARKER_AREA_MM_MIN / (PARKER_WIDTH_MIN * np.sqrt(2 * np.pi)) * np.exp(-(away**2) / 2)
    tail = PARKER_TAIL_MM * np.exp(-PARKER_DECAY_PER_MIN * minutes)
    tail = tail / (1 + np.exp(-PARKER_RISE_PER_MIN * (minutes - PARKER_DELAY_MIN)))
    return np.asarray(np.where(minutes >= 0, passes.sum(axis=-1) + tail, 0.0))


def tissue_concentration_mm(
    ktrans_per_min: Float64[np.ndarray, " tissue"], *, ve: Float64[np.ndarray, " tissue"], time_s: float
) -> Float64[np.ndarray, " tissue"]:
    """Return the contrast agent in tissues at one time, by the standard Tofts model.

    ``Ct(t) = Ktrans * integral of Cp(u) exp(-Ktrans / ve (t - u)) du``, by the trapezoidal rule.

    Args:
        ktrans_per_min: Transfer constant of each tissue.
        ve: Volume fraction of extravascular extracellular space of each, greater than 0.
        time_s: Seconds after the arrival of the contrast agent.
    """
    times = np.linspace(0.0, time_s, STEPS + 1)
    plasma = blood_concentration_mm(times) / (1 - HAEMATOCRIT)
    elapsed_min = (time_s - times) / SECONDS_PER_MINUTE
    remaining = np.exp(-(ktrans_per_min / ve)[:, None] * elapsed_min)
    integral = np.trapezoid(plasma * remaining, dx=time_s / STEPS / SECONDS_PER_MINUTE, axis=1)
    return np.asarray(ktrans_per_min * integral)
