from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="needs the train extra")

from onephase.cli.commands import app
from onephase.cohort import prepared
from onephase.errors import StorageError
from onephase.learning import device, lessons, train

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("leading", [True, False])
def test_of_several_processes_one_names_the_bundle(monkeypatch: pytest.MonkeyPatch, leading: bool) -> None:
    monkeypatch.setattr(train, "train", lambda *_, out, **__: out)
    monkeypatch.setattr(device, "leads", lambda: leading)
    monkeypatch.setattr(prepared, "open_prepared", Path)
    done = CliRunner().invoke(app, ["train", "prepared", "--out", "bundle", "--json"])
    assert done.exit_code == 0, done.output
    assert done.output.count('"bundle"') == 2 * leading


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("train prepared --out notes", "notes holds notes.txt and is no bundle"),
        ("train prepared --out notes/notes.txt", "a file stands where a folder is needed, notes/notes.txt"),
        ("train prepared --out bundle/inner", "which cannot be opened any more once another file is in it"),
        ("teach-phenotype --out notes", "notes is a folder, where a file is to be written"),
        (
            "teach-phenotype --out bundle/stage.safetensors",
            "which cannot be opened any more once another file is in it",
        ),
    ],
)
def test_a_place_that_would_be_refused_after_hours_is_refused_at_once(
    words: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in ("notes/notes.txt", "bundle/bundle.json", "bundle/settings.json"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lessons, "make_lessons", lambda *_, **__: pytest.fail("lessons were made"))
    monkeypatch.setattr(train, "train", lambda *_, **__: pytest.fail("a network was trained"))
    monkeypatch.setattr(prepared, "open_prepared", Path)
    fault = CliRunner().invoke(app, words.split()).exception
    assert isinstance(fault, StorageError)
    assert said in str(fault)
