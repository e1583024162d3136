"""Few enough in work at a time for memory, enough that nobody waits for work."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

AHEAD = 3
"""Items in work or waiting for their turn, per worker."""

Item = TypeVar("Item")
Promise = TypeVar("Promise")


def submitted(
    submit: Callable[[Item], Promise], items: Iterable[Item], *, count: Callable[[], int]
) -> Generator[Promise, None, None]:
    """Yield the promise of each item in their order, later items submitted while the caller waits for it.

    Args:
        submit: Hands an item to the workers and returns the promise of its answer.
        items: What to work on.
        count: How many work at the moment.
    """
    waiting: deque[Promise] = deque()
    for item in items:
        waiting.append(submit(item))
        if len(waiting) >= AHEAD * count():
            yield waiting.popleft()
    while waiting:
        yield waiting.popleft()
