"""The answers of a benchmark: a study a protocol, a table of seeds, the timing; all from stored runs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import onephase
from onephase.biomarkers.posterior import PanelPosterior
from onephase.evaluation.learning_curve import headline_figures
from onephase.evaluation.page import write_study
from onephase.evaluation.plan import Plan, slug
from onephase.evaluation.pooling import Seeds, pooled, seconds_of, stored_plan
from onephase.evaluation.predictions import PRIOR, Predictions, write_predictions
from onephase.evaluation.study import Study, study_of
from onephase.evaluation.table import TITLES, Table
from onephase.progress import Progress, silent
from onephase.settings import Settings
from onephase.storage import write_json, write_text

FEWEST_RESAMPLES = 2
"""For figures of which only the value is read."""


@dataclass(frozen=True, slots=True)
class BenchmarkReport:
    """What a benchmark found.

    Attributes:
        studies: By protocol.
        seeds: By protocol, how far training runs of the same contestant lie apart.
        pages: By protocol, the page of its study.
        seconds: Time of all runs together.
    """

    studies: Mapping[str, Study]
    seeds: Mapping[str, Table]
    pages: Mapping[str, Path]
    seconds: float


def write_report(out: Path, *, progress: Progress = silent) -> BenchmarkReport:
    """Write every study of a benchmark from its stored runs; nothing is trained.

    Args:
        out: Folder of the benchmark. Each protocol gets a folder in it, as ``onephase evaluate`` writes one, with
            ``tables/seeds.csv`` more; ``timing.json`` says how long each run took.
        progress: Told after each protocol.

    Raises:
        StorageError: If no benchmark is there, or one of its runs is not finished.
    """
    plan, described = stored_plan(out)
    settings = Settings.model_validate(described)
    seconds = seconds_of(out, plan)
    write_json(out / "timing.json", {"seconds": sum(seconds.values()), "runs": seconds})
    studies, tables, pages = {}, {}, {}
    progress("studies", 0, len(plan.words))
    for done, protocol in enumerate(plan.words, start=1):
        predictions, seeds = pooled(out, plan, protocol, facts=_facts(plan, protocol, settings))
        folder = out / slug(protocol)
        write_predictions(folder, predictions)
        studies[protocol] = study_of(predictions, policy=settings.subtype_policy)
        pages[protocol] = write_study(folder, studies[protocol], predictions)
        tables[protocol] = seed_table(predictions, seeds, settings=settings)
        write_text(folder / "tables" / "seeds.csv", tables[protocol].to_csv())
        progress("studies", done, len(plan.words))
    return BenchmarkReport(studies, tables, pages, sum(seconds.values()))


def seed_table(predictions: Predictions, seeds: Seeds, *, settings: Settings) -> Table:
    """Return mean and range over the seeds of each contestant that was trained more than once.

    Args:
        predictions: Any contestants on the tested cases, the prior among them.
        seeds: By contestant and seed, answers for the same cases.
        settings: For the subtype policy.
    """
    trained = {name: by_seed for name, by_seed in seeds.items() if len(by_seed) > 1}
    every = {(name, seed): one for name, by_seed in trained.items() for seed, one in by_seed.items()}
    figures = _figures(predictions, {f"{name}, seed {seed}": one for (name, seed), one in every.items()}, settings)
    rows = [
        (
            name,
            str(len(by_seed)),
            *(_range([figures[f"{name}, seed {seed}"][figure] for seed in by_seed], figure) for figure in TITLES),
        )
        for name, by_seed in trained.items()
    ]
    return Table(
        "seeds",
        "The same training with other seeds: mean, and lowest to highest, of the figures of the tables above.",
        ("Contestant", "Seeds", *TITLES.values()),
        tuple(rows),
        "AUC by receptor; macro AUC of subtypes and receptor groups; Ki-67 error in points; panel log-likelihood over "
        "the prior in nats. Of a difference that is smaller than the range, seeds alone may be the cause.",
    )


def _figures(
    predictions: Predictions, posteriors: Mapping[str, PanelPosterior], settings: Settings
) -> dict[str, dict[str, float | None]]:
    every = replace(predictions, posteriors={**posteriors, PRIOR: predictions.posteriors[PRIOR]}, calibration=None)
    study = study_of(every, policy=settings.subtype_policy, resamples=FEWEST_RESAMPLES)
    return {
        name: {figure: estimate.value for figure, estimate in headline_figures(scores).items()}
        for name, scores in study.whole.scores.items()
    }


def _range(values: list[float | None], figure: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    digits = 1 if "percent" in figure else 3
    return f"{mean(known):.{digits}f} ({min(known):.{digits}f} to {max(known):.{digits}f})"


def _facts(plan: Plan, protocol: str, settings: Settings) -> dict[str, object]:
    parts = {part.name for part in plan.tested_by(protocol)}
    seeds = sorted({run.seed for run in plan.runs if run.part in parts and run.seed is not None})
    return {
        "onephase": onephase.__version__,
        "benchmark": protocol,
        "seeds": seeds,
        "divisions": sorted(parts),
        "settings": settings.model_dump(mode="json"),
    }
