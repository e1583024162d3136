"""The studies of a node on the page: read there, given a box there, predicted by the node."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

pytest.importorskip("highdicom", reason="the dicom extra is not installed")

from tests.service.node.conftest import CANARY, outline_of, slices_of
from tests.service.web.conftest import UPLOAD_BYTES, Served, serving

from onephase.service.node.intake import Intake
from onephase.service.node.reading import Rules
from onephase.service.node.store import Store
from onephase.service.web.desk import Desk
from onephase.service.web.reader import Reader
from onephase.service.web.studies import StudyList
from onephase.service.worklist.database import open_database
from onephase.service.worklist.states import State
from onephase.service.worklist.worklist import Worklist

BALL = {"column": [11, 29], "row": [11, 25], "slice": [3, 9]}


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    """A node's store with one study that waits for a box, and one that came with its outline."""
    engine = open_database(f"sqlite:///{tmp_path / 'list.sqlite'}")
    taken = Intake(Store(tmp_path / "store"), Worklist(engine))
    waiting, outlined = slices_of(1), slices_of(2)
    for one in (*waiting, *outlined, outline_of(outlined, 2)):
        file = BytesIO()
        one.save_as(file, enforce_file_format=True)
        taken.take(file.getvalue())
    assert taken.worklist.complete(quiet_s=0.0, patience_s=0.0) == 2
    for _ in range(2):
        claim = taken.worklist.claim(State.COMPLETE, node="n", lease_s=60.0)
        assert claim is not None
        kinds = {one.kind for one in taken.worklist.instances(claim.entry.key)}
        if len(kinds) == 1:  # images alone
            taken.worklist.advance(claim, State.WAITING, problem="waiting for a box")
    yield taken
    engine.dispose()


@pytest.fixture
def served(intake: Intake, bundle) -> Iterator[Served]:
    with serving(
        Reader(Desk(bundle), StudyList(intake.worklist, intake.store, rules=Rules()), None, UPLOAD_BYTES)
    ) as at:
        yield at


def test_a_study_that_waits_is_given_its_box_on_the_page(served, intake):
    first, second = served.call("GET", "cases").json()
    assert (first["site"], first["region"]) == ("waits for a box", "nothing yet")
    assert second["region"] == "mask"
    assert served.call("GET", "reader").json()["node"] is True
    lesion = served.opened(first["key"])
    assert lesion["state"] == "needs an outline"
    refused = served.call("POST", f"lesions/{lesion['key']}/handover")
    assert refused.status_code == 404
    assert "draw a box" in refused.json()["detail"]
    boxed = served.call("POST", f"lesions/{lesion['key']}/outline", json={"box": BALL}).json()
    assert boxed["prediction"]["outline"]["measurements"]["longest_mm"] == pytest.approx(12, abs=5)
    assert served.call("POST", f"lesions/{lesion['key']}/handover").status_code == 204
    study = next(one for one in intake.worklist.entries() if one.key == first["key"])
    assert study.state is State.COMPLETE
    assert study.answer["box"] == [11, 29, 11, 25, 3, 9]  # column, row, slice, as `onephase worklist --box` takes them
    again = served.opened(first["key"])
    assert again["prediction"]["result"] == boxed["prediction"]["result"]


def test_a_box_is_handed_to_the_node_in_the_browser(page, intake):
    page.keyboard.press("2")  # the axial plane alone, which software renders quickest
    page.click("#cases li:first-child button")
    page.wait_for_selector("#apply")  # nobody has outlined it: the page asks for a box
    assert page.locator("#hand-over").is_disabled()
    for name, (start, stop) in BALL.items():
        page.get_by_label(f"{name} start").fill(str(start))
        page.get_by_label(f"{name} stop").fill(str(stop))
    page.keyboard.press("Tab")
    page.click("#apply")
    page.wait_for_selector("#draw")
    assert all(not one.answer for one in intake.worklist.entries())  # a prediction on the page is not handed over
    page.click("#hand-over")
    page.wait_for_selector("text=The node has the box")
    (answered,) = (one for one in intake.worklist.entries() if one.answer)
    assert answered.answer["box"] == [11, 29, 11, 25, 3, 9]
    assert answered.state is State.COMPLETE
    page.wait_for_selector(f"#cases [data-key='{answered.key}'] >> text=to be predicted")


def test_a_study_with_its_outline_is_predicted_at_once(served):
    second = served.call("GET", "cases").json()[1]
    lesion = served.opened(second["key"])
    assert lesion["prediction"]["outline"]["semi_automatic"] is False
    assert CANARY not in json.dumps(lesion)


def test_a_study_that_is_not_on_the_list_is_one_sentence(served):
    gone = served.call("POST", "lesions", json={"case": "0" * 64})
    assert gone.status_code == 404
    assert "no such study" in gone.json()["detail"]
