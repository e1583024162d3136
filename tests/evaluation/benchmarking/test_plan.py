from dataclasses import replace
from pathlib import Path

import pytest

from onephase.biomarkers.panel import Events
from onephase.cohort.records import Record, Split
from onephase.errors import CohortError
from onephase.evaluation.benchmarking.divisions import Part
from onephase.evaluation.benchmarking.plan import Design, Plan, network_forms, plan_benchmark
from onephase.settings import NetworkSettings, SplitSettings

SPLITS = ("train", "train", "train", "validation", "test")
NETWORK = NetworkSettings()
OTHERS = ("geometry", "radiomics")


def _records(sites: dict[str, int], *, external: str = "") -> list[Record]:
    """Records of some sites, every tenth with a second lesion."""
    records = []
    for site, cases in sites.items():
        for row in range(cases):
            patient, split = f"{site} {row}", "external" if site == external else SPLITS[row % 5]
            record = Record(
                case_id=patient,
                patient_id=patient,
                image=Path(patient),
                events=Events.unknown(1),
                site=site,
                split=split,
            )
            records += [record, replace(record, case_id=f"{patient} b")] if row % 10 == 0 else [record]
    return records


NUMBERED = list(enumerate(_records({"here": 41})[:45]))


def _plan(records: list[Record], design: Design = Design()) -> Plan:  # noqa: B008 - frozen
    return plan_benchmark(records, design, network=NETWORK, others=OTHERS, seed=1)


def test_every_form_departs_from_the_network_in_full_by_settings_alone() -> None:
    forms = network_forms(NETWORK)
    changed = [change for labelled in forms.values() for change in labelled.values()]
    made = [NetworkSettings.model_validate({**NETWORK.model_dump(), **change}) for change in changed]
    assert len({settings.model_dump_json() for settings in made}) == len(made) == 13
    assert made[0] == NETWORK
    assert forms["one scale"]["one scale"]["scales"] == (3,)
    assert {change["tasks"] for change in forms["single tasks"].values()} == {("er",), ("pr",), ("her2",), ("ki67",)}


def test_the_paper_has_three_studies_and_every_contestant_in_each() -> None:
    plan = _plan(_records({"here": 60, "there": 30}, external="there"))
    assert list(plan.words) == ["internal test", "frozen external test", "5-fold adaptation"]
    assert [part.name for part in plan.parts] == ["internal", *(f"5-fold adaptation {fold}" for fold in range(1, 6))]
    assert [part.name for part in plan.tested_by("frozen external test")] == ["internal"]
    for part in plan.parts:
        runs = [run for run in plan.runs if run.part == part.name]
        assert len(runs) == 13 * 3 + 2
        assert {run.contestant for run in runs} == {*network_forms(NETWORK), *OTHERS}
        assert {run.seed for run in runs if run.contestant == "core only"} == {1, 2, 3}
        assert {run.seed for run in runs if run.contestant == "radiomics"} == {None}
    assert len({run.folder for run in plan.runs}) == len(plan.runs)


def test_no_patient_is_tested_by_what_has_learned_from_her_and_each_external_case_is_tested_once() -> None:
    records = _records({"here": 60, "there": 31}, external="there")
    plan = _plan(records, Design(leave_sites_out=True))
    patient_of = {record.case_id: record.patient_id for record in records}
    for part in plan.parts:
        learned = {patient_of[case] for case, split in part.split_of.items() if split in ("train", "validation")}
        tested = {patient_of[case] for case, split in part.split_of.items() if split in part.tests.values()}
        assert learned
        assert tested
        assert not learned & tested
        assert part.count("validation") > 0
    external = {record.case_id for record in records if record.split == "external"}
    adapted = [
        case for part in plan.tested_by("5-fold adaptation") for case in part.split_of if part.split_of[case] == "test"
    ]
    assert sorted(adapted) == sorted(external)
    assert not any(plan.part("internal").split_of[case] != "external" for case in external)
    first = plan.part("5-fold adaptation 1")
    here = [record for record in records if record.site == "here"]
    assert all(first.split_of[one.case_id] == (one.split if one.split != "test" else "") for one in here)
    out = plan.tested_by("leave one site out")
    assert [part.name for part in out] == ["without here", "without there"]
    assert {case for case, split in out[0].split_of.items() if split == "test"} == {one.case_id for one in here}


def test_a_site_can_be_named_external_and_her_other_lesions_then_teach_nothing() -> None:
    records = _records({"here": 60, "there": 30})
    both = replace(records[0], case_id="elsewhere", site="there", split="train")
    plan = _plan([*records, both], Design(external_sites=("there",)))
    internal = plan.part("internal").split_of
    assert internal["elsewhere"] == "external"
    assert internal[records[0].case_id] == ""  # her lesion of the other site
    assert plan.part("internal").count("external") == 30 + 3 + 1
    with pytest.raises(CohortError, match="no case is of site 'nowhere', expected one of here, there"):
        _plan(records, Design(external_sites=("nowhere",)))


def test_two_cohorts_that_number_their_sites_alike_have_sites_of_their_own() -> None:
    mine = _records({"1": 40, "2": 30})
    theirs = [
        replace(one, case_id=f"their {one.case_id}", patient_id=f"their {one.patient_id}", cohort="theirs")
        for one in _records({"1": 30, "3": 30})
    ]
    records = [*(replace(one, cohort="mine") for one in mine), *theirs]
    out = _plan(records, Design(leave_sites_out=True)).tested_by("leave one site out")
    assert [part.name for part in out] == ["without 2", "without 3", "without mine: 1", "without theirs: 1"]
    for name, own in (("theirs: 1", ("theirs", "1")), ("3", ("theirs", "3")), ("mine: 2", ("mine", "2"))):
        split_of = _plan(records, Design(external_sites=(name,))).part("internal").split_of
        outside = {case for case, split in split_of.items() if split == "external"}
        assert outside == {one.case_id for one in records if one.place == own}
    with pytest.raises(CohortError, match="several cohorts have a site '1': say which, 'mine: 1' or 'theirs: 1'"):
        _plan(records, Design(external_sites=("1",)))


def test_nobody_trains_and_validates_though_she_was_scanned_at_two_sites() -> None:
    records = _records({"here": 60, "there": 30})
    both = [replace(one, case_id=f"{one.case_id} again", site="there") for one in records[:40]]
    plan = _plan([*records, *both], Design(external_sites=("there",), leave_sites_out=True))
    patient_of = {one.case_id: one.identity for one in (*records, *both)}
    for part in plan.parts:
        of = {split: {patient_of[case] for case, own in part.split_of.items() if own == split} for split in SPLITS}
        assert of["train"], part.name
        assert of["validation"], part.name
        assert not of["train"] & of["validation"], part.name


def test_without_external_cases_there_is_the_internal_test_alone() -> None:
    plan = _plan(_records({"here": 40}))
    assert list(plan.words) == ["internal test"]
    with pytest.raises(CohortError, match="every case is of site 'here', and leaving it out leaves none"):
        _plan(_records({"here": 40}), Design(leave_sites_out=True))
    with pytest.raises(CohortError, match=r"the external cases are of 5 patients, too few for 9 folds: take fewer"):
        _plan(_records({"here": 40, "there": 5}, external="there"), Design(folds=9))


def test_a_lone_external_patient_is_tested_and_not_adapted_to() -> None:
    plan = _plan(_records({"here": 40, "there": 1}, external="there"))
    assert list(plan.words) == ["internal test", "frozen external test"]


@pytest.mark.parametrize(
    ("records", "design", "division"),
    [
        ([one for one in _records({"here": 40}) if one.split != "validation"], Design(), "'internal' has 28 .* and 0 "),
        (_records({"A": 40, "B": 1}), Design(leave_sites_out=True), "'without A' has 2 .* and 0 "),
    ],
)
def test_a_division_that_no_network_can_learn_from_is_refused_at_once(
    records: list[Record], design: Design, division: str
) -> None:
    with pytest.raises(CohortError, match=f"division {division}"):
        _plan(records, design)


def test_few_may_be_adapted_and_the_network_may_have_more_seeds() -> None:
    design = Design(seeds=2, other_seeds=1, folds=2, adapted=("onephase", "geometry"))
    plan = _plan(_records({"here": 40, "there": 20}, external="there"), design)
    adapted = [run for run in plan.runs if run.part == "2-fold adaptation 2"]
    assert [(run.contestant, run.seed) for run in adapted] == [("onephase", 1), ("geometry", None)]
    assert sum(run.part == "internal" for run in plan.runs) == 2 + 12 + 2


def test_a_contestant_can_be_left_out_but_not_the_network() -> None:
    plan = _plan(_records({"here": 40}), Design(without=("radiomics", "single tasks")))
    assert {run.contestant for run in plan.runs} == {*network_forms(NETWORK), "geometry"} - {"single tasks"}
    for name in ("onephase", "radiomix"):
        with pytest.raises(CohortError, match=f"'{name}' cannot be left out, expected one of 'couplings off', "):
            _plan(_records({"here": 40}), Design(without=(name,)))


def test_a_plan_comes_back_from_json() -> None:
    plan = _plan(_records({"here": 40, "there": 20}, external="there"))
    again = Plan.from_json(plan.to_json())
    assert again == plan


def test_split_settings_are_those_of_the_paper() -> None:
    assert (SplitSettings().train, SplitSettings().validation, SplitSettings().test) == (0.7, 0.1, 0.2)


def test_all_cases_can_be_answered_by_folds_whatever_their_split() -> None:
    records = _records({"here": 40})
    plan = _plan(records, Design(folds=4, cross_validate=True, adapted=("onephase", "geometry")))
    assert list(plan.words) == ["internal test", "4-fold cross-validation"]
    parts = plan.tested_by("4-fold cross-validation")
    tested = [case for part in parts for case, split in part.split_of.items() if split == "test"]
    assert sorted(tested) == sorted(record.case_id for record in records)
    assert all(part.count("train") > part.count("validation") > 0 for part in parts)
    assert {run.contestant for run in plan.runs if run.part == parts[0].name} == {"onephase", "geometry"}
    assert plan.learning_curve() == {}


def test_a_cohort_without_a_test_set_is_answered_by_folds_alone() -> None:
    records = [replace(one, split="train" if one.split == "test" else one.split) for one in _records({"here": 40})]
    plan = _plan(records, Design(cross_validate=True, folds=2))
    assert list(plan.words) == ["2-fold cross-validation"]
    assert {part.name for part in plan.parts} == {f"2-fold cross-validation {fold}" for fold in (1, 2)}
    tested = [replace(one, split="test") for one in records]  # as a table has it that is for testing alone
    assert list(_plan(tested, Design(cross_validate=True, folds=2)).words) == ["2-fold cross-validation"]
    for none in (records, tested):
        with pytest.raises(CohortError, match="leave nobody to learn from or nobody to test: let all be answered by"):
            _plan(none)
        missing = "tested on cases of the split test" if none is records else "learns from cases of the split train"
        with pytest.raises(CohortError, match=f"a learning curve .*{missing}, and there is none"):
            _plan(none, Design(cross_validate=True, sizes=(5,)))


def test_external_cases_alone_are_a_test() -> None:
    records = [one for one in _records({"here": 40, "there": 20}, external="there") if one.split != "test"]
    plan = _plan(records, Design(seeds=3, other_seeds=1))
    assert list(plan.words) == ["frozen external test", "5-fold adaptation"]
    assert plan.parts[0].tests == {"frozen external test": "external"}
    assert sum(run.contestant == "onephase" for run in plan.runs if run.part == "internal") == 3


@pytest.mark.parametrize(("external", "learned"), [(4, (1, 1)), (2, (1, 0)), (3, (1, 0))])
def test_a_handful_of_external_cases_is_adapted_to(external: int, learned: tuple[int, int]) -> None:
    records = [one for one in _records({"here": 40, "there": external}, external="there") if "b" not in one.case_id]
    part = _plan(records, Design(folds=2)).part("2-fold adaptation 1")
    own = [part.split_of[one.case_id] for one in records if one.site == "there" and one.case_id]
    assert (own.count("train"), own.count("validation")) == learned
    assert own.count("test") == external - sum(learned)


def test_somebody_validates_though_every_patient_has_two_lesions() -> None:
    records = _records({"here": 40})
    twice = [*records, *(replace(one, case_id=f"{one.case_id} c") for one in records)]
    plan = _plan(twice, Design(sizes=(3,)))
    assert plan.part("learned from 3").count("validation") >= 2
    assert plan.part("learned from 3").count("train") >= 2


def test_sites_that_folders_cannot_tell_apart_have_runs_of_their_own() -> None:
    plan = _plan(_records({"A+": 10, "A-": 10, "b": 10, "B": 10}), Design(leave_sites_out=True))
    folders = {run.folder.casefold() for run in plan.runs}
    assert len(folders) == len(plan.runs)
    plain = _plan(_records({"A": 10, "B": 10}), Design(leave_sites_out=True))
    assert [part.name for part in plain.parts] == ["internal", "without A", "without B"]


def test_a_learning_curve_says_how_many_cases_whole_patients_make() -> None:
    split_of = {**dict.fromkeys(range(30), "train"), **dict.fromkeys(range(30, 36), "validation")}
    cases = [replace(one, patient_id=f"{row // 3}", split=split_of.get(row, "test")) for row, one in NUMBERED]
    plan = _plan(cases, Design(sizes=(10,)))
    assert plan.part("learned from 10").count("train") == 9
    assert "learned from 9 of the 30 training cases" in plan.words["learned from 10"]


def test_a_learning_curve_tests_the_same_cases_after_ever_more_of_the_same() -> None:
    records = _records({"here": 100, "there": 20}, external="there")
    plan = _plan(records, Design(sizes=(40, 20), adapted=("onephase",)))
    assert list(plan.words)[-2:] == ["learned from 20", "learned from 40"]
    whole = plan.part("internal")
    sizes = [plan.part(name) for name in ("learned from 20", "learned from 40")]
    assert plan.learning_curve() == {
        sizes[0].count("train"): "learned from 20",
        sizes[1].count("train"): "learned from 40",
        whole.count("train"): "internal test",
    }

    def of(part: Part, split: Split) -> set[str]:
        return {case for case, own in part.split_of.items() if own == split}

    assert of(sizes[0], "test") == of(sizes[1], "test") == of(whole, "test")
    for split in ("train", "validation"):
        assert of(sizes[0], split) < of(sizes[1], split) < of(whole, split)
    patient_of = {record.case_id: record.patient_id for record in records}
    for size, part in zip((20, 40), sizes, strict=True):
        assert size - 1 <= part.count("train") <= size
        assert part.count("external") == 0
        learned = {patient_of[case] for case in of(part, "train")}
        assert {case for case in of(whole, "train") if patient_of[case] in learned} == of(part, "train")
    for size in (whole.count("train"), 0):
        with pytest.raises(CohortError, match=f"cannot learn from {size} of 70 training cases: name fewer than all"):
            _plan(records, Design(sizes=(size,)))


def test_a_learning_curve_learns_from_nobody_who_is_tested_outside() -> None:
    records = _records({"here": 40, "there": 20}, external="there")
    inside = next(one for one in records if one.split == "train")
    outside = max((one for one in records if one.split == "external"), key=lambda one: one.case_id)
    records[records.index(outside)] = replace(outside, patient_id=inside.patient_id)
    whole = _plan(records).part("internal").count("train")
    part = _plan(records, Design(sizes=(whole - 1,))).part(f"learned from {whole - 1}")
    assert part.split_of[inside.case_id] == ""  # as in the whole, within which every smaller set lies
    with pytest.raises(CohortError, match=f"cannot learn from {whole} of {whole} training cases"):
        _plan(records, Design(sizes=(whole,)))
