"""What became of one case of a cohort that was predicted as a whole."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of one case of a cohort.

    Attributes:
        case_id: The case.
        folder: Name of its folder, which is there when there is an answer.
        answer: The content of its ``prediction.json``, or None when it failed.
        problem: Why it failed, in one sentence; empty when it did not.
        skipped: Whether an earlier run had already answered the same request.
    """

    case_id: str
    folder: str
    answer: dict[str, Any] | None
    problem: str = ""
    skipped: bool = False
