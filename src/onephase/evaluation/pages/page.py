"""The study as one self-contained HTML page, and all its files."""

import json
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

import onephase
from onephase.evaluation.pages.checklist import EMPTY, checklist_of
from onephase.evaluation.pages.long_table import figures_csv
from onephase.evaluation.pages.methods import methods_of, methods_text
from onephase.evaluation.pages.sections import sections_of
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.study import Study
from onephase.inference.prediction import RESEARCH_USE
from onephase.storage import json_text, write_texts

PERCENT = 100
PAGE_NAME = "evaluation.html"


def write_study(folder: Path, study: Study, predictions: Predictions) -> Path:
    """Write the page and every part of it as a file of its own into ``folder``, all of them or none.

    Args:
        folder: Where the files shall stand.
        study: What was measured.
        predictions: What it was measured on.

    Returns:
        The path of the page.

    Raises:
        StorageError: If a file cannot be written.
    """
    write_texts({folder / name: text for name, text in files_of(study, predictions).items()})
    return folder / PAGE_NAME


def files_of(study: Study, predictions: Predictions) -> dict[str, str]:
    """Return every file of a study by its name in the folder: page, figures, tables, methods, checklist."""
    sections = sections_of(study, predictions)
    figures = [figure for section in sections for figure in section.figures]
    tables = [table for section in sections for table in section.tables]
    return {
        "evaluation.json": json_text(study.to_json()),
        "methods.txt": methods_text(methods_of(study, predictions)),
        "checklist.json": json_text([item.to_json() for item in checklist_of(study, predictions)]),
        "tables/figures.csv": figures_csv(study),
        **{f"tables/{table.name}.csv": table.to_csv() for table in tables},
        **{f"figures/{figure.name}.svg": figure.to_svg() for figure in figures},
        PAGE_NAME: page_of(study, predictions),
    }


def page_of(study: Study, predictions: Predictions) -> str:
    """Return the page as HTML, in the frame of every report; nothing in it is loaded from elsewhere."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("onephase.evaluation.pages"), PackageLoader("onephase.reports")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    intervals = (
        f"{study.level * PERCENT:g} %; AUC by DeLong on the logit scale, shares by Wilson, all else percentiles of one "
        "set of bootstrap resamples over patients, shared by every row"
    )
    return environment.get_template(PAGE_NAME).render(
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
