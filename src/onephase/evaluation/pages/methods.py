"""The methods section of a paper, as far as the program knows it: written from stored facts, never from memory.

What no stored fact tells is not here: :mod:`onephase.evaluation.pages.checklist` lists it as an empty field.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy
from pydantic import ValidationError

import onephase
from onephase.baselines.ibsi import BINS
from onephase.evaluation.pages.document import Paragraph
from onephase.evaluation.predictions import ENSEMBLE, NETWORK, ORACLE, PRIOR, Predictions
from onephase.evaluation.scoring.conformal_scores import LEVEL
from onephase.evaluation.study import Study
from onephase.inference.model_card import STARTS
from onephase.reports.style import POLICY_NAMES
from onephase.settings import Settings

PERCENT = 100

OF_ALL_LEARNED_CASES: Mapping[str, str] = {
    "radiomics, ridge": "a linear panel on radiomics features (radiomics, ridge)",
    "radiomics, boosting": "gradient boosting on the same features (radiomics, boosting)",
    "radiomics, ridge, harmonised": "the linear panel on them harmonised by ComBat (radiomics, ridge, harmonised)",
    "radiomics, boosting, harmonised": "gradient boosting on the same (radiomics, boosting, harmonised)",
    "phenotype, ridge": "a linear panel on what the phenotype stage reads (phenotype, ridge)",
    "descriptors, ridge": "a linear panel on descriptors of the regions (descriptors, ridge)",
    "descriptors, boosting": "gradient boosting on the same descriptors (descriptors, boosting)",
    "covariates": "a linear panel on columns of the cohort table, which sees no image (covariates)",
    "geometry": "a linear panel on the size of the outline alone (geometry)",
    "cohort alone": "a linear panel on cohort and site alone, which sees no image (cohort alone)",
}
"""Contestants that learn from training and validation cases together, for they choose nothing on validation."""

CONTESTANT_WORDS: Mapping[str, str] = {
    NETWORK: "the network (onephase)",
    "single tasks": "four networks with one task each, together one contestant (single tasks)",
    PRIOR: "the panel of the training cases, the same for every case (prior)",
    ORACLE: "the simulator's own posterior given the true phenotype, a ceiling and no rival (oracle)",
    "couplings off": "the network with biomarkers independent of each other given the image (couplings off)",
    "attention off": "the network that averages evenly over a region (attention off)",
    "one scale": "the network with its coarsest scale alone (one scale)",
    "core only": "the network that sees the core alone (core only)",
    "core and rim": "the network without the peritumoral shell (core and rim)",
    "whole crop": "the network that knows no regions (whole crop)",
    "phenotype off": "the network begun from a linear panel on descriptors (phenotype off)",
    "phenotype and descriptors off": "the network begun from the prior alone (phenotype and descriptors off)",
    **OF_ALL_LEARNED_CASES,
}


def methods_of(study: Study, predictions: Predictions) -> tuple[Paragraph, ...]:
    """Return the paragraphs of the methods that the stored facts support, in the order of a paper."""
    settings = _settings_of(study.facts)
    paragraphs = [
        Paragraph("Cases and reference standard", _cases(study, predictions)),
        Paragraph("Separation from training", _separation(study, settings)),
    ]
    if settings is None:
        unknown = (
            "The settings of the training are not stored with these predictions in a form that this version reads."
        )
        paragraphs.append(Paragraph("Images and network", unknown))
    else:
        paragraphs += [
            Paragraph("Images", _images(settings)),
            Paragraph("Network and training", _network(study, settings)),
        ]
    return (
        *paragraphs,
        Paragraph("Contestants", _contestants(study)),
        Paragraph("Statistics", _statistics(study)),
        Paragraph("Software", _software(study)),
    )


def methods_text(paragraphs: tuple[Paragraph, ...]) -> str:
    """Return the paragraphs as plain text for a manuscript."""
    return "\n\n".join(f"{paragraph.heading}. {paragraph.text}" for paragraph in paragraphs) + "\n"


def _cases(study: Study, predictions: Predictions) -> str:
    flow = study.whole.flow
    cohorts = Counter(record.cohort for record in predictions.records)
    named = ", ".join(f"{name} ({_counted(count, 'lesion')})" for name, count in sorted(cohorts.items()))
    conventions = sorted({record.label_convention or "not recorded" for record in predictions.records})
    decided = "; ".join(
        f"{receptor.upper()} {flow.positive[receptor]} positive and {flow.negative[receptor]} negative"
        for receptor in flow.positive
    )
    simulated = (
        f"{study.simulated} of the scored cases are SIMULATED and stand for no patient. " if study.simulated else ""
    )
    return (
        f"{_counted(flow.lesions, 'lesion')} of {_counted(flow.cases, 'patient')} were answered: {named}. {simulated}"
        "The largest lesion with a label of each patient was scored. The reference standard is what pathology had "
        f"recorded, under these label conventions: {', '.join(conventions)}. Cases counted only where the record "
        f"decides: {decided}; {flow.ki67} with a Ki-67 percentage. A percentage counts as the middle of the interval "
        f"that it was written with. Subtypes follow the policy {study.policy}: {POLICY_NAMES[study.policy]}; a case "
        "whose true subtype cannot be told from its record was left out and counted."
    )


def _separation(study: Study, settings: Settings | None) -> str:
    sentences = [study.protocol]
    if settings is not None and "folds" in study.facts:
        sentences.append(f"Folds were drawn by patient with seed {settings.split.seed}.")
    elif "split" in study.facts:
        sentences.append(
            "Where the table named no split, patients were drawn at random, HR, HER2 and high Ki-67 shared out evenly."
        )
    sentences.append(
        "Lesions of one patient never part; as a test or external case, none is accepted that the model had learned "
        "from, as far as the names of patients tell. Epoch and recalibration were chosen on validation cases alone."
    )
    return " ".join(sentences)


def _images(settings: Settings) -> str:
    imaging, regions = settings.imaging, settings.regions
    how = "resampled in three dimensions" if imaging.sampling == "volume" else "resampled in plane, slices kept apart"
    return (
        f"Of the single post-contrast volume, a patch of {' x '.join(map(str, imaging.patch_voxels))} voxels (slice, "
        f"row, column) of {imaging.spacing_mm:g} mm around the outlined lesion was {how}. Regions follow the signed "
        f"distance to the lesion's surface: core deeper than {regions.core_depth_mm:g} mm, rim from there to "
        f"{regions.rim_reach_mm:g} mm outside, peritumoral shell to {regions.shell_reach_mm:g} mm."
    )


def _network(study: Study, settings: Settings) -> str:
    network, learning = settings.network, settings.learning
    seeds = study.facts.get("seeds", [learning.seed])
    seeded = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    return (
        f"A convolutional encoder of {len(network.stages)} stages (widths {', '.join(map(str, network.stages))}), seen "
        f"at scales {', '.join(map(str, network.scales))}, spatial attention {_switched(network.attention)}, over the "
        f"regions {', '.join(network.regions)}, begun from {STARTS[network.start]}, answers with one joint "
        f"distribution over {', '.join(network.tasks)} (couplings {_switched(network.couplings)}). The loss is minus "
        "the log probability of what pathology recorded, so that a missing label costs nothing. At most "
        f"{_counted(learning.epochs, 'epoch')}, stopped after {learning.patience} without a better validation "
        f"log-likelihood; batches of {learning.batch_size}, learning rate {learning.learning_rate:g}, weight decay "
        f"{learning.weight_decay:g}, dropout {network.dropout:g}, {seeded}. {_recalibration(study)}"
    )


def _recalibration(study: Study) -> str:
    recalibrated = study.facts.get("recalibrated")
    ended = "" if recalibrated is None else f"; here they did{'' if recalibrated else ' not'}"
    return (
        "Scale and offset of the potentials and of the Ki-67 location are recalibrated only where validation cases "
        f"gain by it more than one standard error, in folds of their own{ended}."
    )


def _contestants(study: Study) -> str:
    rows = list(study.whole.scores)
    ensembles = [found for row in rows if (found := ENSEMBLE.fullmatch(row))]
    named = [CONTESTANT_WORDS.get(name, name) for name in rows if not ENSEMBLE.fullmatch(name)]
    sentences = [
        f"On the same cases answered: {'; '.join(named)}.",
        "Every contestant answers with the same kind of joint distribution, so that none wins by its form.",
    ]
    if ensembles:
        sentences.append(f"The answers of {ensembles[0][1]} seeds of a network, averaged, are a row of their own.")
    if not OF_ALL_LEARNED_CASES.keys().isdisjoint(rows):
        sentences.append(
            "Linear panels, and boosting where it takes part, learned from training and validation cases together; the "
            "penalties of the panels were chosen by folds of these, trees grew by fixed settings."
        )
    radiomics = [row for row in rows if row.startswith("radiomics")]
    if radiomics:
        sentences.append(
            "Radiomics features are those of the IBSI by MIRP, of the lesion and of the peritumoral shell, discretised "
            f"into {BINS} bins between the extremes of a region; which of them a model looks at was chosen within its "
            "training cases, and anew within each fold of them."
        )
    if any(row.endswith("harmonised") for row in radiomics):
        sentences.append("ComBat was fitted to training cases alone, by site.")
    return " ".join(sentences)


def _statistics(study: Study) -> str:
    resamples, seed = study.facts["bootstrap_resamples"], study.facts["bootstrap_seed"]
    conformal = (
        f" Conformal answers at {LEVEL:g} were calibrated on validation cases; their coverage was counted on the "
        "tested ones, in all, by true class and by site."
        if study.conformal
        else ""
    )
    return (
        f"Intervals aim at {study.level * PERCENT:g} %: AUC by DeLong on the logit scale, shares by Wilson, all else "
        f"as percentiles of one set of {resamples} bootstrap resamples over patients (seed {seed}), expanded for few "
        "patients (Hesterberg 2014). AUCs were compared by DeLong's paired test; macro AUC, Ki-67 error and the "
        "log-likelihoods of subtype and panel by the paired bootstrap. Intervals of AUCs, and all p values, are by "
        "Student's t, those of AUCs with Satterthwaite's degrees of freedom (Brunner and Munzel 2000). Within each "
        "cohort all "
        "comparisons, of every rival and figure, are one family, adjusted by Holm's procedure. Calibration: "
        "reliability diagram, expected calibration error in bins of equal size, Brier score, and net benefit over the "
        f"thresholds. Abstention: error against the share of surest cases that is answered, by the posterior's own "
        f"confidence.{conformal}"
    )


def _software(study: Study) -> str:
    made = f"by onephase {study.facts['onephase']}" if "onephase" in study.facts else "by a version that was not stored"
    bundle = f", bundle {study.facts['bundle']}" if "bundle" in study.facts else ""
    return (
        f"Answers {made}{bundle}; figures by onephase {onephase.__version__} with NumPy {np.__version__} and "
        f"SciPy {scipy.__version__}, from stored predictions."
    )


def _settings_of(facts: Mapping[str, Any]) -> Settings | None:
    """Return the settings that the predictions were stored with; None where there are none that this version reads."""
    try:
        return Settings.model_validate(facts["settings"])
    except (KeyError, ValidationError):
        return None


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _switched(on: bool) -> str:
    return "on" if on else "off"
