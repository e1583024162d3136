"""Types and shapes are checked in the first calls of each function in each test.

jaxtyping checks every call. A fit makes ten thousand calls of the same few functions, which then take three times as
long, and its last call shows nothing that the first ones did not.
"""

import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

import jaxtyping

CALLS = 10
LOCALS = "<locals>"

every_call = jaxtyping.jaxtyped
checked: Counter[str] = Counter()
"""How often each function has been checked in the test that runs."""


def checked_at_first(*, typechecker: Callable[..., Any]) -> Callable[[Any], Any]:
    """Stand in for ``jaxtyped``, with which the import hook decorates every function and class of ours."""

    def decorate(what: Any) -> Any:
        if isinstance(what, type):
            if is_dataclass(what) and "__init__" in vars(what):
                what.__init__ = decorate(what.__init__)
            return what
        name = f"{what.__module__}.{what.__qualname__}"
        if LOCALS in name and checked[name] >= CALLS:
            return what  # made anew in every call of another: to wrap it costs more than to call it
        checking: Callable[..., Any] | None = None

        @functools.wraps(what)
        def call(*args: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            nonlocal checking
            if checked[name] >= CALLS:
                return what(*args, **keywords)
            checked[name] += 1
            checking = checking or every_call(what, typechecker=typechecker)  # most of what is imported is not called
            return checking(*args, **keywords)

        return call

    return decorate


def check_at_first() -> None:
    """Have the modules that are imported from now on checked in this way."""
    jaxtyping.jaxtyped = checked_at_first


def check_anew() -> None:
    """Begin to count anew, as for another test."""
    checked.clear()
