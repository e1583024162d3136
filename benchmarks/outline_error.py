"""What a semi-automatic outline costs: `python benchmarks/outline_error.py BUNDLE COHORT.csv [BREAST1_FOLDER]`.

Every case has a mask. From it come boxes (exact, and 3 and 6 mm wider on every side) and a seed point (the mask's
deepest voxel); each is outlined by the program and held against the mask: Dice, average distance of the two surfaces,
how far the surface lies outward and the centre aside. Then the answers: how far from the answer within the mask, by
one outline and by the mixture over several; how often the mask's answer lies within the spread; and the log
probability of the labels.
"""

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK

from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.cohort.case_of import case_of
from onephase.cohort.records import Record
from onephase.cohort.table import read_cohort
from onephase.errors import ImageError
from onephase.imaging.case import Box, Case, Mask, SeedPoint
from onephase.imaging.frame import lesion_bounds
from onephase.imaging.outline import outline
from onephase.imaging.plausible_outlines import MEASURED_MM, USUAL_OUTLINES, Doubt
from onephase.imaging.regions import signed_distance
from onephase.inference.bundle import Bundle, load_bundle
from onephase.inference.predict import Sight, look
from onephase.readers.case import read_case

Roi = Mask | Box | SeedPoint
WIDER_MM = (0.0, 3.0, 6.0)
SEED = "seed point"
MASK = "the mask itself"


@dataclass(frozen=True, slots=True)
class Drawn:
    """One outline against its mask."""

    dice: float
    surface_mm: float
    outward_mm: float
    aside_mm: float


@dataclass(frozen=True, slots=True)
class Answered:
    """One outline's answer against the mask's: ER, PR, HER2 as probabilities, Ki-67 as the median in percent."""

    one: np.ndarray
    mixed: np.ndarray
    within: np.ndarray
    log_one: float
    log_mixed: float
    log_mask: float


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("bundle", type=Path)
    options.add_argument("cohort", type=Path)
    options.add_argument("breast1", type=Path, nargs="?")
    options.add_argument("--cases", type=int, default=100)
    options.add_argument("--outlines", type=int, default=USUAL_OUTLINES)
    options.add_argument("--error-mm", type=float, default=MEASURED_MM)
    chosen = options.parse_args()
    cohort, bundle = read_cohort(chosen.cohort), load_bundle(chosen.bundle)
    records = [record for record in cohort.records if bundle.split.get(record.case_id) == "test"][: chosen.cases]
    doubt = Doubt(chosen.outlines, chosen.error_mm)
    drawn: dict[str, list[Drawn]] = {}
    answered: dict[str, list[Answered]] = {}
    failed: dict[str, int] = {}
    for record in records:
        case = case_of(record)
        trusted = look(bundle, case)
        for name, roi in _rois(case).items():
            try:
                mask = outline(replace(case, roi=roi))
                sight = look(bundle, replace(case, roi=roi), doubt=doubt)
            except ImageError:
                failed[name] = failed.get(name, 0) + 1
                continue
            drawn.setdefault(name, []).append(_against(mask, case))
            answered.setdefault(name, []).append(_answers(sight, trusted, record.events))
    print(f"{len(records)} test cases; {doubt.outlines} outlines, {doubt.error_mm:g} mm\n")
    _print_drawn(drawn, failed)
    _print_answered(answered)
    _print_prior(bundle, records)
    if chosen.breast1 is not None:
        _breast1(chosen.breast1, bundle, doubt)


def _rois(case: Case) -> dict[str, Roi]:
    assert isinstance(case.roi, Mask)  # noqa: S101 - what the script is for
    grid, bounds = case.volume.grid, lesion_bounds(case.roi.array)
    rois: dict[str, Roi] = {MASK: case.roi}
    for wider_mm in WIDER_MM:
        margin = wider_mm / np.asarray(grid.spacing_mm)
        ends = zip(np.maximum(bounds[:, 0] - margin, 0), np.minimum(bounds[:, 1] + margin, grid.shape), strict=True)
        slices, rows, columns = ((float(start), float(stop)) for start, stop in ends)
        rois[f"box, {wider_mm:g} mm wider"] = Box(slice=slices, row=rows, column=columns)
    distance = signed_distance(case.roi.array, grid.spacing_mm, in_plane=False)
    at = np.unravel_index(distance.argmin(), distance.shape)
    rois[SEED] = SeedPoint(slice=float(at[0]), row=float(at[1]), column=float(at[2]))
    return rois


def _against(mask: Mask, case: Case) -> Drawn:
    assert isinstance(case.roi, Mask)  # noqa: S101 - what the script is for
    spacing = case.volume.grid.spacing_mm
    ours, theirs = (SimpleITK.GetImageFromArray(array.astype(np.uint8)) for array in (mask.array, case.roi.array))
    for image in (ours, theirs):
        image.SetSpacing(spacing[::-1])
    overlap = SimpleITK.LabelOverlapMeasuresImageFilter()
    overlap.Execute(theirs, ours)
    surface_mm = []
    for one, other in ((ours, theirs), (theirs, ours)):
        far = SimpleITK.Abs(SimpleITK.SignedMaurerDistanceMap(other, squaredDistance=False, useImageSpacing=True))
        surface_mm.append(
            SimpleITK.GetArrayFromImage(far)[SimpleITK.GetArrayFromImage(SimpleITK.LabelContour(one)) > 0]
        )
    equivalent_mm = [np.cbrt(0.75 / np.pi * array.sum() * np.prod(spacing)) for array in (mask.array, case.roi.array)]
    centres = [np.argwhere(array).mean(axis=0) * spacing for array in (mask.array, case.roi.array)]
    return Drawn(
        overlap.GetDiceCoefficient(),
        float(np.concatenate(surface_mm).mean()),
        float(equivalent_mm[0] - equivalent_mm[1]),
        float(np.linalg.norm(centres[0] - centres[1]) / np.sqrt(3)),
    )


def _answers(sight: Sight, trusted: Sight, events: Events) -> Answered:
    def of(posterior: PanelPosterior) -> np.ndarray:
        return np.column_stack([posterior.marginals(), 100 * posterior.ki67_median()])

    truth, each, mixed = of(trusted.posterior)[0], of(sight.posteriors), of(sight.posterior)[0]
    logs = [
        float(one.log_probability(events)[0])
        for one in (sight.posteriors.take(slice(0, 1)), sight.posterior, trusted.posterior)
    ]
    within = (each.min(axis=0) <= truth) & (truth <= each.max(axis=0))
    return Answered(np.abs(each[0] - truth), np.abs(mixed - truth), within, *logs)


def _print_drawn(drawn: dict[str, list[Drawn]], failed: dict[str, int]) -> None:
    print("| from | n | refused | Dice | surfaces apart, mm | outward, mm: mean (sd) | aside, mm an axis |")
    print("|---|---|---|---|---|---|---|")
    for name, all_ in drawn.items():
        outward = [one.outward_mm for one in all_]
        print(
            f"| {name} | {len(all_)} | {failed.get(name, 0)} | {_middle([one.dice for one in all_])} "
            f"| {_middle([one.surface_mm for one in all_])} "
            f"| {statistics.mean(outward):.2f} ({statistics.stdev(outward):.2f}) "
            f"| {_middle([one.aside_mm for one in all_])} |"
        )
    print("\nMedian (10th to 90th percentile); outward by the radius of a ball of the same volume.\n")


def _print_answered(answered: dict[str, list[Answered]]) -> None:
    print("| from | change by one outline: ER, PR, HER2, Ki-67 | by the mixture | mask's answer within the spread, % |")
    print("|---|---|---|---|")
    for name, all_ in answered.items():
        one, mixed = (np.mean([getattr(answer, part) for answer in all_], axis=0) for part in ("one", "mixed"))
        within = 100 * np.mean([answer.within for answer in all_], axis=0)
        print(f"| {name} | {_panel(one)} | {_panel(mixed)} | {', '.join(f'{part:.0f}' for part in within)} |")
    print("\nMean absolute changes of probabilities, and of the median in points of per cent.\n")
    print("| from | log probability of the labels, nats: mask | one outline less mask | mixture less one outline |")
    print("|---|---|---|---|")
    for name, all_ in answered.items():
        lost = [answer.log_one - answer.log_mask for answer in all_]
        gained = [answer.log_mixed - answer.log_one for answer in all_]
        print(
            f"| {name} | {statistics.mean(answer.log_mask for answer in all_):.3f} | {_mean(lost)} | {_mean(gained)} |"
        )
    print("\nMean (95 % interval by the normal approximation).")


def _print_prior(bundle: Bundle, records: Sequence[Record]) -> None:
    prior = PanelPosterior.from_potentials(bundle.prior)
    alone = [float(prior.log_probability(record.events)[0]) for record in records]
    print(f"The prior alone, before any image: {statistics.mean(alone):.3f}.")


def _breast1(folder: Path, bundle: Bundle, doubt: Doubt) -> None:
    case = read_case(folder / "breast1_image.nrrd", case_id="breast1", mask=folder / "breast1_label.nrrd")
    trusted = look(bundle, case)
    print("\n| breast1, from | Dice | surfaces apart, mm | outward, mm | ER, PR, HER2, Ki-67 | lowest | highest |")
    print("|---|---|---|---|---|---|---|")
    for name, roi in _rois(case).items():
        there = _against(outline(replace(case, roi=roi)), case)
        sight = look(bundle, replace(case, roi=roi), doubt=doubt)
        each = np.column_stack([sight.posteriors.marginals(), 100 * sight.posteriors.ki67_median()])
        mixed = [*sight.posterior.marginals()[0], 100 * sight.posterior.ki67_median()[0]]
        ends = f"{_panel(each.min(axis=0))} | {_panel(each.max(axis=0))}"
        outlined = f"{there.dice:.2f} | {there.surface_mm:.2f} | {there.outward_mm:+.2f}"
        print(f"| {name} | {outlined} | {_panel(mixed)} | {ends} |")
    trust = [*trusted.posterior.marginals()[0], 100 * trusted.posterior.ki67_median()[0]]
    print(f"\nWithin the label alone: {_panel(trust)}")


def _panel(values: Sequence[float] | np.ndarray) -> str:
    er, pr, her2, ki67 = values
    return f"{er:.3f}, {pr:.3f}, {her2:.3f}, {ki67:.1f}"


def _middle(values: Sequence[float]) -> str:
    low, middle, high = np.percentile(values, (10, 50, 90))
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def _mean(values: Sequence[float]) -> str:
    half = 1.96 * statistics.stdev(values) / np.sqrt(len(values))
    return (
        f"{statistics.mean(values):.3f} ({statistics.mean(values) - half:.3f} to {statistics.mean(values) + half:.3f})"
    )


if __name__ == "__main__":
    main()
