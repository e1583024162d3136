from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="needs the train extra")

from onephase.cli.commands import app
from onephase.cohort import prepared
from onephase.learning import device, train

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("leading", [True, False])
def test_of_several_processes_one_names_the_bundle(monkeypatch: pytest.MonkeyPatch, leading: bool) -> None:
    monkeypatch.setattr(train, "train", lambda *_, out, **__: out)
    monkeypatch.setattr(device, "leads", lambda: leading)
    monkeypatch.setattr(prepared, "open_prepared", Path)
    done = CliRunner().invoke(app, ["train", "prepared", "--out", "bundle", "--json"])
    assert done.exit_code == 0, done.output
    assert done.output.count('"bundle"') == 2 * leading
