"""The simulator is frozen: whoever changes how cases come out must raise its version."""

from pathlib import Path

from onephase.simulation import version


def test_the_source_is_the_frozen_one():
    assert version.source_sha256() == version.FROZEN_SOURCE_SHA256, (
        "the simulator's source changed: if any case comes out differently, raise SIMULATION_VERSION and write a "
        "decision record; then set FROZEN_SOURCE_SHA256 and docs/simulation.md to the new hash"
    )


def test_every_module_that_makes_a_case_is_frozen():
    folder = Path(version.__file__).parent
    not_frozen = {"__init__", "cohort", "oracle", "plan", "truth", "version"}  # they write, plan, read or judge
    assert {path.stem for path in folder.glob("*.py")} == set(version.FROZEN_MODULES) | not_frozen


def test_the_documentation_names_version_and_hash():
    page = Path(__file__).parents[2] / "docs" / "simulation.md"
    text = page.read_text(encoding="utf-8")
    assert version.FROZEN_SOURCE_SHA256 in text
    assert f"version {version.SIMULATION_VERSION}" in text
