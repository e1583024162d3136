from dataclasses import replace

from onephase.evaluation.pages.model_card import model_card
from onephase.evaluation.pages.page import simulated_words, write_study
from onephase.evaluation.pages.tables import tables_of
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.study import Study


def test_the_card_says_what_the_tables_say_of_the_model_and_of_nobody_else(few: Predictions, few_study: Study) -> None:
    scores = few_study.whole.scores
    more = {**scores, "onephase, 3 seeds": scores["onephase"], "attention off": scores["geometry"]}
    study = replace(few_study, groups=(*few_study.groups[:-1], replace(few_study.whole, scores=more)))
    card = model_card(study, few, simulated="")
    receptors = next(table for table in tables_of(study) if table.name == "receptors")
    for row in receptors.rows:
        shown = row[receptors.columns.index("Contestant")] != "attention off"
        assert ("| " + " | ".join(row) + " |" in card) == shown, row
    for heading in ("What it does", "Separation from training", "How well it did", "What it is not for"):
        assert f"## {heading}\n" in card
    assert "SIMULATED" not in card.upper()


def test_simulated_cases_are_called_so_before_any_figure(few: Predictions, few_study: Study) -> None:
    card = model_card(few_study, few, simulated=simulated_words(28, 28))
    assert card.index("28 of 28 scored cases are simulated") < card.index("| --- |")


def test_a_site_cannot_break_out_of_its_cell(few: Predictions, few_study: Study) -> None:
    first, *others = few_study.whole.scores["onephase"].subgroups
    named = replace(first, value="a | <script> \n| b")
    scores = replace(few_study.whole.scores["onephase"], subgroups=(named, *others))
    whole = replace(few_study.whole, scores={**few_study.whole.scores, "onephase": scores})
    card = model_card(replace(few_study, groups=(*few_study.groups[:-1], whole)), few, simulated="")
    assert "| a \\| &lt;script>  \\| b |" in card
    assert "<script>" not in card


def test_it_stands_beside_the_page(few: Predictions, few_study: Study, tmp_path) -> None:
    write_study(tmp_path, few_study, few)
    card = (tmp_path / "model-card.md").read_text()
    assert card.startswith("# Model card: onephase\n\nResearch use only.")
    assert not [record.case_id for record in few.records if record.case_id in card.split()]
