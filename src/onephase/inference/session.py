"""What a library that runs networks has to offer, whichever it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Session(Protocol):
    """A network that some library holds ready; several threads may run it at once."""

    def run(self, names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Return the outputs of these names, in their order."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """What a library made of an ONNX file, not yet checked.

    Attributes:
        session: The network.
        inputs: Shape of each input by name; a size that is no integer is open.
        outputs: Names of the outputs.
    """

    session: Session
    inputs: Mapping[str, tuple[object, ...]]
    outputs: frozenset[str]
