"""How well each yardstick of a lesion's brightness is measured, on simulated lesions of each site.

Fat does not enhance, and its signal is the site's alone: a yardstick is as good as its ratio to what fat would be in
the lesion's place, with the receive field there, is the same in every examination of a site. Given are the standard
deviation of the logarithm of that ratio over the examinations, and of the variance of uptake the share that a quadratic
in a lesion's brightness over that yardstick explains in half of the cases, fitted to the others. The last two rows take
the true fat and field for a yardstick, and nothing but the true gain; there the standard deviation is that of the
lesion's own brightness over it.

Everything is simulated. Run it with ``python benchmarks/yardstick_error.py --cases 200``.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from onephase.imaging.air import air_of
from onephase.imaging.quantiles import quantile
from onephase.imaging.regions import signed_distance
from onephase.imaging.yardsticks import LEVELS, yardsticks
from onephase.simulation.acquisition import BIAS_CORRELATION_MM, draw_acquisition, tissue_signals
from onephase.simulation.anatomy import examine
from onephase.simulation.fields import RandomField, standardised
from onephase.simulation.lesion import Phenotype
from onephase.simulation.phenotype import CUE_NAMES, CUES
from onephase.simulation.sites import SITES, Site

SPREAD = 1.1
UPTAKE = CUE_NAMES.index("uptake_per_min")
HALF_PATCH_MM = 36.0
LOWEST, LOWEST_WITHIN_MM = 0.02, 16.0
"""What descriptors took for the darkest tissue before there were yardsticks, and still measure brightness from."""
NAMES = ("darkest 2 % within 16 mm", *LEVELS)


@dataclass(frozen=True)
class Seen:
    """One examination: logarithms of brightness above air."""

    lesion: float
    fat: float
    gain: float
    yardsticks: np.ndarray
    uptake: float


Of: TypeAlias = Callable[[Seen], float]


def seen(site: Site, number: int) -> Seen:
    """Examine a lesion; the receive field is the first that the examination draws, so it can be drawn once more."""
    looks, scanner, anatomy, noise = np.random.default_rng([77, number]).spawn(4)
    again = np.random.default_rng([77, number]).spawn(4)[3]
    scores = SPREAD * looks.standard_normal(len(CUES))
    phenotype = Phenotype(*(float(cue.value(scores[[place]])[0]) for place, cue in enumerate(CUES)))
    acquisition = draw_acquisition(scanner, site=site)
    made = examine(phenotype=phenotype, acquisition=acquisition, anatomy_rng=anatomy, noise_rng=noise)
    first, second, third = (
        (np.arange(size) - (size - 1) / 2) * mm for size, mm in zip(made.image.shape, made.spacing_mm, strict=True)
    )
    axes = (first, second, third)
    drawn = RandomField.draw(again, axes=axes, correlation_mm=BIAS_CORRELATION_MM).on(axes)
    field = np.float32(site.bias) * standardised(drawn, np.ones(drawn.shape, dtype=bool))
    image = made.image.astype(np.float32)
    distance = signed_distance(made.mask, made.spacing_mm, in_plane=False)
    centre = np.argwhere(made.mask).mean(axis=0)
    part = tuple(
        slice(max(0, int(middle - HALF_PATCH_MM / mm)), int(middle + HALF_PATCH_MM / mm) + 1)
        for middle, mm in zip(centre, made.spacing_mm, strict=True)
    )
    air = air_of(image)
    found = yardsticks(image[part], distance[part], spacing_mm=made.spacing_mm, air=air)
    before = max(quantile(image[distance < LOWEST_WITHIN_MM], LOWEST) - air.level, 1.0)
    return Seen(
        lesion=float(np.log(np.median(image[made.mask]) - air.level)),
        fat=float(
            np.log(acquisition.gain * tissue_signals(acquisition, uptake_per_min=phenotype.uptake_per_min).fat)
            + field[made.mask].mean()
        ),
        gain=float(np.log(acquisition.gain)),
        yardsticks=np.log([before, *np.maximum(found.levels, 1.0)]),
        uptake=float(scores[UPTAKE]),
    )


def explained(brightness: np.ndarray, uptake: np.ndarray) -> float:
    """Return the share of the variance of half of the cases that a quadratic of the other half explains."""
    even = np.arange(len(uptake)) % 2 == 0
    curve = np.polynomial.Polynomial.fit(brightness[even], uptake[even], 2)
    left = (uptake[~even] - curve(brightness[~even])) ** 2
    return float(1 - left.mean() / uptake[~even].var())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200, help="Of each site.")
    cases = parser.parse_args().cases
    found = {name: [seen(site, number) for number in range(cases)] for name, site in SITES.items()}
    print(f"{cases} simulated lesions of each site: sd of the logarithm / share of uptake's variance\n")
    print("| | " + " | ".join(SITES) + " |\n|---|" + "---|" * len(SITES))
    rows: dict[str, tuple[Of, Of]] = {name: (partial(_yardstick, place), _fat) for place, name in enumerate(NAMES)}
    rows |= {"true fat and field": (_fat, _lesion), "true gain alone": (_gain, _lesion)}
    for name, (level_of, beside) in rows.items():
        row = []
        for ones in found.values():
            level, lesion, other = (np.array([of(one) for one in ones]) for of in (level_of, _lesion, beside))
            share = explained(lesion - level, np.array([one.uptake for one in ones]))
            row.append(f"{(level - other).std():.3f} / {share:.2f}")
        print(f"| {name} | " + " | ".join(row) + " |")


def _yardstick(place: int, one: Seen) -> float:
    return float(one.yardsticks[place])


def _fat(one: Seen) -> float:
    return one.fat


def _gain(one: Seen) -> float:
    return one.gain


def _lesion(one: Seen) -> float:
    return one.lesion


if __name__ == "__main__":
    main()
