"""The study as one self-contained HTML page, and all its files."""

import json
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

import onephase
from onephase.evaluation.checklist import EMPTY, checklist_of
from onephase.evaluation.long_table import figures_csv
from onephase.evaluation.methods import methods_of, methods_text
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.sections import sections_of
from onephase.evaluation.study import Study
from onephase.inference.prediction import RESEARCH_USE
from onephase.storage import write_json, write_text

PERCENT = 100


def write_study(folder: Path, study: Study, predictions: Predictions) -> Path:
    """Write the page, and every part of it as a file of its own, into ``folder``.

    ``evaluation.html`` and ``evaluation.json``, ``tables/*.csv``, ``figures/*.svg``, ``methods.txt`` and
    ``checklist.json``.

    Args:
        folder: Where the files shall stand.
        study: What was measured.
        predictions: What it was measured on, for the scatter of Ki-67.

    Returns:
        The path of the page.
    """
    write_json(folder / "evaluation.json", study.to_json())
    write_text(folder / "tables" / "figures.csv", figures_csv(study))
    write_text(folder / "methods.txt", methods_text(methods_of(study, predictions)))
    write_json(folder / "checklist.json", [item.to_json() for item in checklist_of(study, predictions)])
    for section in sections_of(study, predictions):
        for table in section.tables:
            write_text(folder / "tables" / f"{table.name}.csv", table.to_csv())
        for figure in section.figures:
            write_text(folder / "figures" / f"{figure.name}.svg", figure.to_svg())
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
        sections=sections_of(study, predictions),
        intervals=intervals,
        empty_field=EMPTY,
        facts=[
            (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
            for name, value in study.facts.items()
        ],
    )
