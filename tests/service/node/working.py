"""A node's work without a network: what comes in by hand, and goes out into a tray; and how a journal is read."""

import io
import json
from typing import Any

import pytest
from pydicom import dcmread

from onephase.service.node.destination import NotSentError


class Tray:
    """A destination that keeps what it is given, and is away when told so."""

    def __init__(self) -> None:
        self.away = False
        self.taken = []

    def send(self, paths) -> None:
        if self.away:
            message = "the archive cannot be reached: it is tried again"
            raise NotSentError(message)
        self.taken.append([dcmread(path) for path in paths])


def receive(intake, *datasets) -> None:
    for one in datasets:
        content = io.BytesIO()
        one.save_as(content, enforce_file_format=True)
        assert intake.take(content.getvalue()).status == 0x0000
    intake.worklist.complete(quiet_s=0.0, patience_s=1e6)


def only(intake):
    (entry,) = intake.worklist.entries()
    return entry


def lines_of(journal: str) -> list[dict[str, Any]]:
    """Return the lines of a journal, but for the last while it is being written; what is no JSON fails with all."""
    try:
        return [json.loads(line) for line in journal.rpartition("\n")[0].splitlines()]
    except json.JSONDecodeError:
        pytest.fail(f"the journal holds what is no JSON:\n{journal[-3000:]}")
