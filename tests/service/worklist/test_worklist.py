"""The work list on both databases: nothing is claimed twice, nothing is lost, late images void what was begun."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onephase.errors import StorageError
from onephase.service.worklist.database import open_database
from onephase.service.worklist.states import NEXT, State
from onephase.service.worklist.worklist import Instance, Kind, Worklist


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def worklist(url: str, clock: Clock):
    engine = open_database(url)
    yield Worklist(engine, clock=clock)
    engine.dispose()


def image(study: str, number: int = 0, kind: Kind = Kind.IMAGE) -> Instance:
    return Instance(study, "series", f"{kind}-{number}", kind)


def complete(worklist: Worklist, *studies: str) -> None:
    for study in studies:
        worklist.record(image(study))
    assert worklist.complete(quiet_s=0.0, patience_s=3600.0) == len(studies)


def claim(worklist: Worklist, state: State = State.COMPLETE, lease_s: float = 60.0):
    return worklist.claim(state, node="test", lease_s=lease_s)


def test_a_study_goes_from_received_to_sent(worklist):
    complete(worklist, "a")
    assert worklist.advance(claim(worklist), State.PREDICTED, results="r1")
    sending = claim(worklist, State.PREDICTED)
    assert sending.entry.results == "r1"
    assert worklist.advance(sending, State.SENT)
    assert worklist.counts() == {**dict.fromkeys(State, 0), State.SENT: 1}
    assert claim(worklist) is None
    assert claim(worklist, State.PREDICTED) is None


def test_an_instance_sent_again_changes_nothing(worklist):
    assert worklist.record(image("a"))
    assert not worklist.record(image("a"))
    (entry,) = worklist.entries()
    assert entry.revision == 1


def test_complete_when_quiet_and_nothing_that_is_named_is_missing(worklist, clock):
    worklist.record(image("quiet"))
    worklist.record(image("outlined"))
    worklist.record(image("outlined", kind=Kind.OUTLINE), names={"image-0", "image-1"})
    clock.now += 29
    assert worklist.complete(quiet_s=30.0, patience_s=100.0) == 0
    clock.now += 1
    assert worklist.complete(quiet_s=30.0, patience_s=100.0) == 1
    worklist.record(image("outlined", 1))
    clock.now += 30
    assert worklist.complete(quiet_s=30.0, patience_s=100.0) == 1


def test_patience_with_what_never_comes_ends(worklist, clock):
    worklist.record(image("a"), names={"never"})
    clock.now += 99
    assert worklist.complete(quiet_s=30.0, patience_s=100.0) == 0
    clock.now += 1
    assert worklist.complete(quiet_s=30.0, patience_s=100.0) == 1


def test_a_study_without_an_image_is_not_complete(worklist, clock):
    worklist.record(image("a", kind=Kind.OUTLINE))
    worklist.record(image("b", kind=Kind.OWN))
    clock.now += 1e6
    assert worklist.complete(quiet_s=0.0, patience_s=0.0) == 0


def test_our_own_result_that_comes_home_reopens_nothing(worklist):
    complete(worklist, "a")
    worklist.advance(claim(worklist), State.PREDICTED, results="r1")
    worklist.advance(claim(worklist, State.PREDICTED), State.SENT)
    assert worklist.record(image("a", 7, Kind.OWN))
    assert worklist.entries()[0].state is State.SENT


def test_a_late_image_voids_what_was_begun(worklist):
    complete(worklist, "a")
    begun = claim(worklist)
    worklist.record(image("a", 1))
    assert not worklist.renew(begun, lease_s=60.0)
    assert not worklist.advance(begun, State.PREDICTED, results="old")
    (entry,) = worklist.entries()
    assert (entry.state, entry.results, entry.held) == (State.RECEIVED, "", False)


def test_a_lease_that_has_ended_is_taken_over_once(worklist, clock):
    complete(worklist, "a")
    dead = claim(worklist, lease_s=60.0)
    assert worklist.entries()[0].held
    assert claim(worklist) is None
    clock.now += 61
    assert not worklist.entries()[0].held
    heir = claim(worklist)
    assert (dead.entry.deaths, heir.entry.deaths) == (0, 1)
    assert not worklist.advance(dead, State.PREDICTED, results="of the dead")
    assert worklist.advance(heir, State.PREDICTED, results="of the heir")
    assert worklist.entries()[0].results == "of the heir"


def test_a_renewed_lease_holds(worklist, clock):
    complete(worklist, "a")
    mine = claim(worklist, lease_s=60.0)
    clock.now += 50
    assert worklist.renew(mine, lease_s=60.0)
    clock.now += 50
    assert claim(worklist) is None


def test_a_study_put_back_rests_and_others_go_first(worklist, clock):
    complete(worklist, "a", "b")
    first = claim(worklist)
    worklist.put_back(first, problem="the archive is away", pause_s=10.0)
    second = claim(worklist)
    assert second.entry.key != first.entry.key
    assert claim(worklist) is None
    clock.now += 10
    again = claim(worklist)
    assert (again.entry.key, again.entry.attempts, again.entry.problem) == (first.entry.key, 1, "the archive is away")


def test_deaths_are_counted_in_a_row_and_pauses_apart(worklist, clock):
    complete(worklist, "a")
    for _ in range(3):
        assert claim(worklist, lease_s=0.0) is not None
    mine = claim(worklist)
    assert (mine.entry.deaths, mine.entry.attempts) == (3, 0)
    worklist.put_back(mine, problem="full disk", pause_s=0.0)
    later = claim(worklist)
    assert (later.entry.deaths, later.entry.attempts) == (0, 1)
    worklist.advance(later, State.WAITING)
    (entry,) = worklist.entries()
    assert (entry.deaths, entry.attempts) == (0, 0)


@pytest.mark.parametrize("ended", [State.WAITING, State.FAILED])
def test_a_person_answers(worklist, ended):
    complete(worklist, "a")
    worklist.advance(claim(worklist), ended, problem="no outline")
    worklist.answer("a", box=[0, 4, 0, 5, 0, 6])
    worklist_claim = claim(worklist)
    assert worklist_claim.entry.answer == {"box": [0, 4, 0, 5, 0, 6]}
    assert worklist_claim.entry.problem == ""


@pytest.mark.parametrize("late", [image("a", 1), image("a", 0, Kind.OUTLINE)])
def test_what_a_person_said_of_fewer_images_is_void(worklist, late):
    complete(worklist, "a")
    worklist.advance(claim(worklist), State.WAITING, problem="no outline")
    worklist.answer("a", revision=1, box=[0, 4, 0, 5, 0, 6])
    worklist.record(late)
    worklist.complete(quiet_s=0.0, patience_s=3600.0)
    assert claim(worklist).entry.answer == {}


def test_a_box_of_images_that_are_others_by_now_is_refused(worklist):
    complete(worklist, "a")
    worklist.record(image("a", 1))
    worklist.complete(quiet_s=0.0, patience_s=3600.0)
    worklist.advance(claim(worklist), State.WAITING, problem="no outline")
    with pytest.raises(StorageError, match="study a has got further images since it was opened: open it again"):
        worklist.answer("a", revision=1, box=[0, 4, 0, 5, 0, 6])
    assert worklist.entries()[0].state is State.WAITING


def test_a_study_is_predicted_again_as_it_is(worklist):
    complete(worklist, "a")
    worklist.advance(claim(worklist), State.FAILED, problem="a fault of ours")
    worklist.answer("a")
    assert claim(worklist).entry.answer == {}


def test_what_is_to_come_is_waited_for(worklist, clock):
    worklist.expect("a", {"image-0", "image-1"})
    worklist.expect("a", {"image-1"})
    worklist.record(image("a"))
    clock.now += 30
    assert worklist.complete(quiet_s=30.0, patience_s=100.0) == 0
    worklist.record(image("a", 1))
    clock.now += 30
    assert worklist.complete(quiet_s=30.0, patience_s=100.0) == 1
    begun = claim(worklist)
    worklist.expect("a", {"image-2"})  # it has not come yet: what is done with the others stands
    assert worklist.advance(begun, State.PREDICTED, results="r")


def test_an_answer_to_nothing_is_refused(worklist):
    complete(worklist, "a")
    for key in ("a", "unknown"):
        with pytest.raises(StorageError, match=f"study {key} is not on the list, or is still at work"):
            worklist.answer(key, phase=2)


@pytest.mark.parametrize("state", [state for state in State if state not in {State.COMPLETE, State.PREDICTED}])
def test_nothing_is_to_be_claimed_in_other_states(worklist, state):
    with pytest.raises(ValueError, match=f"nothing to do for a study that is {state}"):
        claim(worklist, state)


def test_every_step_that_is_not_in_the_table_is_refused(worklist):
    complete(worklist, "a")
    begun = claim(worklist)
    for after in set(State) - NEXT[State.COMPLETE]:
        with pytest.raises(ValueError, match=f"a study that is complete cannot become {after}"):
            worklist.advance(begun, after)


def test_many_nodes_at_once_claim_each_study_exactly_once(url):
    """Eight engines, as eight processes would have, each over its own connections."""
    first = open_database(url)
    complete(Worklist(first), *(f"study {number}" for number in range(40)))
    start = threading.Barrier(8, timeout=60)  # where one cannot come, the others do not wait for it

    def node(number: int) -> list[str]:
        engine = open_database(url)
        mine = Worklist(engine)
        start.wait()
        taken = []
        while (one := mine.claim(State.COMPLETE, node=f"node {number}", lease_s=600.0)) is not None:
            taken.append(one.entry.key)
            assert mine.advance(one, State.PREDICTED, results=f"of {number}")
        engine.dispose()
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = Counter(key for keys in pool.map(node, range(8)) for key in keys)
    assert len(taken) == 40
    assert set(taken.values()) == {1}
    first.dispose()


def test_parallel_records_of_one_study_lose_none(url):
    engine = open_database(url)
    worklist = Worklist(engine)
    with ThreadPoolExecutor(8) as pool:
        new = list(pool.map(lambda number: worklist.record(image("a", number // 2)), range(80)))
    assert sum(new) == 40
    assert len(worklist.instances("a")) == 40
    assert worklist.entries()[0].revision == 40
    engine.dispose()


STEPS = st.lists(st.sampled_from(["image", "complete", "claim", "advance", "put back", "time", "answer"]), max_size=30)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], max_examples=10)
@given(STEPS)
def test_no_history_ends_outside_the_table_or_loses_an_image(  # noqa: C901 - one branch a step
    tmp_path_factory, steps
):
    clock = Clock()
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('history') / 'list.sqlite'}")
    worklist, images, held = Worklist(engine, clock=clock), 0, None
    for step in steps:
        if step == "image":
            worklist.record(image("a", images))
            images += 1
        elif step == "complete":
            worklist.complete(quiet_s=0.0, patience_s=0.0)
        elif step == "claim":
            held = claim(worklist) or claim(worklist, State.PREDICTED) or held
        elif step == "advance" and held is not None:
            before = worklist.entries()[0]
            after = State.PREDICTED if held.entry.state is State.COMPLETE else State.SENT
            done = worklist.advance(held, after, results="r")
            assert worklist.entries()[0].state is (after if done else before.state)
            assert not done or before.revision == held.entry.revision
        elif step == "put back" and held is not None:
            worklist.put_back(held, problem="later", pause_s=5.0)
        elif step == "time":
            clock.now += 100
        elif step == "answer" and images and worklist.entries()[0].state in {State.SENT, State.FAILED}:
            worklist.answer("a", phase=1)
    assert len(worklist.instances("a")) == images
    engine.dispose()
