"""The page about the node is followed, beside a real Orthanc and PostgreSQL."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import Archive
from tests.howto.conftest import holds, lay_out, write_study
from tests.howto.pages import printed
from tests.howto.shell import Shell, answer_of, wait_until
from tests.service.node.working import lines_of

from onephase.service.worklist.states import State

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class AtWork:
    """Nodes that have been sent studies as the page says.

    Attributes:
        sent_to: Where the node runs that was sent an outlined study and one that is not.
        said: Tells what that node has said.
        fetching_said: Tells what the node has said that fetches.
        outlined: UID of the outlined study.
        waiting: UID of the other one.
        fetched: UID of the study that the archive holds.
    """

    sent_to: Shell
    said: Callable[[], str]
    fetching_said: Callable[[], str]
    outlined: str
    waiting: str
    fetched: str


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, tiny_demo: Path, archive: Archive, storescu: None) -> Iterator:
    """Nodes at work."""
    start, send, _, fetch, *_ = printed("node.md")
    beside = {"web": archive.http_port, "dicom": archive.dicom_port}
    one, two, sender = (tmp_path_factory.mktemp(name) for name in ("one", "two", "sender"))
    sent_to, fetching = (Shell(lay_out(folder, tiny_demo), **beside) for folder in (one, two))
    outlined = write_study(one / "study", patient="outlined")
    # Two phases that nothing tells apart and no outline: a box is asked for, then a phase.
    undecided = {"SeriesDescription": "t1 fs", "ContrastBolusAgent": ""}
    waiting = write_study(sender / "study", patient="waiting", outlined=False, phases=2, **undecided)
    fetched = write_study(two / "study", patient="fetched")
    Shell(two, node=archive.dicom_port).run(send)  # to the archive, from which it will be fetched
    with sent_to.node(start) as said, fetching.node(fetch) as fetching_said:
        sent_to.run(send)
        Shell(sender, node=sent_to.here["node"]).run(send)
        yield AtWork(sent_to, said, fetching_said, outlined, waiting, fetched)


def states_in(listed: str) -> dict[str, str]:
    """Return the state of each study in the list that `onephase worklist` prints."""
    return dict(re.findall(r"│ ([0-9a-f]{12}) │ (\w+)", listed))


def test_a_study_is_sent_to_the_node_and_is_on_its_list(nodes, curl):
    _, _, look, *_, health, metrics = printed("node.md")
    states = states_in(nodes.sent_to.run(look)).values()
    assert len(states) == 2
    assert set(states) <= {*State}
    assert json.loads(nodes.sent_to.run(health))["worklist_answers"]
    assert "onephase_studies{state=" in nodes.sent_to.run(metrics)


def test_the_node_is_answered_and_its_results_are_in_the_archive(nodes, archive):
    _, _, look, _, box, phase, again, *_ = printed("node.md")
    shell, said = nodes.sent_to, nodes.said

    def events(what: str, study: str) -> int:
        return len([line for line in lines_of(said()) if line["event"] == what and line.get("study") == study])

    wait_until(lambda: sorted(states_in(shell.run(look)).values()) == ["sent", "waiting"], said)
    listed = shell.run(look)
    assert "waiting for a box" in listed
    (key,) = (study for study, state in states_in(listed).items() if state == "waiting")
    with shell.reader(printed("reader.md")[1]):
        cases = json.loads(answer_of(f"http://127.0.0.1:{shell.here['reader']}/api/cases")[1])
        assert [one["site"] for one in cases] == ["waits for a box", "sent"]
    shell.here["study"] = key
    waited = events("study waiting", key)  # more than once where its images came with pauses between them
    shell.run(box)
    wait_until(lambda: events("study waiting", key) == waited + 1, said)
    shell.run(phase)
    wait_until(lambda: events("study sent", key) == 1, said)
    shell.run(again)
    wait_until(lambda: events("study sent", key) == 2, said)
    assert set(states_in(shell.run(look)).values()) == {"sent"}
    assert holds(archive, nodes.outlined)
    assert holds(archive, nodes.waiting)
    wait_until(lambda: holds(archive, nodes.fetched), nodes.fetching_said)


def test_several_nodes_share_a_list(folder, archive, postgres):
    several = printed("node.md")[7]
    with Shell(folder, dicom=archive.dicom_port, database=postgres).node(several) as said:
        assert '"node ready"' in said()
    assert '"node ended"' in said()
