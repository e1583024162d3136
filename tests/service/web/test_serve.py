"""The command: it opens a page on this machine, says where, and leaves nothing behind."""

import re
import signal
import subprocess
import sys

import pytest
import requests

from onephase.cli.main import run


def refused(capsys, monkeypatch, *words) -> str:
    monkeypatch.setattr(sys, "argv", ["onephase", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        run()
    assert left.value.code == 1
    return capsys.readouterr().err


def test_a_wider_address_without_a_token_is_refused(capsys, monkeypatch, bundle_folder):
    said = refused(capsys, monkeypatch, "serve", "--bundle", bundle_folder, "--host", "0.0.0.0")  # noqa: S104 - refused
    assert "so a token is needed" in said
    assert "Traceback" not in said


def test_a_token_file_that_is_not_there_is_one_sentence(capsys, monkeypatch, bundle_folder, tmp_path):
    said = refused(capsys, monkeypatch, "serve", "--bundle", bundle_folder, "--token-file", tmp_path / "none")
    assert "none cannot be read" in said


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
            f"{address[0]}api/cases", headers={"Authorization": "Bearer drawn-by-chance-of-course"}, timeout=20
        )
        assert [entry["case_id"] for entry in cases.json()] == ["a", "b", "c", "d"]
        process.send_signal(signal.SIGINT)
        said, faults = process.communicate(timeout=20)
    assert said.endswith("closed\n")
    assert faults == ""
    assert process.returncode == 0
