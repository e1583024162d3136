"""How the cases of a benchmark are divided into those that are learned from and those that are tested.

Pure: from records with splits to divisions. Whose lesion is tested teaches nothing, whatever division it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from onephase.cohort.records import Record, Split, sites_of
from onephase.cohort.splits import folds as draw_folds
from onephase.errors import CohortError
from onephase.evaluation.protocol import LEARNED_FROM, crossed_splits, learned_splits
from onephase.settings import FEWEST_TO_NORMALISE

INTERNAL_TEST, EXTERNAL_TEST, SITES_OUT = "internal test", "frozen external test", "leave one site out"

LEARNED = "learned from"
"""Protocols of the learning curve begin with it."""

INTERNAL_WORDS = "Internal test: patients of the same sites, set apart before training and not touched by it."
EXTERNAL_WORDS = (
    "Frozen external test, the primary one: models as they were trained on the internal cases, on cases of another "
    "site, not fitted to them."
)
TABLE_WORDS = {INTERNAL_TEST: INTERNAL_WORDS, EXTERNAL_TEST: EXTERNAL_WORDS}
ADAPTATION_WORDS = (
    "{folds}-fold adaptation, no external test: each external case is answered by models that have learned from the "
    "internal cases and the external ones of the other folds; the answers of all folds are pooled."
)
SITES_OUT_WORDS = (
    "Leave one site out: each case is answered by models that have learned from the other sites, where each cohort's "
    "sites are its own; the answers of all sites are pooled."
)
CROSSED_WORDS = (
    "{folds}-fold cross-validation by patient: each case, of whatever split, is answered by models that have learned "
    "from the other folds; the answers of all folds are pooled."
)
SMALLER_WORDS = (
    "Learning curve: models that have learned from {size} of the {whole} training cases, and from validation cases in "
    "proportion, answer for the cases of the internal test."
)


@dataclass(frozen=True, slots=True)
class Part:
    """One division of the cases into those that are learned from and those that are tested.

    Attributes:
        name: A short name, that of its folder too.
        fold: Which fold of its protocol it tests.
        split_of: Split of each case; empty where a case takes no part.
        tests: Protocols, and the split of this division that each scores.
    """

    name: str
    fold: int
    split_of: Mapping[str, Split]
    tests: Mapping[str, Split]

    def count(self, split: Split) -> int:
        """Return how many cases have a split."""
        return sum(own == split for own in self.split_of.values())

    def tested(self) -> int:
        """Return how many cases are tested."""
        return sum(self.count(split) for split in self.tests.values())


def divided(
    records: Sequence[Record],
    *,
    folds: int,
    leave_sites_out: bool,
    cross_validate: bool,
    sizes: Sequence[int],
    seed: int,
) -> tuple[tuple[Part, ...], dict[str, str]]:
    """Return every division that is asked for, the one that the table gives first, and the words of its protocols.

    A table of which nobody is learned from, or nobody tested, gives no division of its own.

    Args:
        records: The cases, with splits.
        folds: Of the external cases where there are some, and of all cases where they are cross-validated.
        leave_sites_out: Whether each site is left out in turn.
        cross_validate: Whether all cases, whatever their split, are answered by folds.
        sizes: Numbers of training cases to learn from for the internal test, all below what the table gives.
        seed: Of folds, and of who is left out for a size.

    Raises:
        CohortError: If there are too few patients for the folds or for a size, one site alone is to be left out, or
            nothing is left to do, or a division leaves too few to train a network with.
    """
    internal = _internal(records)
    whole = internal.count("train")
    parts = [internal] if whole and internal.tests else []
    words = {name: words for name, words in TABLE_WORDS.items() if parts and name in internal.tests}
    if EXTERNAL_TEST in words and _can_be_adapted_to(records, folds=folds):
        adapted = f"{folds}-fold adaptation"
        words[adapted] = ADAPTATION_WORDS.format(folds=folds)
        parts += _adaptation(records, adapted, folds=folds, seed=seed)
    if leave_sites_out:
        words[SITES_OUT] = SITES_OUT_WORDS
        parts += _sites_out(records, seed=seed)
    if cross_validate:
        crossed = f"{folds}-fold cross-validation"
        words[crossed] = CROSSED_WORDS.format(folds=folds)
        parts += _crossed(records, crossed, folds=folds, seed=seed)
    if sizes and INTERNAL_TEST not in words:
        missing = "is tested on cases of the split test" if whole else "learns from cases of the split train"
        message = f"a learning curve {missing}, and there is none: give splits"
        raise CohortError(message)
    for size in sorted(set(sizes)):
        name = f"{LEARNED} {size}"
        parts.append(_smaller(records, internal, size, name, seed=seed))
        words[name] = SMALLER_WORDS.format(size=parts[-1].count("train"), whole=whole)  # as whole patients make it
    if not parts:
        message = (
            "the splits of these cases leave nobody to learn from or nobody to test: let all be answered by folds "
            "(--cross-validate), or give splits"
        )
        raise CohortError(message)
    for part in parts:
        _refuse_untrainable(part)
    return tuple(parts), words


def _refuse_untrainable(part: Part) -> None:
    """Refuse a division on which no network can be trained, before a night is spent on the others."""
    training, validating = part.count("train"), part.count("validation")
    if training < FEWEST_TO_NORMALISE or not validating:
        message = (
            f"division {part.name!r} has {training} cases to train with and {validating} to validate, expected at "
            f"least {FEWEST_TO_NORMALISE} and 1: mark cases as train and validation, or ask for no such division"
        )
        raise CohortError(message)


def slug(name: str) -> str:
    """Return a name as a folder has it."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in name).split())


def _internal(records: Sequence[Record]) -> Part:
    """Return the division that the table gives: its test cases, and its external ones by the same models."""
    given = {record.split for record in records}
    every: dict[str, Split] = {INTERNAL_TEST: "test", EXTERNAL_TEST: "external"}
    tests = {name: split for name, split in every.items() if split in given}
    return _part("internal", 0, records, {record.case_id: record.split for record in records}, tests)


def _can_be_adapted_to(records: Sequence[Record], *, folds: int) -> bool:
    """Tell whether the external cases can be learned from and tested in turn, which those of a lone patient cannot.

    Raises:
        CohortError: If there are several patients, but too few for the folds.
    """
    patients = len({record.identity for record in records if record.split == "external"})
    if 1 < patients < folds:
        message = f"the external cases are of {patients} patients, too few for {folds} folds: take fewer (--folds)"
        raise CohortError(message)
    return patients > 1


def _adaptation(records: Sequence[Record], name: str, *, folds: int, seed: int) -> list[Part]:
    """Return divisions that learn from the internal cases and from the external ones of all folds but one.

    A patient who has lesions in both keeps the part that she plays inside: nobody trains and validates.
    """
    inside = {record.identity: record.split for record in records if record.split in LEARNED_FROM}
    external = [record for record in records if record.split == "external"]
    fold_of = draw_folds(external, folds, seed=seed)
    parts = []
    for fold in range(folds):
        others = [record for record, own in zip(external, fold_of, strict=True) if own != fold]
        split_of: dict[str, Split] = {
            record.case_id: record.split if record.split in LEARNED_FROM else "" for record in records
        }
        split_of |= dict.fromkeys((record.case_id for record in external), "test")
        added = learned_splits(others, seed=seed)
        split_of |= {one.case_id: inside.get(one.identity, added[one.case_id]) for one in others}
        parts.append(_part(f"{name} {fold + 1}", fold, records, split_of, {name: "test"}))
    return parts


def _sites_out(records: Sequence[Record], *, seed: int) -> list[Part]:
    """Return a division for each site, which learns from the others."""
    site_of = sites_of(records)
    sites = sorted(set(site_of))
    if len(sites) < 2:  # noqa: PLR2004 - nothing would be left to learn from
        message = f"every case is of site {sites[0]!r}, and leaving it out leaves none: give the column site"
        raise CohortError(message)
    # sites that folders cannot tell apart, as A+ and A-, are numbered
    alike = len({slug(site).casefold() for site in sites}) < len(sites)
    parts = []
    for fold, site in enumerate(sites):
        name = f"without {site} {fold + 1}" if alike else f"without {site}"
        here = [record for record, own in zip(records, site_of, strict=True) if own == site]
        split_of: dict[str, Split] = dict.fromkeys((record.case_id for record in records), "")
        split_of |= dict.fromkeys((record.case_id for record in here), "test")
        tested = {record.identity for record in here}
        split_of |= learned_splits([record for record in records if record.identity not in tested], seed=seed)
        parts.append(_part(name, fold, records, split_of, {SITES_OUT: "test"}))
    return parts


def _crossed(records: Sequence[Record], name: str, *, folds: int, seed: int) -> list[Part]:
    """Return a division for each fold of all cases, whatever their split, which learns from the other folds."""
    return [
        _part(f"{name} {fold + 1}", fold, records, split_of, {name: "test"})
        for fold, split_of in enumerate(crossed_splits(records, folds, seed=seed))
    ]


def _smaller(records: Sequence[Record], internal: Part, size: int, name: str, *, seed: int) -> Part:
    """Return the internal division with fewer cases to learn from; of two sizes the smaller is within the larger.

    Args:
        records: The cases.
        internal: The whole division, from which whoever is tested outside as well is gone already.
        size: Training cases that are kept, fewer by the last patient's lesions where she has several; validation
            cases are kept in proportion.
        name: Of the division and of its protocol.
        seed: Of the order in which patients are left out.

    Raises:
        CohortError: If the size is not below the number of training cases.
    """
    own = internal.split_of
    learned = {split: [record for record in records if own[record.case_id] == split] for split in LEARNED_FROM}
    whole = len(learned["train"])
    if not 0 < size < whole:
        message = f"cannot learn from {size} of {whole} training cases: name fewer than all of them"
        raise CohortError(message)
    split_of: dict[str, Split] = dict.fromkeys((record.case_id for record in records), "")
    split_of |= {case: "test" for case, split in own.items() if split == "test"}
    for split, cases in learned.items():
        wanted = max(1, round(size / whole * len(cases)))
        split_of |= dict.fromkeys((record.case_id for record in _some(cases, wanted, seed=seed)), split)
    return _part(name, 0, records, split_of, {name: "test"})


def _some(records: Sequence[Record], count: int, *, seed: int) -> list[Record]:
    """Return the first cases, of whole patients in an order that the seed alone decides.

    At most so many, but never nobody: the first patient may have more lesions than are asked for.
    """
    patients = sorted({record.identity for record in records})
    some: list[Record] = []
    for place in np.random.default_rng(seed).permutation(len(patients)):
        own = [record for record in records if record.identity == patients[place]]
        if some and len(some) + len(own) > count:
            break
        some += own
    return some


def _part(
    name: str, fold: int, records: Sequence[Record], split_of: Mapping[str, Split], tests: Mapping[str, Split]
) -> Part:
    """Return a division in which no patient is both tested and learned from: then she is only tested."""
    tested = {record.identity for record in records if split_of[record.case_id] in tests.values()}
    apart: dict[str, Split] = {
        record.case_id: ""
        for record in records
        if record.identity in tested and split_of[record.case_id] not in tests.values()
    }
    return Part(name, fold, {**split_of, **apart}, tests)
