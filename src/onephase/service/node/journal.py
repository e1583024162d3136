"""The journal of a node: one JSON object a line, with what happened and nothing that tells who."""

import json
import logging
import sys
import threading
import traceback
import warnings
from datetime import UTC, datetime

from pydicom import config

LOGGER = logging.getLogger("onephase.node")
SHOWN_KEY = 12
"""How much of a study's key stands in the journal: enough to find it on the work list."""


class JsonLines(logging.Formatter):
    """One line of JSON a record; of other libraries only that they spoke, since they quote what they read."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told = {"time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")}
        told["level"] = record.levelname.lower()
        if record.name == LOGGER.name:
            return json.dumps({**told, "event": record.getMessage(), **getattr(record, "facts", {})})
        return json.dumps({**told, "event": "a library spoke", "library": record.name})


def say(event: str, *, level: int = logging.INFO, study: str = "", **facts: str | int | float) -> None:
    """Write a line.

    Args:
        event: What happened, always in the same words.
        level: A level of :mod:`logging`.
        study: Key of the study; shortened here.
        facts: Numbers, states and sentences of ours. Never a value out of a header.
    """
    named = {"study": study[:SHOWN_KEY]} if study else {}
    LOGGER.log(level, event, extra={"facts": {**named, **facts}})


def say_fault(event: str, fault: BaseException, *, study: str = "") -> None:
    """Write a line about a fault of ours: its kind and place, not its message, which may quote a header."""
    frames = traceback.extract_tb(fault.__traceback__)
    where = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "nowhere"
    say(event, level=logging.ERROR, study=study, fault=type(fault).__name__, where=where)


def keep_journal() -> None:
    """Send the journal to standard error, and silence everything that could quote a header.

    The settings of pydicom and the filter of warnings belong to the whole process: readers that set and restore them
    around their work would undo each other in threads, so here they are set once for good.
    """
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(JsonLines())
    logging.basicConfig(handlers=[out], level=logging.WARNING, force=True)
    LOGGER.setLevel(logging.INFO)
    for name in ("pynetdicom", "highdicom", "dicomweb_client", "pydicom", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    warnings.simplefilter("ignore")
    config.settings.reading_validation_mode = config.IGNORE
    config.settings.writing_validation_mode = config.IGNORE
    threading.excepthook = lambda told: say_fault("a thread ended", told.exc_value or Exception())
