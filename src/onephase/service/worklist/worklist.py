"""The work list: every change is one transaction, and two nodes never hold the same study."""

import json
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Table, and_, case, delete, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from onephase.errors import StorageError
from onephase.service.worklist.states import ANSWERED_IN, CLAIMED_IN, State, refuse_step
from onephase.service.worklist.tables import expected, instance, study

BEGUN_ANEW: Mapping[str, Any] = {
    "state": State.RECEIVED,
    "holder": "",
    "attempts": 0,
    "deaths": 0,
    "problem": "",
    "ready_at": 0.0,
}
"""Of a study for which nobody has tried anything since its last step; the state, where it is another, is said."""


class Kind(StrEnum):
    """What an instance is to us."""

    IMAGE = "image"
    OUTLINE = "outline"
    OWN = "own"
    """A result object of onephase that came back from the archive; it is kept and never predicted from."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One stored instance; every key is the sha256 of an identifier."""

    study: str
    series: str
    key: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Entry:
    """A study as the list shows it.

    Attributes:
        key: sha256 of its Study Instance UID.
        state: What was done.
        revision: How many images and outlines have come.
        changed: When the last of them came, in seconds since 1970.
        attempts: How often it was put back since the last step.
        deaths: How many leases in a row ended without a word: whoever held them died.
        problem: Why it waits, failed or could not be sent yet, in one sentence; empty when nothing is wrong.
        answer: What a person added to these images: ``box`` (six numbers, as the reader orders voxels), ``phase``.
        results: Name of the folder with its result objects; empty before there are any.
        held: Whether a node is at it.
    """

    key: str
    state: State
    revision: int
    changed: float
    attempts: int
    deaths: int
    problem: str
    answer: Mapping[str, Any]
    results: str
    held: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do the next step of a study, until the lease ends or the study changes."""

    entry: Entry
    holder: str


class Worklist:
    """The list of studies in a database.

    Args:
        engine: The database; see :func:`~onephase.service.worklist.database.open_database`.
        clock: Seconds since 1970. Nodes that share a list need clocks that agree to a fraction of a lease.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    def record(self, one: Instance, *, names: Collection[str] = ()) -> bool:
        """Write down that an instance is stored, and return whether it is new.

        A new image or outline voids what was begun with fewer, and what a person said of fewer: a box is in voxels of
        the volume that it was drawn on. The study is received again.

        Args:
            one: The instance.
            names: Keys of instances of the same study to which it refers, and which are therefore to come.
        """
        with self._engine.begin() as connection:
            now = self._clock()
            connection.execute(_insert_once(connection, study).values(_fresh(one.study, now=now)))
            row = {"study": one.study, "series": one.series, "key": one.key, "kind": one.kind}
            once = _insert_once(connection, instance).values(row).returning(instance.c.key)
            new = connection.execute(once).first() is not None  # PostgreSQL gives no count of rows here
            if new and one.kind is not Kind.OWN:
                later = {"revision": study.c.revision + 1, "changed": now, **BEGUN_ANEW, "answer": "{}"}
                connection.execute(update(study).where(study.c.key == one.study).values(later))
                _expect(connection, one.study, names)
            return new

    def expect(self, key: str, names: Collection[str]) -> None:
        """Write down which instances of a study are to come; it is not complete before.

        Args:
            key: The study, on the list or not yet.
            names: Keys of the instances.
        """
        with self._engine.begin() as connection:
            connection.execute(_insert_once(connection, study).values(_fresh(key, now=self._clock())))
            _expect(connection, key, names)

    def expect_no_more(self, key: str, names: Collection[str]) -> None:
        """Strike out instances of a study that will not be kept, whoever names them."""
        gone = (expected.c.study == key, expected.c.key.in_(names))
        with self._engine.begin() as connection:
            connection.execute(delete(expected).where(*gone))

    def complete(self, *, quiet_s: float, patience_s: float) -> int:
        """Mark as complete what is; return how many studies.

        A study is complete when nothing has come for ``quiet_s`` and no instance is missing that another one
        names; and in any case when nothing has come for ``patience_s``: what is missing is then said by the
        readers. One without an image is not.
        """
        now = self._clock()
        there = exists().where(instance.c.study == expected.c.study, instance.c.key == expected.c.key)
        missing = exists().where(expected.c.study == study.c.key, ~there)
        quiet = and_(study.c.changed <= now - quiet_s, ~missing)
        has_image = exists().where(instance.c.study == study.c.key, instance.c.kind == Kind.IMAGE)
        whole = (study.c.state == State.RECEIVED, has_image, or_(quiet, study.c.changed <= now - patience_s))
        with self._engine.begin() as connection:
            return connection.execute(update(study).where(*whole).values(state=State.COMPLETE)).rowcount

    def claim(self, state: State, *, node: str, lease_s: float) -> Claim | None:
        """Take the next study in a state, those tried least and changed longest ago first; None when there is none.

        One statement finds and takes it, so two nodes never take the same. A lease that has ended is taken over, and
        the death of its holder counted.
        """
        if state not in CLAIMED_IN:
            message = f"there is nothing to do for a study that is {state}"
            raise ValueError(message)
        holder = f"{node[:80]} {uuid.uuid4().hex}"
        with self._engine.begin() as connection:
            now = self._clock()
            free = (study.c.state == state, study.c.ready_at <= now)
            order = (study.c.attempts + study.c.deaths, study.c.changed, study.c.key)
            first = select(study.c.key).where(*free).order_by(*order).limit(1).with_for_update(skip_locked=True)
            deaths = study.c.deaths + case((study.c.holder == "", 0), else_=1)
            taken = {"holder": holder, "ready_at": now + lease_s, "deaths": deaths}
            take = update(study).where(study.c.key == first.scalar_subquery(), *free).values(taken).returning(study)
            row = connection.execute(take).one_or_none()
            return None if row is None else Claim(_entry(row, now=now), holder)

    def renew(self, claim: Claim, *, lease_s: float) -> bool:
        """Lengthen a lease; False when the claim is void, so that the work may be left."""
        return self._change(claim, {"ready_at": self._clock() + lease_s})

    def advance(self, claim: Claim, to: State, *, problem: str = "", results: str = "") -> bool:
        """Do a step and end the lease; False when the claim is void, and then nothing has changed.

        A claim is void when its lease ended and another node took the study, or when new images came.
        """
        refuse_step(claim.entry.state, to)
        done = {**BEGUN_ANEW, "state": to, "problem": problem, "results": results or claim.entry.results}
        return self._change(claim, done)

    def put_back(self, claim: Claim, *, problem: str, pause_s: float) -> bool:
        """End the lease without a step; the study may be claimed again after a pause."""
        rests = {"holder": "", "problem": problem, "ready_at": self._clock() + pause_s}
        return self._change(claim, {**rests, "attempts": study.c.attempts + 1, "deaths": 0})

    def answer(self, key: str, *, revision: int | None = None, **given: Any) -> None:
        """Add what a person said (``box``, ``phase``, or nothing) to a study, which is then predicted (again).

        Args:
            key: The study.
            revision: That of the images which the person saw; None where nobody knows.
            given: What was said.

        Raises:
            StorageError: If there is no such study, a node is on its way to it, or its images are others by now.
        """
        with self._engine.begin() as connection:
            before = connection.execute(select(study).where(study.c.key == key)).one_or_none()
            if before is None or before.state not in ANSWERED_IN:
                message = f"study {key[:12]} is not on the list, or is still at work: look at `onephase worklist`"
                raise StorageError(message)
            if revision not in {None, before.revision}:
                message = f"study {key[:12]} has got further images since it was opened: open it again"
                raise StorageError(message)
            told = json.dumps({**json.loads(before.answer), **given}, allow_nan=False)
            same = (study.c.key == key, study.c.state == before.state, study.c.revision == before.revision)
            fresh = {**BEGUN_ANEW, "state": State.COMPLETE, "answer": told}
            if connection.execute(update(study).where(*same).values(fresh)).rowcount == 0:  # PostgreSQL lets others in
                message = f"study {key[:12]} changed at the same moment: look at `onephase worklist`, and say it again"
                raise StorageError(message)

    def entries(self) -> list[Entry]:
        """Return every study, the latest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(study).order_by(study.c.changed.desc(), study.c.key))
            return [_entry(row, now=self._clock()) for row in rows]

    def instances(self, key: str) -> list[Instance]:
        """Return what is stored of a study."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(instance).where(instance.c.study == key).order_by(instance.c.key))
            return [Instance(row.study, row.series, row.key, Kind(row.kind)) for row in rows]

    def counts(self) -> dict[State, int]:
        """Return how many studies are in each state."""
        counted = select(study.c.state, func.count()).group_by(study.c.state)
        with self._engine.connect() as connection:
            there = {State(state): number for state, number in connection.execute(counted)}
        return {state: there.get(state, 0) for state in State}

    def _change(self, claim: Claim, values: Mapping[str, Any]) -> bool:
        mine = (study.c.key == claim.entry.key, study.c.holder == claim.holder)
        with self._engine.begin() as connection:
            return connection.execute(update(study).where(*mine).values(values)).rowcount == 1


def _fresh(key: str, *, now: float) -> dict[str, Any]:
    """Return the row of a study of which nothing has come yet."""
    return {**BEGUN_ANEW, "key": key, "revision": 0, "changed": now, "answer": "{}", "results": ""}


def _expect(connection: Connection, key: str, names: Collection[str]) -> None:
    if names:
        named = [{"study": key, "key": name} for name in sorted(names)]  # one order for all, or two nodes would block
        connection.execute(_insert_once(connection, expected), named)


def _insert_once(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return a statement that inserts rows but for those whose key is there."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def _entry(row: Any, *, now: float) -> Entry:
    return Entry(
        key=row.key,
        state=State(row.state),
        revision=row.revision,
        changed=float(row.changed),  # SQLite returns a whole number as one
        attempts=row.attempts,
        deaths=row.deaths,
        problem=row.problem,
        answer=json.loads(row.answer),
        results=row.results,
        held=row.holder != "" and row.ready_at > now,
    )
