"""The study as one self-contained HTML page, and all its files."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import onephase
from onephase.evaluation.figures import forest, reliability_diagrams, scatter
from onephase.evaluation.findings import (
    NAMES,
    calibration_finding,
    ki67_findings,
    main_contestant,
    panel_finding,
    receptor_findings,
    versus_finding,
)
from onephase.evaluation.ki67_scores import has_percentage, ki67_reference
from onephase.evaluation.lesions import events_of
from onephase.evaluation.long_table import figures_csv
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.study import Study
from onephase.evaluation.table import Table
from onephase.evaluation.tables import tables_of
from onephase.inference.prediction import RESEARCH_USE
from onephase.storage import write_json, write_text

PERCENT = 100


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: figures as SVG, the sentences that go with them, tables."""

    title: str
    figures: tuple[Markup, ...]
    sentences: tuple[str, ...]
    tables: tuple[Table, ...]


def write_study(folder: Path, study: Study, predictions: Predictions) -> Path:
    """Write ``evaluation.json``, ``tables/*.csv`` and ``evaluation.html`` into ``folder``.

    Args:
        folder: Where the files shall stand.
        study: What was measured.
        predictions: What it was measured on, for the scatter of Ki-67.

    Returns:
        The path of the page.
    """
    write_json(folder / "evaluation.json", study.to_json())
    write_text(folder / "tables" / "figures.csv", figures_csv(study))
    for table in tables_of(study):
        write_text(folder / "tables" / f"{table.name}.csv", table.to_csv())
    write_text(folder / "evaluation.html", page_of(study, predictions))
    return folder / "evaluation.html"


def page_of(study: Study, predictions: Predictions) -> str:
    """Return the page as HTML, in the frame of every report; nothing in it is loaded from elsewhere."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("onephase.evaluation"), PackageLoader("onephase.reports")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    intervals = (
        f"{study.level * PERCENT:g} %; AUC by DeLong on the logit scale, shares by Wilson, all else percentiles of one "
        "set of bootstrap resamples over patients, shared by every row"
    )
    return environment.get_template("evaluation.html").render(
        version=onephase.__version__,
        research_use=RESEARCH_USE,
        study=study,
        sections=_sections(study, predictions),
        intervals=intervals,
        facts=[
            (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
            for name, value in study.facts.items()
        ],
    )


def _sections(study: Study, predictions: Predictions) -> tuple[Section, ...]:
    contestant = main_contestant(study.whole)
    table = {made.name: made for made in tables_of(study)}

    def tables(*names: str) -> tuple[Table, ...]:
        return tuple(table[name] for name in names if name in table)

    sections = (
        Section("Cases", (), (), tables("cases")),
        Section(
            "Receptors",
            (_receptor_forest(study, contestant),),
            tuple(sentence for group in study.groups for sentence in receptor_findings(group, contestant)),
            tables("receptors"),
        ),
        Section(
            "The panel as a whole",
            (_panel_forest(study, contestant),),
            (
                *(panel_finding(group, contestant) for group in study.groups),
                *(versus_finding(group, one) for group in study.groups for one in group.versus),
            ),
            tables("panel", "comparisons"),
        ),
        Section(
            "Ki-67",
            _ki67_scatter(predictions, contestant),
            tuple(sentence for group in study.groups for sentence in ki67_findings(group, contestant)),
            tables("ki67"),
        ),
        Section(
            "Subtypes",
            (),
            (),
            tuple(made for name, made in table.items() if name.startswith(("subtypes", "confusion"))),
        ),
        Section(
            "Calibration",
            _reliability(study, contestant),
            tuple(calibration_finding(group, contestant) for group in study.groups),
            tables("calibration"),
        ),
        Section("Subgroups", (), (), tables("subgroups")),
    )
    return tuple(section for section in sections if section.tables or section.sentences)


def _receptor_forest(study: Study, contestant: str) -> Markup:
    shown = [receptor for receptor in NAMES if study.whole.flow.positive[receptor]] or list(NAMES)
    panels = [
        (
            NAMES[receptor],
            [
                (f"{group.name}: {name}", scores.receptor(receptor).auc)
                for group in study.groups
                for name, scores in group.scores.items()
            ],
        )
        for receptor in shown
    ]
    return forest(panels, reference=0.5, axis="AUC", highlighted=f": {contestant}")


def _panel_forest(study: Study, contestant: str) -> Markup:
    rows = [
        (f"{group.name}: {name}", scores.panel.gain.difference)
        for group in study.groups
        for name, scores in group.scores.items()
    ]
    panels = [("Panel log-likelihood over the prior", rows)]
    return forest(panels, reference=0.0, axis="nats a case", highlighted=f": {contestant}")


def _reliability(study: Study, contestant: str) -> tuple[Markup, ...]:
    receptors = study.whole.scores[contestant].receptors
    panels = [(NAMES[one.receptor], one.bins) for one in receptors if one.bins]
    return (reliability_diagrams(panels),) if panels else ()


def _ki67_scatter(predictions: Predictions, contestant: str) -> tuple[Markup, ...]:
    cases = predictions.take(predictions.index_lesions())
    events = events_of(cases.records)
    rows = np.flatnonzero(has_percentage(events))
    if len(rows) == 0:
        return ()
    predicted = PERCENT * cases.posteriors[contestant].take(rows).ki67_median()
    return (scatter(predicted, PERCENT * ki67_reference(events)[rows], axis="Ki-67 (%)"),)
