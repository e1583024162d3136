"""The command: it opens a page on this machine, says where, and leaves nothing behind."""

import re
import signal
import subprocess
import sys

import pytest
import requests
from tests.service.web.conftest import ANSWER_S

from onephase.cli.main import run
from onephase.service.web import server


def refused(capsys, monkeypatch, *words, code: int = 1) -> str:
    monkeypatch.setattr(sys, "argv", ["onephase", *map(str, words)])
    monkeypatch.setattr(server, "listen", None)  # what is not refused is then a fault, and no page that never closes
    with pytest.raises(SystemExit) as left:
        run()
    assert left.value.code == code
    return " ".join(capsys.readouterr().err.replace("│", "").split())


def test_a_wider_address_without_a_token_is_refused(capsys, monkeypatch, bundle_folder):
    said = refused(capsys, monkeypatch, "serve", "--bundle", bundle_folder, "--host", "0.0.0.0")  # noqa: S104 - refused
    assert "so a token is needed" in said
    assert "Traceback" not in said


def test_a_token_file_that_is_not_there_is_one_sentence(capsys, monkeypatch, bundle_folder, tmp_path):
    said = refused(capsys, monkeypatch, "serve", "--bundle", bundle_folder, "--token-file", tmp_path / "none")
    assert "none cannot be read" in said


@pytest.mark.parametrize("name", ["typo", "other"])
def test_a_folder_that_is_no_store_is_refused_and_left_as_it_is(capsys, monkeypatch, bundle_folder, tmp_path, name):
    pytest.importorskip("sqlalchemy", reason="the pacs extra is not installed")
    (tmp_path / "other").mkdir()
    before = sorted(tmp_path.rglob("*"))
    said = refused(capsys, monkeypatch, "serve", "--bundle", bundle_folder, "--store", tmp_path / name)
    assert f"{name} is no store of a node: give the folder" in said
    assert sorted(tmp_path.rglob("*")) == before


def test_a_phase_that_no_series_has_is_refused_before_the_page_opens(capsys, monkeypatch, bundle_folder, tmp_path):
    pytest.importorskip("sqlalchemy", reason="the pacs extra is not installed")
    said = refused(
        capsys, monkeypatch, "serve", "--bundle", bundle_folder, "--store", tmp_path, "--phase", "foo", "--port", 0
    )
    assert said == "onephase: the phase 'foo' is not understood: give first-post or a number counted from 1"


@pytest.mark.parametrize("option", ["--worklist", "--series", "--phase", "--segment"])
def test_what_is_said_of_a_node_needs_its_store(capsys, monkeypatch, bundle_folder, option):
    said = refused(capsys, monkeypatch, "serve", "--bundle", bundle_folder, option, "2", "--port", 0, code=2)
    assert "--worklist, --series, --phase and --segment are for --store" in said


def test_it_serves_until_it_is_interrupted(bundle_folder, cohort_folder, tmp_path):
    (tmp_path / "token").write_text("drawn-by-chance-of-course\n")
    words = ["--bundle", bundle_folder, "--cohort", cohort_folder / "cohort.csv", "--port", "0"]
    command = [sys.executable, "-m", "onephase.cli", "serve", *map(str, words), "--token-file", str(tmp_path / "token")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "Research use only" in process.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+/", said := process.stdout.readline())
        assert address is not None, said
        assert said.strip().endswith("#token=drawn-by-chance-of-course")
        cases = requests.get(
            f"{address[0]}api/cases", headers={"Authorization": "Bearer drawn-by-chance-of-course"}, timeout=ANSWER_S
        )
        assert [entry["case_id"] for entry in cases.json()] == ["a", "b", "c", "d"]
        process.send_signal(signal.SIGINT)
        said, faults = process.communicate(timeout=ANSWER_S)
    assert said.endswith("closed\n")
    assert faults == ""
    assert process.returncode == 0
