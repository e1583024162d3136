"""The two steps of work, without a network: what becomes of a study, whatever goes wrong."""

import os
from dataclasses import replace
from queue import Queue

import pytest
from tests.service.node.working import only, receive

from onephase.reports.object_kind import ObjectKind
from onephase.service.node.reading import read_rules
from onephase.service.node.work import MOST_DEATHS, Work
from onephase.service.worklist.states import State


def test_a_study_is_predicted_and_sent(work, intake, tray, scanner):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))
    assert work.predict_next() is State.PREDICTED
    assert work.send_next() is State.SENT
    (objects,) = tray.taken
    assert sorted(one.Modality for one in objects) == ["OT", "OT", "SEG", "SR"]
    assert {one.StudyInstanceUID for one in objects} == {slices[0].StudyInstanceUID}
    assert (work.predict_next(), work.send_next()) == (None, None)


def test_made_again_after_a_death_the_objects_are_the_same(work, intake, tray, scanner):
    """The first node dies after it wrote its objects and before it said so; another one takes over."""
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))
    dying = intake.worklist.claim(State.COMPLETE, node="dying", lease_s=0.0)
    lost = work._results_of(dying)
    lost_objects = [path.read_bytes() for path in sorted(work.store.results(dying.entry.key, lost).iterdir())]
    assert work.predict_next() is State.PREDICTED
    name = only(intake).results
    assert name != lost
    assert [path.read_bytes() for path in sorted(work.store.results(only(intake).key, name).iterdir())] == lost_objects
    assert not work.store.results(dying.entry.key, lost).exists()
    assert work.send_next() is State.SENT


def test_an_image_that_comes_during_a_prediction_voids_it(work, intake, scanner, monkeypatch):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))

    def late(*_: object) -> str:
        receive(intake, scanner.slices(1, series="late", description="t2 stir")[0])
        return "of too few images"

    monkeypatch.setattr(Work, "_results_of", late)
    assert work.predict_next() is None
    assert (only(intake).state, only(intake).results) == (State.COMPLETE, "")


def test_an_archive_that_is_away_is_tried_again_with_longer_pauses(work, intake, tray, scanner, monkeypatch):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))
    assert work.predict_next() is State.PREDICTED
    tray.away = True
    now = [intake.worklist._clock()]
    monkeypatch.setattr(intake.worklist, "_clock", lambda: now[0])
    for pause_s in (2, 4, 8, 16):
        assert work.send_next() is None
        assert (only(intake).state, only(intake).problem) == (
            State.PREDICTED, "the archive cannot be reached: it is tried again",
        )  # fmt: skip
        now[0] += pause_s - 0.5
        tray.away = False
        assert work.send_next() is None  # it still rests
        tray.away = True
        now[0] += 0.5
    tray.away = False
    assert work.send_next() is State.SENT
    assert only(intake).problem == ""


@pytest.mark.parametrize("fault", [OSError(28, "No space left"), MemoryError(), OSError(5, "Input/output error")])
def test_what_time_may_mend_is_tried_again(work, intake, scanner, monkeypatch, fault):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))

    def fail(*_: object) -> None:
        raise fault

    with monkeypatch.context() as patched:
        patched.setattr(Work, "_results_of", fail)
        assert work.predict_next() is None
    assert only(intake).state is State.COMPLETE
    assert "the machine lacks something" in only(intake).problem


def test_a_machine_that_lacks_something_for_long_loses_no_study(work, intake, scanner, monkeypatch):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))
    now = [intake.worklist._clock()]
    monkeypatch.setattr(intake.worklist, "_clock", lambda: now[0])

    def fail(*_: object) -> None:
        raise OSError(28, "No space left")

    with monkeypatch.context() as patched:
        patched.setattr(Work, "_results_of", fail)
        for _ in range(3 * MOST_DEATHS):
            assert work.predict_next() is None
            now[0] += 301
    assert only(intake).attempts == 3 * MOST_DEATHS
    assert work.predict_next() is State.PREDICTED


def test_a_node_that_slept_removes_nothing_that_another_made(work, intake, tray, scanner, monkeypatch):
    """It wakes between saying that it predicted and removing what was there before."""
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))
    other = replace(work, node="other")
    advance, between = intake.worklist.advance, []

    def advance_and_sleep(*given, **named):
        done = advance(*given, **named)
        if not between:
            between.append("slept")
            intake.worklist.advance(intake.worklist.claim(State.PREDICTED, node="n", lease_s=9.0), State.COMPLETE)
            assert other.predict_next() is State.PREDICTED
        return done

    monkeypatch.setattr(intake.worklist, "advance", advance_and_sleep)
    assert work.predict_next() is State.PREDICTED
    assert work.send_next() is State.SENT
    assert len(tray.taken[0]) == 4


def test_objects_that_nobody_will_send_are_removed(work, intake, scanner, monkeypatch):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))
    made = Work._results_of

    def of_too_few(self, claim) -> str:
        name = made(self, claim)
        receive(intake, scanner.slices(1, series="late", description="t2 stir")[0])
        return name

    monkeypatch.setattr(Work, "_results_of", of_too_few)
    assert work.predict_next() is None
    assert work.store.result_sets(only(intake).key) == []


def test_result_objects_that_somebody_removed_are_made_again(work, intake, tray, scanner):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))
    assert work.predict_next() is State.PREDICTED
    work.store.remove_results(work.store.result_sets(only(intake).key))
    assert work.send_next() is State.COMPLETE
    assert tray.taken == []
    assert (work.predict_next(), work.send_next()) == (State.PREDICTED, State.SENT)


def test_a_late_series_that_is_not_read_leaves_the_objects_as_they_are(work, intake, scanner):
    """They are sent under the same identifiers, so their bytes are the same as well."""
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))
    for path in work.store.folder.rglob("*.dcm"):
        os.utime(path, (1e9, 1e9))  # received long ago
    assert work.predict_next() is State.PREDICTED
    before = {path.name: path.read_bytes() for path in work.store.result_sets(only(intake).key)[0].iterdir()}
    assert (work.send_next(), work.predict_next()) == (State.SENT, None)
    receive(intake, *scanner.slices(1, series="late", description="t2 stir"))
    chosen = replace(work, rules=read_rules(series="t1", phase="first-post", segment=""))
    assert chosen.predict_next() is State.PREDICTED
    (folder,) = work.store.result_sets(only(intake).key)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_only_the_kinds_that_are_asked_for_are_sent(work, intake, tray, scanner):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))
    some = replace(work, kinds=[ObjectKind.SEG, ObjectKind.SR])
    assert (some.predict_next(), some.send_next()) == (State.PREDICTED, State.SENT)
    assert sorted(one.Modality for one in tray.taken[0]) == ["SEG", "SR"]


def test_kinds_that_are_left_out_later_are_not_sent_of_what_is_predicted_already(work, intake, tray, scanner):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))
    assert work.predict_next() is State.PREDICTED
    assert replace(work, kinds=[ObjectKind.SR]).send_next() is State.SENT
    assert [one.Modality for one in tray.taken[0]] == ["SR"]


def test_a_store_that_does_not_answer_is_a_pause_and_no_death(work, intake, scanner, monkeypatch):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))

    def stale(*_: object) -> None:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(type(work.store), "result_sets", stale)
    assert work.predict_next() is None
    assert (only(intake).attempts, only(intake).deaths, only(intake).held) == (1, 0, False)


def test_a_fault_of_ours_is_named_and_never_quoted(work, intake, scanner, monkeypatch, caplog):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))

    def fail(*_: object) -> None:
        raise KeyError(scanner.canary)

    monkeypatch.setattr(Work, "_results_of", fail)
    assert work.predict_next() is State.FAILED
    assert only(intake).problem == "a fault of ours (KeyError); the journal says where"
    assert scanner.canary not in caplog.text


def test_a_study_that_ends_the_program_each_time_is_given_up(work, intake, scanner):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))
    for _ in range(MOST_DEATHS + 1):
        assert intake.worklist.claim(State.COMPLETE, node="dies", lease_s=0.0) is not None
    assert work.predict_next() is State.FAILED
    assert only(intake).problem == "given up after 10 attempts; each ended the program"


def test_a_lease_is_renewed_while_the_work_goes_on(work, intake, scanner, monkeypatch):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))
    now, renewed, renew = [intake.worklist._clock()], Queue(), intake.worklist.renew
    monkeypatch.setattr(intake.worklist, "_clock", lambda: now[0])

    def watched(*given, **named):
        began = now[0]
        renewed.put((began, renew(*given, **named)))

    monkeypatch.setattr(intake.worklist, "renew", watched)
    claim = intake.worklist.claim(State.COMPLETE, node="slow", lease_s=0.3)
    with replace(work, lease_s=0.3)._kept_alive(claim):
        for _ in range(3):  # each time the half of a lease goes by, however long that takes here
            now[0] += 0.2
            while (last := renewed.get(timeout=60))[0] < now[0]:
                pass
            assert last[1]
            assert intake.worklist.claim(State.COMPLETE, node="other", lease_s=1.0) is None
    assert intake.worklist.advance(claim, State.PREDICTED, results="r")
