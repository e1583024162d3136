"""Contrast kinetics against published values and scipy.integrate."""

import numpy as np
import pytest
from scipy import integrate

from onephase.simulation.kinetics import HAEMATOCRIT, blood_concentration_mm, tissue_concentration_mm

# https://dcmri.org/generated/api/dcmri.aif_parker.html, an independent implementation, mmol/l every 1.5 s
PUBLISHED = (
    *(0.08038467, 0.23977987, 0.63896354, 1.45093969, 2.75255937, 4.32881325, 5.6309778),
    *(6.06793854, 5.45203828, 4.1540079, 2.79568217, 1.81335784, 1.29063036, 1.08751679),
)


def test_blood_concentration_is_parkers():
    np.testing.assert_allclose(blood_concentration_mm(np.arange(0, 20, 1.5)), PUBLISHED, rtol=1e-5)


def test_nothing_arrives_before_the_bolus():
    assert not blood_concentration_mm(np.array([-30.0, -0.1])).any()


@pytest.mark.parametrize("time_s", [40.0, 95.0, 200.0])
def test_tissue_concentration_is_the_convolution_integral(time_s):
    ktrans, ve = np.array([0.01, 0.15, 1.2]), np.array([0.2, 0.45, 0.6])
    found = tissue_concentration_mm(ktrans, ve=ve, time_s=time_s)
    for value, k, v in zip(found, ktrans, ve, strict=True):
        expected, _ = integrate.quad(
            lambda u, k=k, v=v: (
                blood_concentration_mm(np.array(60 * u)) / (1 - HAEMATOCRIT) * np.exp(-k / v * (time_s / 60 - u))
            ),
            0,
            time_s / 60,
            points=[0.17, 0.365, 0.483],
            limit=200,
        )
        assert value == pytest.approx(k * expected, rel=2e-3)


def test_more_transfer_brings_more_contrast_early():
    early = tissue_concentration_mm(np.linspace(0.01, 0.6, 20), ve=np.full(20, 0.45), time_s=60.0)
    assert (np.diff(early) > 0).all()
