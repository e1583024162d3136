import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from onephase.cli.benchmark import benchmark
from onephase.errors import CohortError, StorageError

pytest.importorskip("torch", reason="the train extra is not installed")


def _benchmark(*words: object) -> Result:
    app = typer.Typer()
    app.command()(benchmark)
    return CliRunner().invoke(app, [*map(str, words)])


def test_a_dry_run_says_what_the_paper_would_take_and_does_nothing(tmp_path: Path) -> None:
    done = _benchmark("--preset", "quick", "--seeds", 3, "--out", tmp_path / "out", "--dry-run", "--workers", 2)
    assert done.exit_code == 0, done.output
    assert "SIMULATED" in done.output
    # twelve networks, and ten others, on the internal cases; the network and three others in each of two folds
    assert "61 of 61 runs are to be done:" in " ".join(done.output.split())
    for name in ("single tasks", "descriptors, ridge", "frozen external test", "2-fold adaptation 2"):
        assert name in done.output
    assert not (tmp_path / "out").exists()


def test_the_plan_as_json_has_the_case_numbers_of_the_paper(tmp_path: Path) -> None:
    done = _benchmark("--out", tmp_path, "--dry-run", "--json", "--without", "radiomics, ridge")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert 0 < told["seconds"]["least_s"] < told["seconds"]["most_s"]
    plan = told["plan"]
    internal, *folds = plan["parts"]
    splits = list(internal["split_of"].values())
    assert [splits.count(split) for split in ("train", "validation", "test", "external")] == [620, 89, 177, 74]
    assert sorted(list(fold["split_of"].values()).count("test") for fold in folds) == [14, 15, 15, 15, 15]
    assert sum(run["contestant"] == "onephase" and run["part"] == "internal" for run in plan["runs"]) == 3
    assert not any(run["contestant"] == "radiomics, ridge" for run in plan["runs"])
    trained = [run for run in plan["runs"] if run["changes"] is not None]
    assert {run["contestant"] for run in trained if run["part"] != "internal"} == {"onephase"}
    assert len(trained) == 9 * 3 + 4 * 3 + 5 * 3  # forms, single tasks, folds


@pytest.mark.parametrize(
    ("words", "kind", "sentence"),
    [
        (["--stored"], StorageError, "holds no benchmark: run `onephase benchmark --out"),
        (
            ["--dry-run", "--external-site", "nowhere"],
            CohortError,
            "no case is of site 'nowhere', expected one of alder",
        ),
        (["--dry-run", "--without", "onephase"], CohortError, "'onephase' cannot be left out"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    words: list[str], kind: type[Exception], sentence: str, tmp_path: Path
) -> None:
    done = _benchmark("--out", tmp_path / "out", *words)
    with pytest.raises(kind, match=sentence):
        raise done.exception
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--dry-run"],
        ["--folds", "3"],
        ["--without", "geometry"],
        ["--workers", "2"],
        ["--scheduler", "tcp://alpha:8786"],
        ["--preset", "quick"],
        ["prepared"],
    ],
)
def test_stored_answers_take_no_word_of_what_is_run(words: list[str], tmp_path: Path) -> None:
    done = _benchmark("--out", tmp_path / "out", "--stored", *words)
    assert done.exit_code == 2
    assert "--stored goes with --out alone" in " ".join(done.output.replace("│", " ").split())
