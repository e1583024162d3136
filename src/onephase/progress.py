"""How long work tells how far it has come; who shows it (a terminal, a page, nobody) decides."""

from typing import Protocol, runtime_checkable


@runtime_checkable  # for the shape checks of the tests
class Progress(Protocol):
    """Called after each unit of work, from the process that leads the work."""

    def __call__(self, task: str, done: int, total: int) -> None:
        """Tell that ``done`` of ``total`` units of ``task`` are finished; ``done`` 0 announces the task."""


def silent(task: str, done: int, total: int) -> None:
    """Show nothing."""
