import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from onephase.biomarkers.panel import CELLS, Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.cli.power import power
from onephase.cohort.records import Record
from onephase.errors import CohortError, StorageError
from onephase.evaluation.predictions import Predictions, write_predictions
from onephase.statistics.power import auc_difference_power


def _posterior(unary: np.ndarray) -> PanelPosterior:
    cases, none = len(unary), np.zeros(3)
    return PanelPosterior.from_potentials(Potentials(unary, np.full(cases, -1.2), np.ones(cases), none, none))


def _pilot(*, provenance: str, cases: int = 60) -> Predictions:
    """A network that sees HER2 with noise, and a prior that sees nothing."""
    rng = np.random.default_rng(1)
    cell = rng.integers(8, size=cases)
    records = tuple(
        Record(
            case_id=f"case {row}",
            patient_id=f"patient {row}",
            image=Path(f"{row}.nii.gz"),
            events=Events((np.arange(8) == own)[None], np.array([[0.0, 1.0]]), np.array([-1], dtype=np.int8)),
            provenance=provenance,
        )
        for row, own in enumerate(cell)
    )
    seen = 2.0 * CELLS[cell] - 1 + rng.normal(0, 2, size=(cases, 3))
    return Predictions(
        protocol="invented",
        records=records,
        fold=np.zeros(cases, dtype=np.int64),
        volume_ml=np.ones(cases),
        ki67_constant=np.full(cases, np.nan),
        posteriors={"onephase": _posterior(seen), "prior": _posterior(np.zeros((cases, 3)))},
        facts={},
    )


def _power(*words: object) -> Result:
    app = typer.Typer()
    app.command()(power)
    return CliRunner().invoke(app, [*map(str, words)])


def _answer(*words: object) -> dict:
    done = _power(*words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_the_answer_is_that_of_the_closed_form() -> None:
    answer = _answer("--auc", 0.75, "--rival", 0.7, "--correlation", 0.6, "--positive", 0.3)
    plan = auc_difference_power(0.75, rival=0.7, correlation=0.6, positive_share=0.3)
    assert plan(answer["cases_needed"]) >= 0.8 > plan(answer["cases_needed"] - 1)
    assert answer["assumed"] == {"auc": 0.75, "rival": 0.7, "correlation": 0.6, "positive_share": 0.3}
    for point in answer["points"]:
        assert point["power"] == pytest.approx(plan(point["cases"]))
    more = _answer("--auc", 0.75, "--rival", 0.7, "--correlation", 0.6, "--positive", 0.3, "--power", 0.9)
    assert more["cases_needed"] > answer["cases_needed"]


def test_a_person_reads_a_sentence_and_what_was_assumed() -> None:
    said = _power("--mae-gain", 1.5, "--sd", 9, "-n", 100).output
    assert "285 cases that decide the figure are enough for a power of 0.8" in said
    assert "Assumed: mae_gain 1.5, sd 9." in said
    assert "100" in said
    none = _power("--auc", 0.7, "--rival", 0.7).output
    assert "No number up to ten million is enough" in none


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "choose one of --auc, --mae-gain and --pilot"),
        (["--auc", 0.7, "--mae-gain", 1], "choose one of --auc, --mae-gain and --pilot"),
        (["--auc", 1.2], "auc must lie between 0 and 1, got 1.2"),
        (["--mae-gain", 1], "--mae-gain needs --sd"),
        (["--pilot", "nowhere", "--figure", "grade"], "--figure must be one of er, pr, her2, hr, ki67, subtype, panel"),
    ],
)
def test_what_cannot_be_asked_is_said(words: list[object], message: str) -> None:
    done = _power(*words)
    assert done.exit_code == 2
    assert message in " ".join(done.output.replace("\u2502", " ").split())


def test_a_pilot_is_redrawn_and_a_simulated_one_says_so(tmp_path: Path) -> None:
    write_predictions(tmp_path, _pilot(provenance="simulated"))
    answer = _answer("--pilot", tmp_path, "--figure", "her2", "-n", 12, "-n", 240)
    assert [point["cases"] for point in answer["points"]] == [12, 240]
    assert answer["points"][0]["power"]["value"] < answer["points"][1]["power"]["value"]
    assert answer["points"][1]["power"]["n"] == 500
    assert answer["cases_needed"] == 240
    panel = _answer("--pilot", tmp_path, "-n", 12)
    assert panel == _answer("--pilot", tmp_path, "-n", 12) != _answer("--pilot", tmp_path, "-n", 12, "--seed", 2)
    said = _power("--pilot", tmp_path, "-n", 12).output
    assert "SIMULATED" in said
    assert "In the pilot, taken for true, the gain in nats a case is" in said


def test_a_pilot_that_is_not_there_or_lacks_the_rival_is_one_sentence(tmp_path: Path) -> None:
    missing = _power("--pilot", tmp_path / "nowhere")
    assert isinstance(missing.exception, StorageError)
    assert "holds no predictions.json: run onephase evaluate" in str(missing.exception)
    write_predictions(tmp_path, _pilot(provenance="real"))
    lacking = _power("--pilot", tmp_path, "--second", "radiomics")
    assert isinstance(lacking.exception, CohortError)
    assert "no contestant 'radiomics'" in str(lacking.exception)
