"""What reporting guidelines ask for: filled where the program knows it, an empty field where a person must write.

The items are what TRIPOD+AI (27 items, doi 10.1136/bmj-2023-078378), METRICS (30 items, doi
10.1186/s13244-023-01572-w) and CLAIM (the 2020 list, and the 44 items of its 2024 update, doi 10.1148/ryai.240300, as
others have summed them up) ask for, in our words and without their numbers: whoever submits a paper fills in the
journal's own form. An item that is empty is never counted as met.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from onephase.evaluation.pages.document import EMPTY
from onephase.evaluation.pages.table import Table
from onephase.evaluation.pages.tables import tables_of
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.scoring.conformal_scores import LEVEL
from onephase.evaluation.study import Study

PERCENT = 100
ACQUISITION_WORDS = (
    "field",
    "tesla",
    "manufacturer",
    "scanner",
    "model",
    "sequence",
    "slice",
    "spacing",
    "echo",
    "tr_ms",
)
DEMOGRAPHIC_WORDS = ("age", "menopaus", "ethnic", "race", "sex")
WHOLE_WORDS = ("age", "race", "sex", "echo")
"""Words that others begin with: an agent is no age, and echogenicity no setting of a scanner."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a report must say.

    Attributes:
        topic: Part of a paper that it belongs to.
        asked: What is asked for.
        answer: What the program knows; empty where a person must write.
    """

    topic: str
    asked: str
    answer: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file; an empty field is null."""
        return {"topic": self.topic, "asked": self.asked, "answer": self.answer or None}


def checklist_of(study: Study, predictions: Predictions) -> tuple[Item, ...]:
    """Return the items in the order of a paper."""
    return (
        *_of_cases(study, predictions),
        *_of_images(study, predictions),
        *_of_model(study),
        *_of_analysis(study),
        Item("Discussion", "clinically meaningful difference, and the reasoning behind the sample size"),
        Item("Discussion", "limits"),
        Item("Discussion", "what it would change in practice, and what stands in the way"),
        Item("Open science", "registration, availability of data and code"),
        Item("Open science", "full protocol; funding and the funders' part"),
    )


def checklist_table(items: tuple[Item, ...]) -> Table:
    """Return the items as a table that says how many are filled."""
    filled = sum(bool(item.answer) for item in items)
    return Table(
        "checklist",
        f"What TRIPOD+AI, CLAIM and METRICS ask for: {filled} of {len(items)} items are filled by the program.",
        ("Part", "Asked for", "Answer"),
        tuple((item.topic, item.asked, item.answer or EMPTY) for item in items),
        f"{len(items) - filled} items need a person: they are open, and none of them counts as met. Filled means that "
        "the answer is there, not that a reviewer will be content with it. In our words, without the guidelines' "
        "numbers.",
        prose=True,
    )


def _of_cases(study: Study, predictions: Predictions) -> Iterator[Item]:
    flow = study.whole.flow
    known = _columns(predictions, DEMOGRAPHIC_WORDS)
    conventions = sorted({record.label_convention for record in predictions.records} - {""})
    conventions_said = f"Label conventions: {', '.join(conventions)}; " if conventions else ""
    split = study.facts.get("settings", {}).get("split", {})
    seed = f"; seed {split['seed']}" if "seed" in split else ""
    yield Item("Cases", "eligibility, and why these patients")
    yield Item("Cases", "recruitment, ethics, consent, funding")
    yield Item("Cases", "intended use and clinical setting")
    simulated = f", {study.simulated} of them SIMULATED" if study.simulated else ""
    counted = f"{flow.lesions} lesions, {flow.cases} scored patients{simulated}; table 'cases'."
    yield Item("Cases", "flow with counts", counted)
    yield Item("Cases", "exclusions with counts and reasons", _exclusions(study))
    yield Item(
        "Cases",
        "demographics of each partition",
        f"Of the tested cases: {', '.join(known)}; table 'characteristics'. Of the other partitions: not stored."
        if known
        else "",
    )
    yield Item(
        "Cases",
        "partition rule, seed and leakage check",
        f"{study.protocol.removesuffix('.')}{seed}{_refusal(study)}.",
    )
    yield Item(
        "Reference standard",
        "as recorded, with cut-offs",
        f"{conventions_said}subtype policy {study.policy}; its cut-offs and their sources: docs/evidence.md.",
    )
    yield Item("Reference standard", "why this one, and not another")
    yield Item("Reference standard", "who read pathology, with what training; blinding")
    yield Item("Reference standard", "agreement between and within readers, and how they were brought to agree")
    yield Item(
        "Reference standard",
        "labels that are missing or known in part",
        "None is made up: what pathology left open stays open in the likelihood, and a case is scored for what is "
        "known of it; every table gives the cases that decide it.",
    )
    yield Item("Reference standard", "time from imaging to biopsy")


def _of_images(study: Study, predictions: Predictions) -> Iterator[Item]:
    sites = sorted({record.place for record in predictions.records})
    known = _columns(predictions, ACQUISITION_WORDS)
    stored = "settings" in study.facts
    made_by = f"onephase {study.facts['onephase']}" if "onephase" in study.facts else ""
    hashes = f", bundle {study.facts['bundle']} with its seal" if "bundle" in study.facts else ""
    yield Item("Images", "sites", f"{len(sites)}: {', '.join(f'{cohort} / {site}' for cohort, site in sites)}.")
    yield Item(
        "Images",
        "spread of acquisition parameters",
        f"{', '.join(known)}: table 'characteristics'." if known else "",
    )
    yield Item("Images", "why the protocol was chosen")
    yield Item("Images", "how identities were removed")
    yield Item("Images", "how lesions were outlined, and the experience of the readers")
    yield Item("Images", "preprocessing and settings", "All settings under 'How this was made'." if stored else "")
    yield Item("Images", "software versions and hashes", f"{made_by}{hashes}." if made_by else "")


def _of_model(study: Study) -> Iterator[Item]:
    settings, seeds = study.facts.get("settings", {}), study.facts.get("seeds", ())
    told = _told_by_settings(settings["network"], settings["learning"]) if "network" in settings else {}
    if len(seeds) > 1:
        told["how models are combined"] = f"Seeds {_listed(seeds)}: the parameters of their posteriors are averaged."
    for asked in (
        "architecture, inputs and outputs",
        "initial weights",
        "training procedure and every hyperparameter",
        "how the final model was chosen",
        "how models are combined",
    ):
        yield Item("Model", asked, told.get(asked, ""))


def _told_by_settings(network: Mapping[str, Any], learning: Mapping[str, Any]) -> dict[str, str]:
    start = (
        "the prior of the training cases" if network["start"] == "prior" else f"a linear panel of {network['start']}"
    )
    return {
        "architecture, inputs and outputs": (
            "One post-contrast patch and the signed distance to the outline; an encoder of widths "
            f"{_listed(network['widths'])}; regions {_listed(network['regions'])}; one posterior over "
            f"{_listed(network['tasks'])}."
        ),
        "initial weights": f"Training starts from {start}; all other weights are drawn by the seed.",
        "training procedure and every hyperparameter": (
            f"AdamW, at most {learning['epochs']} epochs of batches of {learning['batch_size']}; all settings under "
            "'How this was made'."
        ),
        "how the final model was chosen": (
            "By validation cases alone: the epoch that gains most over the start, where that is more than one standard "
            "error; calibration the same."
        ),
    }


def _of_analysis(study: Study) -> Iterator[Item]:
    rivals = [one.second for one in study.whole.versus]
    promised = f"; conformal coverage promised {LEVEL:g}" if study.conformal else ""
    calibrated = _on_page(study, "calibration", "decision-curve", "abstention")
    columns = sorted({row.column for row in next(iter(study.whole.scores.values())).subgroups})
    yield Item(
        "Analysis",
        "performance with intervals",
        f"{study.level * PERCENT:g} % intervals beside every figure, with cases and events: "
        f"tables {_on_page(study, 'receptors', 'ki67', 'panel', 'subtypes')}.",
    )
    yield Item(
        "Analysis",
        "calibration and clinical utility",
        f"Reliability, ECE, Brier, net benefit, abstention{promised}: tables {calibrated}." if calibrated else "",
    )
    yield Item(
        "Analysis",
        "baselines on the same cases with paired tests",
        f"{', '.join(rivals)}: table 'comparisons', adjusted by Holm's procedure." if rivals else "",
    )
    yield Item("Analysis", "subgroups", f"By {', '.join(columns)}: table 'subgroups'." if columns else "")
    yield Item("Analysis", "robustness to outline, noise, scanner")
    yield Item("Analysis", "explanations, and whether they were checked")
    yield Item("Analysis", "failed and worst cases, looked at one by one")


def _on_page(study: Study, *names: str) -> str:
    """Return those tables that the study has, for a cohort may lack a marker altogether."""
    made = {table.name for table in tables_of(study)}
    return ", ".join(f"'{name}'" for name in names if name in made)


def _refusal(study: Study) -> str:
    """Return that no learned case is tested, but where the validation cases themselves were asked for."""
    return "" if study.facts.get("split") == "validation" else "; a learned case is refused"


def _exclusions(study: Study) -> str:
    """Return how many cases were left out, or nothing where the predictions do not hold it."""
    cohorts = study.cohort_flow
    if not cohorts:
        return ""
    left_out, failed = sum(sum(one.left_out.values()) for one in cohorts), sum(one.failed for one in cohorts)
    said = "table 'left-out' has the reasons" if left_out else "no reason was needed"
    return f"{left_out} left out, {said}; {failed} not readable; table 'flow'. Exclusions before the table: not known."


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


def _columns(predictions: Predictions, words: tuple[str, ...]) -> list[str]:
    """Return the covariates whose name speaks of any of the words: ``patient_age`` is an age, ``stage`` is none."""
    names = {name for record in predictions.records for name in record.covariates if record.covariate(name)}
    return sorted(name for name in names if any(_speaks_of(word, name) for word in words))


def _speaks_of(word: str, name: str) -> bool:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    ends = r"(?![a-z])" if word in WHOLE_WORDS else ""
    return re.search(rf"(?<![a-z]){word}{ends}", parted) is not None
