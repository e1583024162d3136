"""`simulate` and `prepare` as they are typed."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from onephase.cli.commands import app
from onephase.simulation.plan import PRESETS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_in_the_help_and_in_the_documentation(name: str) -> None:
    told = CliRunner().invoke(app, ["simulate", "--help"], env={"COLUMNS": "200"}).output
    cases = str(PRESETS[name].internal)
    assert f"{name}: {cases}" in " ".join(told.split())
    (row,) = [line for line in (DOCS / "simulation.md").read_text().splitlines() if line.startswith(f"| `{name}` |")]
    assert cases in row


def test_what_was_broken_off_is_gone_on_with(tmp_path: Path) -> None:
    """A kill may leave the lock, or a file that was not yet renamed."""
    for name in (".lock", ".writing-ab.json"):
        (tmp_path / name).touch()
    done = CliRunner().invoke(app, ["simulate", str(tmp_path), "--cases", "1", "--workers", "1"])
    assert done.exit_code == 0, done.output
    assert "SIMULATED cohort" in CliRunner().invoke(app, ["simulate", str(tmp_path), "--cases", "1", "-j", "1"]).output
