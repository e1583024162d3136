"""What the command line itself gets wrong: exit code 2, and a sentence that says what it takes."""

import pytest
from typer.testing import CliRunner

from onephase.cli.commands import app


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("evaluate prepared --bundle b --settings s.toml --out o", "--settings goes with --folds"),
        ("evaluate --stored --settings s.toml --out o", "--settings goes with --folds"),
        ("evaluate --stored --policy ki67_15 --out o", "'ki67_15' is no subtype policy: choose from ki67_14"),
        ("evaluate prepared --stored --out o", "--stored makes the page of what stands in --out"),
        ("evaluate prepared --folds 5 --split external --out o", "--split goes with --bundle, and changes nothing"),
        ("evaluate prepared --bundle b --resume --out o", "--resume goes with --folds, and changes nothing without"),
        ("power --auc 0.7 --sd 3", "--sd goes with --mae-gain, and changes nothing without it"),
        ("power --mae-gain 1 --sd 9 --positive 0.2", "--positive goes with --auc, and changes nothing without it"),
        ("power --auc 0.7 --figure er", "--figure goes with --pilot, and changes nothing without it"),
        ("power --auc 0.7 --rival 0.6 --against 0.6", "--rival and --against are two questions"),
        ("evaluate prepared --out o", "choose one of --bundle BUNDLE, --folds N and --stored"),
        ("benchmark --preset huge --out o", "there is no benchmark preset 'huge': choose from paper, quick"),
        ("import duk DIR --out cohort.csv", "there is no source 'duk': the sources are duke, mama-mia"),
        ("import folder DIR --out cohort.csv --map er", "--map 'er': expected NAME=VALUE"),
    ],
)
def test_a_word_that_is_none_is_answered_with_2(words: str, said: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, words.split(), env={"COLUMNS": "300"})
    assert done.exit_code == 2, done.output
    assert said in " ".join(done.output.replace("\u2502", " ").split())
    assert not list(tmp_path.iterdir())
