import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onephase.errors import StorageError
from onephase.storage import (
    alone_in,
    file_aside,
    folder_aside,
    read_json,
    sha256_of,
    write_json,
    write_text,
    write_texts,
)


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "note.json"
    write_json(target, {"a": 1})
    assert json.loads(target.read_text()) == {"a": 1}
    with pytest.raises(RuntimeError), file_aside(target) as aside:
        aside.write_text("half")
        raise RuntimeError
    assert read_json(target) == {"a": 1}
    assert [path.name for path in target.parent.iterdir()] == ["note.json"]


def test_a_folder_replaces_the_old_one_only_when_done(tmp_path):
    target = tmp_path / "bundle"
    with folder_aside(target) as aside:
        (aside / "old").write_text("1")
    with pytest.raises(RuntimeError), folder_aside(target) as aside:
        (aside / "new").write_text("2")
        raise RuntimeError
    assert [path.name for path in target.iterdir()] == ["old"]
    with folder_aside(target) as aside:
        (aside / "old").write_text("2")
        (aside / "new").write_text("2")
    assert {path.name: path.read_text() for path in target.iterdir()} == {"old": "2", "new": "2"}
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_nothing_of_somebody_else_is_ever_replaced(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years of work")
    (tmp_path / "letter").write_text("dear")
    with pytest.raises(StorageError, match=r"home holds thesis\.txt, which replacing the folder would lose: move it"):
        write_folder(tmp_path / "home")
    with pytest.raises(StorageError, match="letter is a file, where a folder is to be written"):
        write_folder(tmp_path / "letter")
    assert (tmp_path / "home" / "thesis.txt").read_text() == "years of work"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "letter"]


def write_folder(target):
    with folder_aside(target) as aside:
        (aside / "new").write_text("2")


def test_a_fault_in_a_folder_names_the_place_that_the_user_knows(tmp_path):
    with (
        pytest.raises(StorageError, match=r"answer/report\.html could not be written"),
        folder_aside(tmp_path / "answer") as aside,
    ):
        (aside / "report.html").mkdir()
        write_text(aside / "report.html", "page")
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_has_the_usual_permissions_and_other_threads_keep_theirs(tmp_path, monkeypatch):
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(os, "umask", None)  # it is of the whole process: a thread that sets it opens others' files
            write_text(tmp_path / "page", "one")
            write_folder(tmp_path / "folder")
    finally:
        os.umask(before)
    made = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert made == {"page": 0o640, "folder": 0o750, "new": 0o640}


def test_a_file_in_the_way_is_a_sentence(tmp_path):
    (tmp_path / "answer").write_text("a file")
    with pytest.raises(StorageError, match="because a file stands where a folder is needed; nothing was left"):
        write_text(tmp_path / "answer" / "report.html", "page")
    with pytest.raises(StorageError, match=r"answer/store\.json is missing"):
        read_json(tmp_path / "answer" / "store.json")


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path):
    # a file-size limit stands in for the full disk; it needs a process of its own
    program = """
import resource, signal, sys
from pathlib import Path
from onephase.errors import StorageError
from onephase.storage import write_text
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_text(Path(sys.argv[1]) / "big.txt", "x" * 5000)
except StorageError as fault:
    print(fault)
"""
    answer = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "file-size limit is reached" in answer.stdout
    assert list(tmp_path.iterdir()) == []


def test_broken_json_names_its_file(tmp_path):
    with pytest.raises(StorageError, match=r"none\.json is missing"):
        read_json(tmp_path / "none.json")
    write_text(tmp_path / "bad.json", "{")
    with pytest.raises(StorageError, match=r"bad\.json is not JSON"):
        read_json(tmp_path / "bad.json")
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "nan.json", float("nan"))
    assert not (tmp_path / "nan.json").exists()


def test_sha256_is_the_known_one(tmp_path):
    write_text(tmp_path / "abc", "abc")
    assert sha256_of(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_texts_that_belong_together_appear_all_or_none(tmp_path):
    write_texts({tmp_path / "page": "one", tmp_path / "numbers": "1"})
    with pytest.raises(UnicodeEncodeError):
        write_texts({tmp_path / "page": "two", tmp_path / "numbers": "\ud800"})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"page": "one", "numbers": "1"}


def test_a_folder_in_the_place_of_a_file_is_a_sentence(tmp_path):
    (tmp_path / "page").mkdir()
    with pytest.raises(StorageError, match="page could not be written because a folder stands in its place"):
        write_text(tmp_path / "page", "one")
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


HOLDS = (
    "import sys; from pathlib import Path; from onephase.storage import alone_in\nwith alone_in(Path(sys.argv[1])): "
)


def test_one_process_at_a_time_is_alone_in_a_folder_and_one_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-c", f"{HOLDS}print('held', flush=True); sys.stdin.read()", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        command = [sys.executable, "-c", f"{HOLDS}print('mine')", str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
            wait_until_somebody_waits_for(folder)
            assert other.poll() is None
            holder.kill()
            assert other.communicate(timeout=60)[0] == "mine\n"
    (tmp_path / "file").touch()
    with (
        pytest.raises(StorageError, match=r"file.* could not be written because a file stands"),
        alone_in(tmp_path / "file"),
    ):
        pass


def wait_until_somebody_waits_for(folder: Path) -> None:
    until = time.monotonic() + 60
    while not any("->" in line and f":{(folder / '.lock').stat().st_ino} " in line for line in locks()):
        assert time.monotonic() < until, "nobody waits for the folder"
        time.sleep(0.02)


def locks() -> list[str]:
    return Path("/proc/locks").read_text().splitlines()


@pytest.mark.parametrize(("place", "reason"), [("/proc/x", "no folder can be made there"), ("n" * 300, "too long")])
def test_a_place_that_takes_no_folder_is_a_sentence(tmp_path: Path, place: str, reason: str) -> None:
    with pytest.raises(StorageError, match=f"page could not be written because .*{reason}"):
        write_text(tmp_path / place / "page", "")
    with pytest.raises(FileNotFoundError, match="elsewhere"), file_aside(tmp_path / "page"):
        (tmp_path / "elsewhere").read_text()
