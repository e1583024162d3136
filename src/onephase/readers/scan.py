"""A scan: one or several phases on one grid, found but not yet read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from onephase.arrays import Float32
from onephase.imaging.geometry import Grid

MAX_VOXELS = 1 << 28  # of one volume: 1024 x 1024 x 256, one GiB as float32


@dataclass(frozen=True, slots=True)
class PhaseFacts:
    """What the headers say about one phase.

    Attributes:
        name: Series description (shortened, without patient data) or name of the file.
        words: The words by which a phase may be known; lower case, never shown.
        contrast_agent: Contrast agent by its header; empty when absent or written as none.
        start_s: Start of the acquisition in seconds on a clock shared by the phases; None if unknown.
        bolus_s: Start of the contrast injection on the same clock; None if unknown.
    """

    name: str = ""
    words: str = field(default="", repr=False)
    contrast_agent: str = ""
    start_s: float | None = None
    bolus_s: float | None = None


@runtime_checkable  # for the shape checks of the tests
class Scan(Protocol):
    """What is known of an image before its voxels are read."""

    @property
    def label(self) -> str:
        """How the scan is called in a message."""

    @property
    def grid(self) -> Grid:
        """The grid that all phases share."""

    @property
    def phases(self) -> tuple[PhaseFacts, ...]:
        """One entry a phase, in the order of time where the headers tell it."""

    @property
    def frame_of_reference(self) -> str:
        """DICOM Frame of Reference UID; empty where the format has none."""

    @property
    def source(self) -> dict[str, str]:
        """Facts about the acquisition, none of them patient data."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is suspicious about the scan, in sentences."""

    def read(
        self,
        phase: int,
        *,
        slices: Sequence[int] | None = None,
        into: Float32[np.ndarray, "slice row column"] | None = None,
    ) -> Float32[np.ndarray, "slice row column"]:
        """Return the voxels of a phase (from 0), or of some of its slices only.

        Where an array of their shape is given they are read `into` it, which saves a copy.
        """
