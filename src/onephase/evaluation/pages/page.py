"""The study as one self-contained HTML page, and all its files."""

from pathlib import Path

from onephase.evaluation.pages.checklist import checklist_of
from onephase.evaluation.pages.document import Document
from onephase.evaluation.pages.long_table import figures_csv
from onephase.evaluation.pages.methods import methods_of, methods_text
from onephase.evaluation.pages.model_card import CARD_NAME, model_card
from onephase.evaluation.pages.sections import sections_of
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.study import Study
from onephase.storage import json_text

PERCENT = 100
PAGE_NAME = "evaluation.html"
LABELS = (
    "The reference labels come from pathology, mostly of biopsies, with its own sampling and reading errors. Figures "
    "without their interval and number of cases say nothing: quote all three."
)

NEVER_OF_PATIENTS = "These figures say how the program works, never how it would do on patients."


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
    document = document_of(study, predictions)
    beside = {
        "evaluation.json": json_text(study.to_json()),
        "methods.txt": methods_text(methods_of(study, predictions)),
        CARD_NAME: model_card(study, predictions, simulated=document.simulated),
        "checklist.json": json_text([item.to_json() for item in checklist_of(study, predictions)]),
        "tables/figures.csv": figures_csv(study, simulated=document.simulated),
    }
    return document.write(folder / PAGE_NAME, beside=beside)


def document_of(study: Study, predictions: Predictions) -> Document:
    """Return the page of a study."""
    patients, cohorts = study.whole.flow.cases, len(study.groups) - 1
    intervals = (
        f"{study.level * PERCENT:g} %; AUC by DeLong on the logit scale with Student's t, shares by Wilson, all else "
        "percentiles of one set of bootstrap resamples over patients, shared by every row and expanded for few patients"
    )
    return Document(
        kicker="onephase evaluation",
        title=f"{patients} patients" + (f" of {cohorts} cohorts" if cohorts else ""),
        simulated=simulated_words(study.simulated, patients),
        leads=(study.protocol, LABELS),
        sections=sections_of(study, predictions),
        facts={"Intervals": intervals, **study.facts},
    )


def simulated_words(simulated: int, cases: int) -> str:
    """Return what a page must say first where cases are simulated; empty where none is."""
    if not simulated:
        return ""
    return f"{simulated} of {cases} scored cases are simulated. {NEVER_OF_PATIENTS}"
