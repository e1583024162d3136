from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.biomarkers.panel import Events
from onephase.cohort.records import Record
from onephase.cohort.split_file import read_split_file
from onephase.cohort.splits import draw_splits, folds, strata
from onephase.errors import CohortError
from onephase.settings import SplitSettings

SHARES = SplitSettings()
LEVELS = st.tuples(*[st.sampled_from((-1, 0, 1))] * 3)


def record(
    case_id: str,
    *,
    patient_id: str = "",
    cohort: str = "clinic",
    status: tuple[int, int, int] = (-1, -1, -1),
    split: str = "",
) -> Record:
    """Return a record whose HR, HER2 and high Ki-67 are as ``status`` says; -1 is not known."""
    hr, her2, high = status
    cells = np.ones((1, 8), dtype=bool)
    for level, positive in ((hr, np.arange(8) >= 2), (her2, np.arange(8) % 2 == 1)):
        if level != -1:
            cells &= positive == bool(level)
    ki67 = {-1: (0.0, 1.0), 0: (0.1, 0.11), 1: (0.4, 0.41)}[high]
    return Record(
        case_id=case_id,
        patient_id=patient_id or case_id,
        cohort=cohort,
        image=Path("images") / f"{case_id}.nii.gz",
        events=Events(cells, np.array([ki67]), np.array([-1], dtype=np.int8)),
        split=split,
    )


@st.composite
def cohorts(draw: st.DrawFn, *, least: int = 1) -> list[Record]:
    """One to three cohorts; some patients have several lesions, some stand in two cohorts."""
    rows = draw(st.lists(st.tuples(st.integers(0, 60), st.sampled_from("xyz"), LEVELS), min_size=least, max_size=120))
    return [
        record(f"c{number}", patient_id=f"p{patient}", cohort=cohort, status=status)
        for number, (patient, cohort, status) in enumerate(rows)
    ]


@given(cohorts(), st.integers(0, 5), st.randoms())
def test_patients_never_part_and_row_order_does_not_matter(records, seed, random) -> None:
    shares = SplitSettings(seed=seed)
    drawn = draw_splits(records, shares)
    split_of = {(record.patient_id, record.split) for record in drawn}
    assert len(split_of) == len({record.patient_id for record in records})
    assert [record.case_id for record in drawn] == [record.case_id for record in records]

    shuffled = random.sample(records, len(records))
    again = draw_splits(shuffled, shares)
    assert {(record.patient_id, record.split) for record in again} == split_of


@given(cohorts(least=3), st.integers(2, 5), st.integers(0, 5), st.randoms())
def test_folds_keep_patients_whole_and_row_order_does_not_matter(records, k, seed, random) -> None:
    patients = {record.patient_id for record in records}
    if len(patients) < k:
        with pytest.raises(CohortError, match=f"{k} folds need at least {k} patients, the cohort has {len(patients)}"):
            folds(records, k, seed=seed)
        return
    fold_of = dict(zip((record.patient_id for record in records), folds(records, k, seed=seed).tolist(), strict=True))
    assert all(
        fold_of[record.patient_id] == fold for record, fold in zip(records, folds(records, k, seed=seed), strict=True)
    )
    sizes = Counter(fold_of.values())
    assert max(sizes.values()) - min(sizes[fold] for fold in range(k)) <= 1
    shuffled = random.sample(records, len(records))
    assert {r.patient_id: f for r, f in zip(shuffled, folds(shuffled, k, seed=seed).tolist(), strict=True)} == fold_of


@given(st.integers(5, 300), st.integers(0, 1000), st.integers(0, 3))
def test_every_stratum_is_shared_out_in_proportion(patients, draw, seed) -> None:
    levels = [tuple(row) for row in np.random.default_rng(draw).integers(-1, 2, (patients, 3)).tolist()]
    records = [record(f"c{number}", status=status) for number, status in enumerate(levels)]
    drawn = draw_splits(records, SplitSettings(seed=seed))
    fold = folds(records, 5, seed=seed)
    for wide in (0, 1, 2, 3):  # all, by HR, by HR and HER2, by all three
        groups = {status[:wide] for status in levels}
        for group in groups:
            rows = [number for number, status in enumerate(levels) if status[:wide] == group]
            counts = Counter(drawn[row].split for row in rows)
            for split in ("train", "validation", "test"):
                # The queue is turned once, so that a group is at most two runs, each off by less than 1.5.
                assert abs(counts[split] - getattr(SHARES, split) * len(rows)) < 3
            in_fold = np.bincount(fold[rows], minlength=5)
            assert in_fold.max() - in_fold.min() <= 2


def test_seven_one_two_of_a_hundred() -> None:
    drawn = draw_splits([record(f"c{number}", status=(number % 2, -1, -1)) for number in range(100)], SHARES)
    assert Counter(record.split for record in drawn) == {"train": 70, "validation": 10, "test": 20}


def test_a_cohort_is_split_alike_alone_and_in_company() -> None:
    first = [record(f"a{number}", cohort="a", status=(number % 2, -1, -1)) for number in range(40)]
    other = [record(f"b{number}", cohort="b", status=(-1, number % 2, -1)) for number in range(30)]
    alone = [record.split for record in draw_splits(first, SHARES)]
    assert [record.split for record in draw_splits([*other, *first], SHARES)[30:]] == alone


def test_another_seed_draws_otherwise() -> None:
    records = [record(f"c{number}") for number in range(50)]
    assert [r.split for r in draw_splits(records, SHARES)] != [
        r.split for r in draw_splits(records, SplitSettings(seed=2))
    ]


def test_another_seed_parts_other_pairs() -> None:
    records = [record(f"c{number}") for number in range(50)]
    first, other = (folds(records, 5, seed=seed) for seed in (1, 2))
    assert ((first[:, None] == first) != (other[:, None] == other)).any()


def test_given_splits_stay_and_count() -> None:
    records = [record(f"c{number}", split="test" if number < 20 else "") for number in range(100)]
    records[0] = replace(records[0], split="external")
    second_lesion = record("c100", patient_id="c1")
    drawn = draw_splits([*records, second_lesion], SHARES)
    assert drawn[0].split == "external"
    assert {record.split for record in drawn[1:20]} == {"test"}
    assert drawn[100].split == "test"
    counts = Counter(record.split for record in drawn[1:100])
    assert (counts["train"], counts["validation"]) == (69, 10)


def test_a_patient_given_two_splits_is_refused() -> None:
    records = [record("a", patient_id="p", split="train"), record("b", patient_id="p", split="test")]
    with pytest.raises(CohortError, match="case b: its patient stands in train and in test"):
        draw_splits(records, SHARES)


def test_a_patient_has_what_one_lesion_has() -> None:
    quiet = [record(f"q{number}", status=(0, 0, 0)) for number in range(8)]
    one_loud = [record("l0", patient_id="l", status=(0, 0, 0)), record("l1", patient_id="l", status=(1, 1, 1))]
    loud = [record("l0", patient_id="l", status=(1, 1, 1)), record("l1", patient_id="l", status=(1, 1, 1))]
    assert folds([*quiet, *one_loud], 3, seed=1).tolist() == folds([*quiet, *loud], 3, seed=1).tolist()


def test_strata_read_events() -> None:
    levels = [(1, 0, -1), (-1, 1, 1), (0, -1, 0)]
    assert [strata(record("a", status=level).events)[0].tolist() for level in levels] == [
        list(level) for level in levels
    ]


def test_a_file_of_splits_that_cannot_be_read_is_one_sentence(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "cohort.splits.csv"
    assert read_split_file(path) == {}
    path.mkdir()
    with pytest.raises(
        CohortError, match=r"cohort\.splits\.csv cannot be read \(Is a directory\): give a file of splits"
    ):
        read_split_file(path)

    def refusing(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", refusing)
    with pytest.raises(CohortError, match=r"cohort\.splits\.csv cannot be read \(Permission denied\)"):
        read_split_file(path)
    with pytest.raises(CohortError, match=r"cannot be read"):
        read_split_file(tmp_path / f"{'a' * 300}.splits.csv")
