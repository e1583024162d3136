import re
from dataclasses import replace

from onephase.biomarkers.panel import Events
from onephase.evaluation.pages.checklist import EMPTY, Item, checklist_of, checklist_table
from onephase.evaluation.pages.sections import sections_of
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.study import Study, study_of
from onephase.settings import Settings

FOR_A_PERSON = {
    "eligibility, and why these patients",
    "recruitment, ethics, consent, funding",
    "intended use and clinical setting",
    "who read pathology, with what training; blinding",
    "why the protocol was chosen",
    "how lesions were outlined, and the experience of the readers",
    "clinically meaningful difference, and the reasoning behind the sample size",
    "limits",
    "what it would change in practice, and what stands in the way",
    "full protocol; funding and the funders' part",
    "why this one, and not another",
    "agreement between and within readers, and how they were brought to agree",
    "how identities were removed",
    "explanations, and whether they were checked",
    "registration, availability of data and code",
}


def _items(study: Study, predictions: Predictions) -> dict[str, Item]:
    return {item.asked: item for item in checklist_of(study, predictions)}


def test_what_only_a_person_knows_is_empty_whatever_is_stored(few: Predictions, few_study: Study) -> None:
    facts = {"settings": {"split": {"seed": 3}}, "onephase": "0.0.9", "bundle": "alder"}
    items = _items(replace(few_study, facts=facts), few)
    assert set(items) >= FOR_A_PERSON
    assert all(items[asked].answer == "" for asked in FOR_A_PERSON)
    assert items["software versions and hashes"].answer == "onephase 0.0.9, bundle alder with its seal."
    assert "seed 3" in items["partition rule, seed and leakage check"].answer


def test_what_is_not_stored_is_not_counted_as_met(few: Predictions, few_study: Study) -> None:
    items = _items(few_study, few)
    assert items["software versions and hashes"].answer == ""
    assert items["spread of acquisition parameters"].answer == ""
    assert "age, menopause" in items["demographics of each partition"].answer
    assert "geometry" in items["baselines on the same cases with paired tests"].answer
    bare = replace(few, records=tuple(replace(one, covariates={}) for one in few.records))
    alone = replace(few_study, groups=tuple(replace(group, versus=()) for group in few_study.groups))
    poorer = _items(alone, bare)
    assert poorer["demographics of each partition"].answer == ""
    assert poorer["baselines on the same cases with paired tests"].answer == ""
    scanned = replace(few, records=tuple(replace(one, covariates={"field_strength_t": "3"}) for one in few.records))
    assert "field_strength_t" in _items(few_study, scanned)["spread of acquisition parameters"].answer


def test_a_column_that_only_holds_the_letters_of_a_word_fills_nothing(few: Predictions, few_study: Study) -> None:
    def told(*columns: str) -> tuple[str, str]:
        covariates = dict.fromkeys(columns, "1")
        renamed = replace(few, records=tuple(replace(one, covariates=covariates) for one in few.records))
        items = _items(few_study, renamed)
        return items["demographics of each partition"].answer, items["spread of acquisition parameters"].answer

    assert told("stage", "contrast_agent", "percentage", "image", "tracer", "echogenicity") == ("", "")
    for name in ("Age", "age_years", "patient_age", "PatientAge", "age2", "menopausal_status", "race and ethnicity"):
        assert told(name)[0].startswith(f"Of the tested cases: {name};")
    for name in ("field_strength_t", "FieldStrength", "slice_mm", "echo_time_ms", "tr_ms", "scanner model"):
        assert told(name)[1].startswith(name)


def test_simulated_cases_are_told_though_the_checklist_leaves_its_page(few: Predictions, few_study: Study) -> None:
    asked = "flow with counts"
    assert "SIMULATED" not in _items(replace(few_study, simulated=0), few)[asked].answer
    assert "5 of them SIMULATED" in _items(replace(few_study, simulated=5), few)[asked].answer


def test_validation_cases_are_not_said_to_be_refused(few: Predictions, few_study: Study) -> None:
    asked = "partition rule, seed and leakage check"
    assert _items(few_study, few)[asked].answer.endswith("a learned case is refused.")
    validated = replace(few_study, facts={**few_study.facts, "split": "validation"})
    assert "refused" not in _items(validated, few)[asked].answer


def test_the_model_is_told_by_the_settings_that_are_stored(few: Predictions, few_study: Study) -> None:
    of_model = [item for item in checklist_of(few_study, few) if item.topic == "Model"]
    assert len(of_model) == 5
    assert not any(item.answer for item in of_model)
    settings = Settings.model_validate({"network": {"regions": ["core", "rim"]}, "learning": {"epochs": 7}})
    facts = {"settings": settings.model_dump(mode="json"), "seeds": [1, 2]}
    items = _items(replace(few_study, facts=facts), few)
    assert (
        "regions core, rim; one posterior over er, pr, her2, ki67" in items["architecture, inputs and outputs"].answer
    )
    assert "a linear panel of phenotype" in items["initial weights"].answer
    assert "at most 7 epochs" in items["training procedure and every hyperparameter"].answer
    assert items["how models are combined"].answer.startswith("Seeds 1, 2:")
    assert all(item.answer for item in items.values() if item.topic == "Model")


def test_the_table_marks_every_empty_field_and_counts_only_the_filled(few: Predictions, few_study: Study) -> None:
    items = checklist_of(few_study, few)
    table = checklist_table(items)
    filled = [item for item in items if item.answer]
    assert f"{len(filled)} of {len(items)} items are filled" in table.caption
    assert sum(row[2] == EMPTY for row in table.rows) == len(items) - len(filled) >= len(FOR_A_PERSON)
    assert "none of them counts as met" in table.note
    assert all(item.to_json()["answer"] is None for item in items if not item.answer)


def test_a_table_that_the_cohort_has_no_labels_for_is_not_named(few: Predictions) -> None:
    unknown = replace(few, records=tuple(replace(one, events=Events.unknown(1)) for one in few.records))
    bare = study_of(unknown, policy="ki67_20", resamples=40)
    items = _items(bare, unknown)
    assert "'ki67'" not in items["performance with intervals"].answer
    assert items["calibration and clinical utility"].answer == ""


def test_tables_that_an_answer_names_are_on_the_page(few: Predictions, few_study: Study) -> None:
    on_page = {table.name for section in sections_of(few_study, few) for table in section.tables}
    named = {name for item in checklist_of(few_study, few) for name in re.findall(r"'([a-z0-9-]+)'", item.answer)}
    assert {"cases", "characteristics", "calibration"} <= named <= on_page
