"""Potentials: the parameters of one log-linear distribution over (ER, PR, HER2, Ki-67), one set a case.

What a network, a linear baseline or a prevalence fit gives. The posterior is built from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onephase.arrays import Float64
from onephase.biomarkers.panel import CELLS

PAIRS = ((0, 1), (0, 2), (1, 2))
"""Pairs of receptors that a coupling ties: ER-PR, ER-HER2, PR-HER2."""

STATUS: Float64[np.ndarray, "cell receptor"] = CELLS.astype(np.float64)
"""s, 0 or 1, of each cell."""
SIGNS: Float64[np.ndarray, "cell receptor"] = 2 * STATUS - 1
"""sigma = 2 s - 1 of each cell."""
PAIR_SIGNS: Float64[np.ndarray, "cell pair"] = np.stack([SIGNS[:, pair].prod(axis=1) for pair in PAIRS], axis=1)
"""sigma_k sigma_l of each cell."""
for _constant in (STATUS, SIGNS, PAIR_SIGNS):
    _constant.setflags(write=False)

LARGEST = 1e6
"""Size up to which a parameter is accepted: past it float64 has no digits left for the answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Potentials:
    """Parameters of the panel's distribution.

    log pi_c is, up to a constant, sum_k unary_k s_k + sum_{k<l} coupling_kl sigma_k sigma_l over the
    receptors of cell c, and logit Ki-67 in cell c is normal with mean ki67_mu + sum_k shift_k sigma_k.
    With couplings of 0 the marginal of a receptor is sigmoid(unary).

    Attributes:
        unary: Log odds of ER, PR, HER2.
        ki67_mu: Mean of logit Ki-67.
        ki67_sigma: Standard deviation of logit Ki-67, greater than 0.
        coupling: Of the pairs ER-PR, ER-HER2, PR-HER2; the same for every case.
        shift: Of ER, PR, HER2 on logit Ki-67; the same for every case.
    """

    unary: Float64[np.ndarray, "case 3"]
    ki67_mu: Float64[np.ndarray, " case"]
    ki67_sigma: Float64[np.ndarray, " case"]
    coupling: Float64[np.ndarray, "3"]
    shift: Float64[np.ndarray, "3"]

    def __post_init__(self) -> None:
        """Refuse parameters that are not finite, out of proportion, or a sigma that is not positive."""
        arrays = {name: getattr(self, name) for name in ("unary", "ki67_mu", "ki67_sigma", "coupling", "shift")}
        for name, array in arrays.items():
            if not (np.abs(array) <= LARGEST).all():  # NaN fails as well
                message = f"{name} must be finite and within +-{LARGEST:g}"
                raise ValueError(message)
            array.setflags(write=False)
        if not (self.ki67_sigma >= 1 / LARGEST).all():
            message = f"ki67_sigma must be at least {1 / LARGEST:g}, got {self.ki67_sigma.min()}"
            raise ValueError(message)

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.unary)

    def take(self, rows: np.ndarray | slice) -> "Potentials":
        """Return the potentials of some cases, by index, mask or slice."""
        return Potentials(
            self.unary[rows].copy(), self.ki67_mu[rows].copy(), self.ki67_sigma[rows].copy(), self.coupling, self.shift
        )

    @classmethod
    def stack(cls, parts: "Sequence[Potentials]") -> "Potentials":
        """Join potentials of one model case after case.

        Raises:
            ValueError: If couplings or shifts differ; then join the posteriors instead.
        """
        first = parts[0]
        for part in parts[1:]:
            if not (np.array_equal(part.coupling, first.coupling) and np.array_equal(part.shift, first.shift)):
                message = "potentials of models with other couplings or shifts cannot be joined: join their posteriors"
                raise ValueError(message)
        return cls(
            np.concatenate([part.unary for part in parts]),
            np.concatenate([part.ki67_mu for part in parts]),
            np.concatenate([part.ki67_sigma for part in parts]),
            first.coupling,
            first.shift,
        )

    @classmethod
    def average(cls, members: "Sequence[Potentials]") -> "Potentials":
        """Return the mean parameters of an ensemble over the same cases; sigma by its logarithm."""
        return cls(
            np.mean([member.unary for member in members], axis=0),
            np.mean([member.ki67_mu for member in members], axis=0),
            np.exp(np.mean([np.log(member.ki67_sigma) for member in members], axis=0)),
            np.mean([member.coupling for member in members], axis=0),
            np.mean([member.shift for member in members], axis=0),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the potentials as JSON values."""
        return {
            "unary": self.unary.tolist(),
            "ki67_mu": self.ki67_mu.tolist(),
            "ki67_sigma": self.ki67_sigma.tolist(),
            "coupling": self.coupling.tolist(),
            "shift": self.shift.tolist(),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Potentials":
        """Return the potentials that :meth:`to_json` described."""
        return cls(
            np.array(value["unary"], dtype=np.float64).reshape(-1, 3),
            *(np.array(value[name], dtype=np.float64) for name in ("ki67_mu", "ki67_sigma", "coupling", "shift")),
        )
