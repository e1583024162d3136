"""What must be said beside a result: about the training, the outline, the image, the policy, what was given."""

from onephase.biomarkers.subtypes import IKWG_CAUTION
from onephase.inference.manifest import Provenance
from onephase.inference.prediction import Given
from onephase.settings import SubtypePolicy

IMPROBABLE = 0.05
"""What was given and had less than this probability from the image alone is pointed out (our choice)."""

GIVEN_IN_VAIN = (
    "what was given leaves every status and every Ki-67 possible, as HER2 2+ without ISH does, so it counts as not "
    "given and this is the answer from the image alone"
)

_TRAINING: dict[Provenance, str] = {
    "simulated": (
        "This bundle was trained on computer-generated tumours only: its figures show how the program works and say "
        "nothing about a patient."
    ),
    "simulated and real": (
        "This bundle was trained partly on computer-generated tumours: its figures must not be read as if they came "
        "from patients alone."
    ),
    "real": "",
}
_POLICY: dict[SubtypePolicy, tuple[str, ...]] = {
    "ki67_14": (IKWG_CAUTION,),
    "ki67_20": (IKWG_CAUTION,),
    "maisonneuve": (
        IKWG_CAUTION,
        "Undecided: Ki-67 from 14 to below 20 % in a PR-positive tumour whose PR percentage is not known; it is not "
        "shared out between luminal A and B.",
    ),
}


def training_caution(provenance: Provenance) -> str:
    """Return what must be said of a bundle that has learned from simulated cases; empty for real ones."""
    return _TRAINING[provenance]


def policy_cautions(policy: SubtypePolicy) -> tuple[str, ...]:
    """Return what must be said beside every subtype that a policy names."""
    return _POLICY[policy]


def warnings_for(noticed: tuple[str, ...], *, given: Given | None, in_vain: bool = False) -> tuple[str, ...]:
    """Return the sentences that stay with the result of a case, the weightiest first.

    Args:
        noticed: What reading and preparing the case have noticed, a program's outline among it.
        given: What pathology had found.
        in_vain: Whether something was given that leaves everything open.
    """
    if in_vain:
        return (GIVEN_IN_VAIN, *noticed)
    if given is not None and given.probability < IMPROBABLE:
        disagreement = (
            f"what was given ({'; '.join(given.facts)}) had a probability of {given.probability:.1%} from the image "
            "alone, so check that image and pathology belong to the same tumour"
        )
        return (disagreement, *noticed)
    return noticed
