"""The two steps that a node does for a study: predict it, and send what was predicted."""

import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from onephase.errors import OnephaseError, StorageError
from onephase.imaging.plausible_outlines import doubt_about
from onephase.inference.bundle import Bundle
from onephase.inference.predict import predict
from onephase.reports.dicom_objects import dicom_objects, write_dicom
from onephase.reports.object_kind import ObjectKind, kind_of
from onephase.service.node.destination import Destination, NotSentError
from onephase.service.node.journal import say, say_fault
from onephase.service.node.reading import PersonNeededError, Rules, read_study
from onephase.service.node.store import Store, key_of
from onephase.service.worklist.states import State
from onephase.service.worklist.worklist import Claim, Worklist

MOST_DEATHS = 10
LONGEST_PAUSE_S = 300.0


@dataclass(frozen=True, slots=True)
class Work:
    """What a node works with.

    Attributes:
        worklist: The list.
        store: Where instances and result objects are.
        bundle: What predicts.
        rules: How the series of a study is found.
        destination: Where result objects go.
        node: Name of the node, for the list.
        lease_s: How long a claim holds without a sign of life.
        kinds: Which result objects are made and sent.
    """

    worklist: Worklist
    store: Store
    bundle: Bundle
    rules: Rules
    destination: Destination
    node: str
    lease_s: float = 60.0
    kinds: Sequence[ObjectKind] = tuple(ObjectKind)

    def predict_next(self) -> State | None:
        """Predict the next complete study; return what became of it, None when there is none or it stays as it is."""
        claim = self.worklist.claim(State.COMPLETE, node=self.node, lease_s=self.lease_s)
        if claim is None:
            return None
        key = claim.entry.key
        if claim.entry.deaths >= MOST_DEATHS:
            return self._end(claim, State.FAILED, f"given up after {MOST_DEATHS} attempts; each ended the program")
        try:
            superseded = self.store.result_sets(key)  # while the claim holds, nobody else's can come to count
            with self._kept_alive(claim):
                name = self._results_of(claim)
        except Exception as fault:  # noqa: BLE001 - one study must not end the node
            return self._fallen(claim, fault)
        if not self.worklist.advance(claim, State.PREDICTED, results=name):
            self.store.remove_results([self.store.results(key, name)])
            say("prediction left: the study has changed meanwhile", study=key)
            return None
        self.store.remove_results(superseded)
        say("study predicted", study=key)
        return State.PREDICTED

    def send_next(self) -> State | None:
        """Send the objects of the next predicted study; return what became of it, None when it stays as it is."""
        claim = self.worklist.claim(State.PREDICTED, node=self.node, lease_s=self.lease_s)
        if claim is None:
            return None
        objects = self._objects(claim)
        if not objects:
            say("result objects are gone: the study is predicted again", study=claim.entry.key)
            return State.COMPLETE if self.worklist.advance(claim, State.COMPLETE) else None
        try:
            with self._kept_alive(claim):
                self.destination.send(objects)
        except NotSentError as fault:
            self._put_back(claim, str(fault))
            return None
        except Exception as fault:  # noqa: BLE001 - the objects are kept, whatever went wrong
            say_fault("sending failed by a fault of ours", fault, study=claim.entry.key)
            self._put_back(claim, f"a fault of ours ({type(fault).__name__}) while sending: it is tried again")
            return None
        if not self.worklist.advance(claim, State.SENT):
            return None
        say("study sent", study=claim.entry.key)
        return State.SENT

    def _results_of(self, claim: Claim) -> str:
        """Predict a study, write its objects through to the disk, and return the name of their folder.

        The name is new each time, so that nobody ever sends objects that another node is still writing. The objects
        name the moment when the last of their images had come, not the one when they were made: made again they are
        the same.
        """
        entry = claim.entry
        instances = self.worklist.instances(entry.key)
        case, source = read_study(self.store, instances, rules=self.rules, answer=entry.answer)
        prediction = predict(self.bundle, case, doubt=doubt_about(case.roi))
        read = {key_of(uid) for uid in source.instance_uids}
        came = max(self.store.came(one) for one in instances if one.key in read)
        objects = dicom_objects(prediction, source, created=datetime.fromtimestamp(int(came)))
        name = f"{entry.revision}-{uuid.uuid4().hex[:16]}"
        write_dicom(objects, self.store.results(entry.key, name), kinds=self.kinds)
        self.store.settle_results(entry.key, name)
        return name

    def _objects(self, claim: Claim) -> list[Path]:
        """Return the objects that are sent; none where they are gone, or were made when other kinds were asked for."""
        folder = self.store.results(claim.entry.key, claim.entry.results)
        return sorted(path for path in folder.glob("*.dcm") if kind_of(path) in self.kinds)

    def _fallen(self, claim: Claim, fault: Exception) -> State | None:
        """Say what becomes of a study that could not be predicted: what time may mend is tried again."""
        kind = type(fault).__name__
        if isinstance(fault, PersonNeededError):
            return self._end(claim, State.WAITING, str(fault))
        if isinstance(fault, StorageError | OSError | MemoryError | SQLAlchemyError):
            self._put_back(claim, f"the machine lacks something ({kind}): it is tried again")
            return None
        if isinstance(fault, OnephaseError):
            return self._end(claim, State.FAILED, str(fault))
        say_fault("prediction failed by a fault of ours", fault, study=claim.entry.key)
        return self._end(claim, State.FAILED, f"a fault of ours ({kind}); the journal says where")

    def _end(self, claim: Claim, state: State, sentence: str) -> State | None:
        say(f"study {state}", study=claim.entry.key, sentence=sentence)
        return state if self.worklist.advance(claim, state, problem=sentence) else None

    def _put_back(self, claim: Claim, sentence: str) -> None:
        """Let a study rest, longer each time."""
        pause_s = min(2.0 ** min(claim.entry.attempts + 1, 16), LONGEST_PAUSE_S)
        say("study put back", study=claim.entry.key, sentence=sentence, pause_s=pause_s)
        self.worklist.put_back(claim, problem=sentence, pause_s=pause_s)

    @contextmanager
    def _kept_alive(self, claim: Claim) -> Iterator[None]:
        """Renew a lease while something is done, from a thread of its own."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(self.lease_s / 3):
                try:
                    self.worklist.renew(claim, lease_s=self.lease_s)
                except SQLAlchemyError as fault:
                    say_fault("a lease could not be renewed", fault, study=claim.entry.key)

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
