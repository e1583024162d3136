"""The node as a process, between dcmtk's storescu and a real Orthanc."""

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydicom import dcmread
from typer.testing import CliRunner

from onephase.cli.commands import app
from onephase.errors import OnephaseError
from onephase.service.worklist.database import open_database
from onephase.service.worklist.tables import metadata
from onephase.service.worklist.worklist import Worklist

pytestmark = pytest.mark.slow
OURS = {"SEG": 1, "OT": 2, "SR": 1}


def results_of(archive) -> dict[str, Counter]:
    """Return how many of our objects of each modality the archive holds, study by study."""
    found = {}
    for study in archive.json("studies"):
        series = [archive.json(f"series/{one}") for one in archive.json(f"studies/{study}")["Series"]]
        found[study] = Counter(
            one["MainDicomTags"]["Modality"]
            for one in series
            if one["MainDicomTags"].get("Manufacturer") == "onephase"
            for _ in one["Instances"]
        )
    return found


@pytest.mark.parametrize("by", ["STOW", "C-STORE"])
def test_a_study_goes_in_and_four_objects_come_out(by, archive, node, storescu, study):
    forward = f"{archive.web}/dicom-web" if by == "STOW" else f"ORTHANC@127.0.0.1:{archive.dicom_port}"
    running = node(forward)
    running.start()
    done = storescu(running.port, study(1 if by == "STOW" else 2))
    assert done.returncode == 0, done.stderr
    running.wait_for_states("sent")
    assert all(counts == OURS for counts in results_of(archive).values())
    assert running.stop() == 0
    assert running.events("node ended")
    assert "CANARY" not in running.journal.read_text()
    assert not [path for path in running.store.rglob("*") if "CAN" in path.name]


def page_of(node, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{node.metrics_port}/{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.read().decode()


def onephase(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "onephase.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_archive_that_is_away_for_a_while_gets_everything_later_and_once(archive, node, storescu, study):
    running = node(f"{archive.web}/dicom-web")
    running.start()
    archive.stop()
    folders = [study(number) for number in (11, 12)]
    with ThreadPoolExecutor(2) as pool:
        assert [done.returncode for done in pool.map(lambda one: storescu(running.port, one), folders)] == [0, 0]
    running.wait_until(lambda: bool(running.events("study put back")))
    assert {entry.state for entry in running.entries()} <= {"received", "complete", "predicted"}
    assert {line["sentence"] for line in running.events("study put back")} == {
        "the archive cannot be reached (ConnectionError): it is tried again"
    }
    status, health = page_of(running, "health")
    assert (status, json.loads(health)["worklist_answers"]) == (200, True)
    archive.start()
    running.wait_for_states("sent", "sent")
    assert {one: counts for one, counts in results_of(archive).items() if counts != OURS} == {}
    _, metrics = page_of(running, "metrics")
    assert 'onephase_studies{state="sent"} 2.0' in metrics
    assert 'onephase_store_answers_total{status="0x0000"} 26.0' in metrics
    assert page_of(running, "else")[0] == 404
    assert running.stop() == 0


def test_a_study_without_an_outline_waits_for_the_box_of_a_person(archive, node, storescu, study):
    running = node(f"{archive.web}/dicom-web")
    running.start()
    storescu(running.port, study(21, outline=False))
    running.wait_for_states("waiting")
    told = json.loads(onephase("worklist", "--store", running.store, "--json").stdout)
    assert [one["problem"] for one in told] == [
        "waiting for a box: the study holds no outline (SEG or RT structure set)"
    ]
    key = told[0]["study"][:12]
    done = onephase("worklist", "--store", running.store, "--study", key, "--box", 12, 28, 12, 24, 3, 9)
    assert done.returncode == 0, done.stderr
    running.wait_for_states("sent")
    refused = onephase("worklist", "--store", running.store, "--study", "nobody", "--phase", 1)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "0 studies have a key that begins with 'nobody'" in refused.stderr


def test_it_fetches_what_an_archive_holds(archive, node, storescu, study):
    folder = study(31)
    done = storescu(archive.dicom_port, folder, called="ORTHANC")
    assert done.returncode == 0, done.stderr
    web, uid = f"{archive.web}/dicom-web", dcmread(folder / "00.dcm").StudyInstanceUID
    running = node(web, "--pull", web, "--pull-query", f"StudyInstanceUID={uid}")
    running.start()
    running.wait_for_states("sent")
    assert len(running.events("study fetched")) == 1


def test_what_an_archive_gets_later_is_fetched_later(archive, node, storescu, study):
    """The outline is drawn when the node has fetched the images already."""
    folder = study(32)
    images, outline = folder / "images", folder / "12.dcm"
    images.mkdir()
    for path in sorted(folder.glob("*.dcm")):
        if path != outline:
            path.rename(images / path.name)
    assert storescu(archive.dicom_port, images, called="ORTHANC").returncode == 0
    web, uid = f"{archive.web}/dicom-web", dcmread(outline).StudyInstanceUID
    running = node(web, "--pull", web, "--pull-query", f"StudyInstanceUID={uid}", "--pull-every-s", "1")
    running.start()
    running.wait_for_states("waiting")
    assert storescu(archive.dicom_port, outline, called="ORTHANC").returncode == 0
    running.wait_for_states("sent")
    assert running.stop() == 0


def test_two_nodes_on_one_list_do_each_study_once(archive, node, storescu, study, postgres):
    engine = open_database(postgres)
    metadata.drop_all(engine)
    metadata.create_all(engine)
    both = [node(f"{archive.web}/dicom-web", "--worklist", postgres, name=name) for name in ("one", "two")]
    both[1].share_store_of(both[0])
    for one in both:
        one.start()
    folders = [study(number) for number in range(41, 45)]
    with ThreadPoolExecutor(4) as pool:
        sent = pool.map(lambda one: storescu(both[one[0] % 2].port, one[1]), enumerate(folders))
        assert [done.returncode for done in sent] == [0] * 4
    worklist = Worklist(engine)
    both[0].wait_until(lambda: [entry.state for entry in worklist.entries()] == ["sent"] * 4)
    predicted = Counter(line["study"] for one in both for line in one.events("study predicted"))
    assert len(predicted) == 4
    assert set(predicted.values()) == {1}
    assert all(counts == OURS for counts in results_of(archive).values() if counts)
    assert [one.stop() for one in both] == [0, 0]
    engine.dispose()


def test_ctrl_c_ends_a_node_and_is_no_interruption(node):
    """docs/prediction.md says so beside its exit codes."""
    running = node("ORTHANC@127.0.0.1:1")
    running.start()
    assert running.stop(by=signal.SIGINT) == 0
    assert running.events("node ended")


@pytest.mark.parametrize("option", ["--port", "--metrics-port", "--host"])
def test_an_address_that_cannot_be_listened_at_is_a_sentence(tmp_path, bundle_folder, option):
    needed = [
        "--bundle",
        bundle_folder,
        "--store",
        tmp_path / "store",
        "--forward",
        "A@b:104",
        "--allow",
        "*@127.0.0.1",
    ]
    free = {"--port": "0", "--metrics-port": "0"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        value = "no.such.host.invalid" if option == "--host" else taken.getsockname()[1]
        words = [word for pair in {**free, option: value}.items() for word in pair]
        refused = onephase("node", *needed, *words)
    assert refused.returncode == 1, refused.stderr
    last = refused.stderr.splitlines()[-1]
    assert "cannot listen at" in last
    assert str(value) in last
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--allow", "x"), "--allow 'x' is not understood"),
        (("--forward", "nowhere"), "--forward 'nowhere' is not understood"),
        (("--tls-key", "k.pem"), "TLS needs a certificate"),
        (("--tls-cert", "none.pem"), "--tls-cert: none.pem does not exist: check the path"),
        (("--token-file", "none"), "the token file none cannot be read"),
        (("--pull", "http://127.0.0.1/x"), "--pull and --pull-query go together"),
        (("--max-pdu", "0"), "the largest PDU is 4096 to 1048576 bytes, not 0"),
        (("--ae", "A_TITLE_OF_17_CHA"), "--ae: 'A_TITLE_OF_17_CHA' is no AE title: give up to 16"),
        (("--forward", "A_TITLE_OF_17_CHA@b:104"), "--forward: 'A_TITLE_OF_17_CHA' is no AE title"),
        (("--forward-ca", "none.pem"), "--forward-ca: none.pem does not exist: check the path"),
        (("--series", "("), "--series '(' is no pattern"),
        (("--phase", "foo"), "the phase 'foo' is not understood: give first-post or a number counted from 1"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_opened(tmp_path, options, sentence):
    needed = ["--bundle", "none", "--store", str(tmp_path / "store"), "--forward", "A@b:104", "--allow", "*@127.0.0.1"]
    refused = CliRunner().invoke(app, ["node", *needed, *options])
    assert isinstance(refused.exception, OnephaseError)
    assert str(refused.exception).startswith(sentence)
    assert not (tmp_path / "store").exists()
