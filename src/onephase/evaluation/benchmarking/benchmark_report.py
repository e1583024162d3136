"""The answers of a benchmark: a study a protocol, a table of seeds, the timing; all from stored runs."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import numpy as np
from pydantic import ValidationError

import onephase
from onephase.biomarkers.posterior import PanelPosterior
from onephase.cohort.lesions import events_of
from onephase.errors import StorageError
from onephase.evaluation.benchmarking.divisions import LEARNED, slug
from onephase.evaluation.benchmarking.learning_curve import headline_figures
from onephase.evaluation.benchmarking.overview import OVERVIEW_NAME, overview_of
from onephase.evaluation.benchmarking.plan import Plan
from onephase.evaluation.benchmarking.pooling import (
    Seeds,
    compared_in,
    pooled,
    stored_flow,
    stored_plan,
    stored_runs,
    without_answers,
)
from onephase.evaluation.pages.page import PAGE_NAME, simulated_words, write_study
from onephase.evaluation.pages.table import TITLES, Table
from onephase.evaluation.predictions import PRIOR, Predictions, versions_of, write_predictions
from onephase.evaluation.scoring.answers import answers_of
from onephase.evaluation.scoring.scores import TrainingPrior, score
from onephase.evaluation.study import Study, study_of
from onephase.progress import Progress, silent
from onephase.settings import Settings, SubtypePolicy
from onephase.statistics.bootstrap import Resamples
from onephase.statistics.estimate import Estimate
from onephase.storage import write_json, write_text, write_texts

CURVE = "learning-curve"
SECONDS_PER_HOUR = 3600
FEWEST_RESAMPLES = 2
"""For figures of which only the value is read."""
FIGURES_SAID = (
    "AUC by receptor; macro AUC of subtypes and receptor groups; log-likelihood of the subtype in nats; Ki-67 error in "
    "points; panel log-likelihood over the prior in nats."
)


@dataclass(frozen=True, slots=True)
class BenchmarkReport:
    """What a benchmark found.

    Attributes:
        studies: By protocol.
        summaries: By protocol, the main figures of every contestant.
        seeds: By protocol, how far training runs of the same contestant lie apart.
        pages: By protocol, the page of its study.
        curve: A table of figures by the number of training cases, where smaller numbers were asked for.
        overview: The page of all of them.
        seconds: Time of all runs together.
        without: By protocol, who was planned and has no answers to some of its cases.
        left: Folders of studies that an earlier plan has left, and that this one has no part in.
    """

    studies: Mapping[str, Study]
    summaries: Mapping[str, Table]
    seeds: Mapping[str, Table]
    pages: Mapping[str, Path]
    curve: tuple[Table, ...]
    overview: Path
    seconds: float
    without: Mapping[str, tuple[str, ...]]
    left: tuple[Path, ...]

    @property
    def apart(self) -> dict[str, Study]:
        """The studies that stand for themselves, and not for a point of the learning curve."""
        return {name: study for name, study in self.studies.items() if not name.startswith(LEARNED)}


def write_report(out: Path, *, progress: Progress = silent) -> BenchmarkReport:
    """Write every study of a benchmark from its stored runs; nothing is trained.

    Args:
        out: Folder of the benchmark. Each protocol gets a folder in it, as ``onephase evaluate`` writes one, with
            ``tables/summary.csv`` and ``tables/seeds.csv`` more; ``index.html`` leads to all of them,
            ``learning-curve/`` holds its table and figure where there is one, and ``timing.json`` says how long each
            run took.
        progress: Told after each protocol.

    Raises:
        StorageError: If no benchmark is there, or one of its runs is not finished.
    """
    plan, described = stored_plan(out)
    settings = _settings(out, described)
    runs = stored_runs(out, plan)
    seconds = {name: float(found.facts["seconds"]) for name, found in runs.items()}
    write_json(out / "timing.json", {"seconds": sum(seconds.values()), "runs": seconds})
    studies, summaries, tables, pages = {}, {}, {}, {}
    cohort_flow = stored_flow(out)
    progress("studies", 0, len(plan.words))
    for done, protocol in enumerate(plan.words, start=1):
        predictions, seeds = pooled(plan, protocol, runs=runs, facts=_facts(plan, protocol, settings, runs=runs))
        predictions = compared_in(seeds).stored(replace(predictions, cohort_flow=cohort_flow))
        folder = out / slug(protocol)
        write_predictions(folder, predictions)
        studies[protocol] = study_of(predictions, policy=settings.subtype_policy)
        pages[protocol] = write_study(folder, studies[protocol], predictions)
        tables[protocol] = seed_table(predictions, seeds, settings=settings)
        summaries[protocol] = summary_table(studies[protocol])
        for table in (summaries[protocol], tables[protocol]):
            write_text(folder / "tables" / f"{table.name}.csv", table.to_csv(simulated=_simulated(studies[protocol])))
        progress("studies", done, len(plan.words))
    shown = {protocol: (summaries[protocol], tables[protocol]) for protocol in studies}
    made = {"onephase": onephase.__version__, "runs": len(plan.runs), "hours of all runs": _hours(seconds)}
    curve = {size: studies[protocol] for size, protocol in plan.learning_curve().items()}
    without = {protocol: without_answers(plan, protocol, runs=runs) for protocol in plan.words}
    overview = overview_of(studies, shown, pages=pages, out=out, curve=curve, without=without, facts=made)
    learned = replace(overview, sections=overview.sections[-1:] if curve else ())
    write_texts({out / CURVE / name: text for name, text in learned.parts().items()})
    write_text(out / OVERVIEW_NAME, overview.to_html())
    shown_of_curve = tuple(table for section in learned.sections for table in section.tables)
    return BenchmarkReport(
        studies,
        summaries,
        tables,
        pages,
        shown_of_curve,
        out / OVERVIEW_NAME,
        sum(seconds.values()),
        without,
        _left(out, made={page.parent for page in pages.values()} | ({out / CURVE} if curve else set())),
    )


def _settings(out: Path, described: Mapping[str, object]) -> Settings:
    try:
        return Settings.model_validate(described)
    except ValidationError as fault:
        problem = fault.errors()[0]
        message = (
            f"the benchmark in {out} ran with settings that this version does not know "
            f"({'.'.join(map(str, problem['loc']))}: {problem['msg']}): make its pages with the version that ran it"
        )
        raise StorageError(message) from None


def _left(out: Path, *, made: Set[Path]) -> tuple[Path, ...]:
    """Return the folders of studies, and of a learning curve, that were not made now and look as if they were."""
    there = [*(page.parent for page in out.glob(f"*/{PAGE_NAME}")), *out.glob(CURVE)]
    return tuple(sorted(folder for folder in there if folder not in made))


def _simulated(study: Study) -> str:
    return simulated_words(study.simulated, study.whole.flow.cases)


def summary_table(study: Study) -> Table:
    """Return the figures by which contestants are told apart at a glance, all cohorts together."""
    figures = {name: headline_figures(scores) for name, scores in study.whole.scores.items()}
    rows = [(name, *(own[figure].text(digits=_digits(figure)) for figure in TITLES)) for name, own in figures.items()]
    return Table(
        "summary",
        f"Main figures with {study.level:.0%} intervals, {study.whole.flow.cases} cases.",
        (
            "Contestant",
            *(f"{title} ({_decided_by(figures.values(), figure)})" for figure, title in _titles(study.policy).items()),
        ),
        tuple(rows),
        f"{FIGURES_SAID} Beside each how many cases decide it, and how many of them are positive. The paired "
        "differences: evaluation.html.",
    )


def _titles(policy: SubtypePolicy) -> dict[str, str]:
    """Return the title of each figure; of a subtype with the policy, for the page beside may be made by another."""
    return {name: f"{title}, {policy}" if name.startswith("subtype_") else title for name, title in TITLES.items()}


def _decided_by(figures: Iterable[Mapping[str, Estimate]], figure: str) -> str:
    """Return how many cases decide a figure of the contestants, and how many events are among them."""
    estimates = [own[figure] for own in figures]
    most = max(estimates, key=lambda estimate: estimate.n)
    return f"n = {most.n}" if most.events is None else f"n = {most.n}, {most.events} positive"


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
        ("Contestant", "Seeds", *_titles(settings.subtype_policy).values()),
        tuple(rows),
        f"{FIGURES_SAID} Cases as in the summary. Seeds alone may be the cause of a difference smaller than the range.",
    )


def _figures(
    predictions: Predictions, posteriors: Mapping[str, PanelPosterior], settings: Settings
) -> dict[str, dict[str, float | None]]:
    """Return the values of the main figures, without intervals."""
    named = {**posteriors, PRIOR: predictions.posteriors[PRIOR]}
    cases = replace(predictions, posteriors=named).take(predictions.index_lesions())
    events = events_of(cases.records)
    answers = {name: answers_of(one, events, policy=settings.subtype_policy) for name, one in cases.posteriors.items()}
    prior = TrainingPrior(answers[PRIOR].log_probability, cases.ki67_constant)
    patients = [record.identity for record in cases.records]
    drawn = Resamples.draw(patients, np.random.default_rng(0), resamples=FEWEST_RESAMPLES)
    return {
        name: {
            figure: estimate.value
            for figure, estimate in headline_figures(score(events, answers[name], prior=prior, resamples=drawn)).items()
        }
        for name in posteriors
    }


def _range(values: list[float | None], figure: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    digits = _digits(figure)
    return f"{mean(known):.{digits}f} ({min(known):.{digits}f} to {max(known):.{digits}f})"


def _hours(seconds: Mapping[str, float]) -> float:
    return round(sum(seconds.values()) / SECONDS_PER_HOUR, 2)


def _digits(figure: str) -> int:
    return 1 if "percent" in figure else 3


def _facts(plan: Plan, protocol: str, settings: Settings, *, runs: Mapping[str, Predictions]) -> dict[str, object]:
    parts = {part.name for part in plan.tested_by(protocol)}
    own = [run for run in plan.runs if run.part in parts]
    seeds = sorted({run.seed for run in own if run.seed is not None})
    return {
        "onephase": versions_of(runs[run.folder] for run in own),  # that answered, which need not be this one
        "benchmark": protocol,
        "seeds": seeds,
        "divisions": sorted(parts),
        "settings": settings.model_dump(mode="json"),
    }
