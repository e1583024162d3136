"""The model card of a tested network: what it is, on whom it was tested, how well it did, and what it is not for.

A bundle has a card of its own (:mod:`onephase.inference.model_card`), which knows no case but those that were learned
from and validated on. This one is written beside the page of a study, from the same stored answers.
"""

from onephase.evaluation.pages.findings import main_contestant
from onephase.evaluation.pages.methods import methods_of
from onephase.evaluation.pages.table import Table
from onephase.evaluation.pages.tables import tables_of
from onephase.evaluation.predictions import ENSEMBLE, PRIOR, Predictions
from onephase.evaluation.study import Study

CARD_NAME = "model-card.md"
TOLD = ("Separation from training", "Images", "Network and training", "Images and network", "Software")
"""Paragraphs of the methods that say what the model is."""

SHOWN = ("cases", "receptors", "panel", "ki67", "subtypes", "calibration", "conformal", "subgroups")
BESIDE = ("geometry", PRIOR)
"""Contestants beside the model: what size alone says, and what is said without looking."""


def model_card(study: Study, predictions: Predictions, *, simulated: str) -> str:
    """Return the card as markdown.

    Args:
        study: What was measured.
        predictions: What it was measured on.
        simulated: What the page says first where cases are simulated; empty where none is.
    """
    model = main_contestant(study.whole)
    paragraphs = [one for one in methods_of(study, predictions) if one.heading in TOLD]
    parts = [
        f"# Model card: {model}",
        " ".join(part for part in ("Research use only.", simulated and f"**{simulated}**") if part),
        "## What it does\nIt reads one post-contrast breast MRI volume and the outline of one tumour, and gives one "
        "joint probability distribution over ER, PR, HER2 and Ki-67. It does not find tumours. The reference labels "
        "come from tissue, mostly biopsies, and carry their sampling error.",
        *(f"## {one.heading}\n{one.text}" for one in paragraphs),
        f"## How well it did\n{study.protocol} Beside it stand, where they take part, what size alone says (geometry) "
        "and the panel of the training cases without any image (prior).",
        *(_markdown(table, model) for table in tables_of(study) if table.name in SHOWN),
        "## What it is not for\nDiagnosis, treatment decisions, replacing biopsy, finding tumours, or any population, "
        "scanner or contrast phase unlike those above. Who would be harmed by an error, and how often, is for a person "
        "to write: nothing here measures it.",
    ]
    return "\n\n".join(parts) + "\n"


def _markdown(table: Table, model: str) -> str:
    rows = table.rows
    if "Contestant" in table.columns:
        place = table.columns.index("Contestant")
        rows = tuple(row for row in rows if _is_shown(row[place], model))
    lines = [table.columns, ("---",) * len(table.columns), *rows]
    body = "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)
    return "\n\n".join(part for part in (table.caption, body, table.note) if part)


def _is_shown(contestant: str, model: str) -> bool:
    ensemble = ENSEMBLE.fullmatch(contestant) is not None and contestant.startswith(f"{model}, ")
    return ensemble or contestant in (model, *BESIDE)


def _cell(text: str) -> str:
    """Return a cell that stays one, whatever a site is called."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
