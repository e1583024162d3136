"""What a person sees while work goes on: bars with the time left, plain lines where no one watches."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

QUIET_SECONDS = 15.0


class TerminalProgress:
    """A :class:`onephase.progress.Progress` on standard error.

    On a terminal each task is a bar with elapsed time and time left; elsewhere (a log, CI) it is one
    line at the start, one now and then, and one at the end.
    """

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._started: dict[str, tuple[float, int]] = {}  # when, and how much was finished before
        self._last_line = 0.0

    def __enter__(self) -> "TerminalProgress":
        """Start drawing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the finished bars standing."""
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, task: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` units of ``task`` are finished."""
        if self._watched:
            self._draw(task, done, total)
        else:
            self._write(task, done, total)

    def _draw(self, task: str, done: int, total: int) -> None:
        if self._bars is None:
            self._bars = _bars()
            self._bars.start()
        if task not in self._tasks:
            self._tasks[task] = self._bars.add_task(task, total=total)
        self._bars.update(self._tasks[task], completed=done, total=total)

    def _write(self, task: str, done: int, total: int) -> None:
        now = time.monotonic()
        first = task not in self._started
        start, before = self._started.setdefault(task, (now, done))
        if not first and done < total and now - self._last_line < QUIET_SECONDS:
            return
        self._last_line = now
        left = f", about {(now - start) / (done - before) * (total - done):.0f} s left" if before < done < total else ""
        print(f"{task}: {done} of {total}, {now - start:.0f} s{left}", file=sys.stderr, flush=True)


def _bars() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    return Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=36),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeLeft(),
        console=Console(stderr=True),
    )


def say(text: str = "") -> None:
    """Print a line of the answer."""
    print(text, flush=True)


def say_json(value: object) -> None:
    """Print the answer for a machine."""
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False), flush=True)


def say_table(title: str, header: list[str], rows: list[list[str]]) -> None:
    """Print a table that wraps long cells to the width of the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", header_style="bold")
    for name in header:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: a cell is never markup
    Console(width=None if sys.stdout.isatty() else 140).print(table)
