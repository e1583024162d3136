"""What an answer rests on, asked on the command line: ``robustness`` and ``explain``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def _onephase(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "onephase.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_robustness_says_simulated_writes_its_page_and_goes_on(tiny_demo: Path, tmp_path: Path) -> None:
    words = ["robustness", str(tiny_demo / "bundle"), str(tiny_demo / "cohort" / "cohort.csv"), "--out", str(tmp_path)]
    first = _onephase(*words, "--cases", "2", "--workers", "1")
    assert first.returncode == 0, first.stderr
    assert "SIMULATED: 2 of 2 cases" in first.stdout
    page = (tmp_path / "robustness.html").read_text()
    assert "2 of 2 scored cases are simulated" in page
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cases").iterdir()}
    again = _onephase(*words, "--cases", "3", "--workers", "1", "--json")
    assert again.returncode == 0, again.stderr
    found = json.loads(again.stdout)
    assert found["cases"] == 3
    made = {one["name"]: one["cases"] for one in found["findings"]}
    assert made["gain x 2"] == made["60 s later"] == made["scanned at larch"] == 3
    assert made["phase after"] == 0
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cases").iterdir()}
    assert len(after) == 3
    assert before.items() <= after.items()


def test_explain_gives_a_verdict_on_each_explanation_and_goes_on(tiny_demo: Path, tmp_path: Path) -> None:
    table = tiny_demo / "cohort" / "cohort.csv"
    words = ["explain", str(tiny_demo / "bundle"), str(table), "--out", str(tmp_path), "--cases", "4", "--workers", "1"]
    done = _onephase(*words)
    assert done.returncode == 0, done.stderr
    assert "SIMULATED: 4 of 4 cases" in done.stdout
    for name in ("Region weights", "Attention", "Occlusion by surroundings", "Exchange with another lesion"):
        assert f"{name}: " in done.stdout
    assert (tmp_path / "explanations.html").exists()
    found = json.loads((tmp_path / "explanations.json").read_text())
    assert set(found["truth"]["information"]) == {"er", "pr", "her2", "ki67"}
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "explained").iterdir()}
    (tmp_path / "explained" / min(before)).unlink()  # as if the command had been broken off before this case
    again = _onephase(*words, "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == found
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "explained").iterdir()}
    assert len(before) == 4
    assert {name for name in before if before[name] != after[name]} == {min(before)}


def test_a_bundle_that_has_learned_from_everyone_is_one_sentence(tiny_demo: Path, tmp_path: Path) -> None:
    whole = (tiny_demo / "cohort" / "cohort.csv").read_text().splitlines()
    split = dict(line.split(",")[:2] for line in (tiny_demo / "bundle" / "split.csv").read_text().splitlines()[1:])
    learned = [whole[0], *(line for line in whole[1:] if split[line.split(",")[0]] == "train")]
    table = tiny_demo / "cohort" / "learned.csv"
    table.write_text("\n".join(learned) + "\n")
    done = _onephase("robustness", str(tiny_demo / "bundle"), str(table), "--out", str(tmp_path / "out"))
    table.unlink()
    assert done.returncode == 1
    assert "the bundle has learned from every patient of these tables" in done.stderr
    assert "Traceback" not in done.stderr
