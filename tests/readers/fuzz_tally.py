"""How far a reader has come with its broken inputs, kept beside the work, so that a run goes on where it ended."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from onephase.storage import write_text

LENGTH = 500  # one short write, so that a process that is killed leaves the old tally or the new one


@dataclass
class Tally:
    """What was read and found.

    Attributes:
        done: Inputs read; also the number of the input that comes next, or that a crash ended in.
        findings: Of them, those that were not answered as they should be.
        seconds: Time on the clock.
        processor_s: Processor time.
        slowest_s: The longest that an input was computed on.
        slowest: Its number.
        largest_mib: The most memory that a process took beyond what it had when it began.
    """

    done: int = 0
    findings: int = 0
    seconds: float = 0.0
    processor_s: float = 0.0
    slowest_s: float = 0.0
    slowest: int = 0
    largest_mib: float = 0.0

    @classmethod
    def of(cls, work: Path) -> "Tally":
        """Return the tally in a folder of work; an empty one where none was begun."""
        path = _path(work)
        return cls(**json.loads(path.read_bytes())) if path.exists() else cls()

    def write(self, stream: BinaryIO) -> None:
        """Write it over the last one."""
        stream.seek(0)
        stream.write(json.dumps(asdict(self)).encode().ljust(LENGTH))

    def store(self, work: Path) -> None:
        """Write it into a folder of work."""
        with opened(work) as stream:
            self.write(stream)


def opened(work: Path) -> BinaryIO:
    """Open the file of a tally, unbuffered, as it is."""
    path = _path(work)
    if not path.exists():
        write_text(path, json.dumps(asdict(Tally())))  # whole or not at all: others look at it
    return path.open("r+b", buffering=0)


def add_finding(work: Path, said: str) -> None:
    """Add a finding to the others in a folder of work."""
    with (work / "findings.txt").open("a") as findings:
        findings.write(f"{said}\n")


def _path(work: Path) -> Path:
    return work / "tally.json"
