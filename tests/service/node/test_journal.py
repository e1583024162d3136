"""The journal of a process: JSON only, and nothing of a header, whoever speaks."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging, threading, warnings
from onephase.service.node.journal import keep_journal, say, say_fault
keep_journal()
say("study sent", study="ab" * 32, seconds=1.5)
logging.getLogger("some.library").error("patient CANARY")
logging.getLogger("pynetdicom.acse").error("patient CANARY")
warnings.warn("patient CANARY")
threading.Thread(target=lambda: {}["CANARY"]).start()
try:
    raise ValueError("patient CANARY")
except ValueError as fault:
    say_fault("a step failed", fault)
"""


@pytest.fixture(scope="module")
def lines() -> list[dict[str, object]]:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert "CANARY" not in done.stdout + done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_an_event_has_its_facts_and_a_shortened_key(lines):
    assert {"event": "study sent", "study": "abababababab", "seconds": 1.5, "level": "info"}.items() <= lines[0].items()


def test_of_a_library_only_its_name_is_told(lines):
    assert {"event": "a library spoke", "library": "some.library"}.items() <= lines[1].items()


def test_a_fault_is_told_by_kind_and_place(lines):
    faults = {line["event"]: (line["fault"], line["where"]) for line in lines if "fault" in line}
    assert faults["a thread ended"] == ("KeyError", "<string>:9")
    assert faults["a step failed"] == ("ValueError", "<string>:11")
