"""``node`` and ``worklist`` as they are typed: what is wrong is said before anything is made or queued."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="the pacs extra is not installed")
pytest.importorskip("pynetdicom", reason="the pacs extra is not installed")

from typer.testing import CliRunner

from onephase.cli.commands import app
from onephase.cli.main import run
from onephase.service.node.limits import LARGEST_PDU, SMALLEST_PDU
from onephase.service.worklist.database import database_in, open_database
from onephase.service.worklist.states import State
from onephase.service.worklist.worklist import Entry, Instance, Kind, Worklist

KEY = "67e7cd7003f8"


@pytest.fixture
def said(monkeypatch, capsys) -> Callable[..., str]:
    """A function that types a command, which must leave with a code, and returns what it said of it."""

    def typed(*words: object, code: int) -> str:
        monkeypatch.setattr("sys.argv", ["onephase", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            run()
        out, err = capsys.readouterr()
        assert left.value.code == code, err
        assert "Traceback" not in err
        assert code == 0 or out == ""
        return " ".join((out or err).replace("│", "").split())

    return typed


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The store of a node, with one study that waits for a box."""
    folder = tmp_path / "store"
    folder.mkdir()
    engine = open_database(database_in(folder))
    worklist = Worklist(engine)
    worklist.record(Instance(KEY, "series", "image", Kind.IMAGE))
    worklist.complete(quiet_s=0.0, patience_s=0.0)
    claim = worklist.claim(State.COMPLETE, node="test", lease_s=60.0)
    assert claim is not None
    worklist.advance(claim, State.WAITING, problem="waiting for a box")
    engine.dispose()
    return folder


def study_in(store: Path) -> Entry:
    engine = open_database(database_in(store))
    (entry,) = Worklist(engine).entries()
    engine.dispose()
    return entry


@pytest.mark.parametrize("command", [["worklist"], ["worklist", "--study", KEY, "--again"]])
def test_a_list_is_looked_for_and_never_made(said, tmp_path, command):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("of somebody else")
    for name in ("typo", "other"):
        sentence = said(*command, "--store", tmp_path / name, code=1)
        assert f"{name} is no store of a node: give the folder that `onephase node --store` was given" in sentence
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["letter.txt", "other"]


def test_a_list_that_is_elsewhere_is_looked_for_there(said, store, tmp_path):
    (tmp_path / "empty").mkdir()  # the store of a node to which nothing has been sent
    there, typo = f"sqlite:///{store / 'worklist.sqlite'}", f"sqlite:///{tmp_path / 'typo.sqlite'}"
    assert "1 studies" in said("worklist", "--store", tmp_path / "empty", "--worklist", there, code=0)
    assert "is no store of a node" in said("worklist", "--store", tmp_path / "typo", "--worklist", there, code=1)
    assert "there is no work list at" in said("worklist", "--store", store, "--worklist", typo, code=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "store"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--box", 80, 110, 95, 125, 25, 36], "--box needs --study: say which study is meant"),
        (["--phase", 2], "--phase needs --study"),
        (["--again"], "--again needs --study"),
        (["--phase", 2, "--again"], "--phase and --again need --study"),
        (["--study", KEY], "with --study give --box, --phase, both, or --again"),
    ],
)
def test_an_answer_and_its_study_go_together(said, store, options, sentence):
    assert sentence in said("worklist", "--store", store, *options, code=2)
    assert study_in(store).state is State.WAITING


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--box", 110, 80, 95, 125, 25, 36], "inverted or empty along column: start 110 is not below stop 80: give"),
        (["--box", 80, 110, 95, 125, 25, "nan"], "inverted or empty along slice: start 25 is not below stop nan"),
        (["--phase", "foo"], "the phase 'foo' is not understood: give first-post or a number counted from 1"),
        (["--phase", "0"], "the phase '0' is not understood"),
    ],
)
def test_what_can_be_no_box_or_phase_is_refused_and_nothing_is_queued(said, store, options, sentence):
    assert sentence in said("worklist", "--store", store, "--study", KEY, *options, code=1)
    assert (study_in(store).state, study_in(store).answer) == (State.WAITING, {})


def test_a_box_and_a_phase_are_queued(said, store):
    options = ["--box", 80, 110, 95, 125, 25, 36, "--phase", 2]
    told = json.loads(said("worklist", "--store", store, "--study", KEY[:4], *options, "--json", code=0))
    assert [one["answer"] for one in told] == [{"box": [80, 110, 95, 125, 25, 36], "phase": "2"}]
    assert study_in(store).state is State.COMPLETE


STRUCK = """
import os, signal
from onephase.cli.node import _stop_on_signals
stop = _stop_on_signals()
with stop._cond:  # the moment in which a node begins to wait
    os.kill(os.getpid(), signal.{})
print(stop.wait(60))
"""


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_a_node_that_is_told_to_stop_in_any_moment_stops(number):
    command = [sys.executable, "-c", STRUCK.format(number)]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout == "True\n"


def test_help_says_what_goes_together_and_what_a_pdu_may_be():
    told = CliRunner().invoke(app, ["node", "--help"]).stdout
    told = " ".join(told.replace("│", "").split())
    assert "DICOMweb root to fetch studies from; needs --pull-query." in told
    assert "ModalitiesInStudy=MR; needs --pull." in told
    assert f"{SMALLEST_PDU} to {LARGEST_PDU} bytes" in told
