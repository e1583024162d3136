"""The studies of a node as a work list of the page: those that wait for a person come first."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from onephase.imaging.case import Box
from onephase.service.node.journal import SHOWN_KEY
from onephase.service.node.reading import PersonNeededError, Rules, read_study
from onephase.service.node.store import Store
from onephase.service.web.cases import MASK, NOTHING, Entry, Material, NotThereError
from onephase.service.worklist import worklist as node_list
from onephase.service.worklist.states import State

WORDS: Final = {
    State.COMPLETE: "to be predicted",
    State.PREDICTED: "to be sent",
    State.SENT: "sent",
    State.WAITING: "waits for a box",
    State.FAILED: "failed",
}
CORNER: Final = (0.0, 1.0, 0.0, 1.0, 0.0, 1.0)
"""Stands in for the box of a study that nobody has outlined yet: its first voxel."""


class StudyList:
    """The studies of a node, to be read, and given a box that the node predicts with.

    Args:
        worklist: The node's work list.
        store: Where its instances are.
        rules: How the node finds the series of a study; the page must read the same.
    """

    def __init__(self, worklist: node_list.Worklist, store: Store, *, rules: Rules) -> None:
        self._worklist, self._store, self._rules = worklist, store, rules

    def entries(self) -> Sequence[Entry]:
        """Return the studies that have arrived whole; those that wait for a person first, then the latest."""
        studies = [one for one in self._worklist.entries() if one.state in WORDS]
        return [_entry(one) for one in sorted(studies, key=lambda one: one.state is not State.WAITING)]

    def open(self, key: str) -> Material:
        """Read a study, with the box that a person gave or the outline that it came with."""
        study = next((one for one in self._worklist.entries() if one.key == key and one.state in WORDS), None)
        if study is None:
            message = "there is no such study on the node's list: load the page again"
            raise NotThereError(message)
        read = partial(read_study, self._store, self._worklist.instances(key), rules=self._rules)
        try:
            return Material(read(answer=study.answer)[0], outlined=True)
        except PersonNeededError:
            return Material(read(answer={**study.answer, "box": CORNER})[0], outlined=False)

    def take_box(self, entry: Entry, box: Box) -> None:
        """Hand the box of a study to the node, which predicts with it and sends the result.

        Raises:
            StorageError: If the node is at work on the study, or further images came since it was opened.
        """
        self._worklist.answer(entry.key, revision=entry.revision, box=[*box.column, *box.row, *box.slice])


def _entry(study: node_list.Entry) -> Entry:
    region = NOTHING if study.state is State.WAITING else MASK
    return Entry(
        study.key,
        study.key[:SHOWN_KEY],
        group="node",
        site=WORDS[study.state],
        region=region,
        revision=study.revision,
    )
