"""Which cases are tried: of patients that the bundle has not learned from, one lesion each, drawn by a seed."""

from collections.abc import Sequence

import numpy as np

from onephase.cohort.records import Record
from onephase.errors import CohortError
from onephase.evaluation.protocol import LEARNED_FROM
from onephase.inference.bundle import Bundle


def draw_cases(bundle: Bundle, records: Sequence[Record], *, cases: int, seed: int) -> tuple[Record, ...]:
    """Return at most so many cases, in the order of the tables.

    Args:
        bundle: What answers; patients that it has learned from, by its own ``split.csv``, are left out.
        records: The cohort. Of a patient with several lesions the first by name counts.
        cases: How many.
        seed: Of the draw; a larger number of cases with the same seed holds the smaller.

    Raises:
        CohortError: If the bundle has learned from every patient.
    """
    learned = {record.identity for record in records if bundle.split.get(record.case_id) in LEARNED_FROM}
    first: dict[str, Record] = {}
    for record in sorted(records, key=lambda record: record.case_id):
        if record.identity not in learned:
            first.setdefault(record.identity, record)
    if not first:
        message = "the bundle has learned from every patient of these tables: name a cohort that holds others"
        raise CohortError(message)
    fresh = [record for record in records if first.get(record.identity) is record]
    order = np.random.default_rng(seed).permutation(len(fresh))
    return tuple(fresh[row] for row in sorted(order[:cases]))
