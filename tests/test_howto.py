"""The how-to pages are followed: each command that they print is run by bash, in a folder such as they speak of.

Only addresses, ports and the key of a study are exchanged (`EXCHANGED`). A page that prints another command than its
test expects fails that test, and a page is followed or says why not, so that none is left out unseen.
"""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("highdicom", reason="the dicom extra is not installed")
pytest.importorskip("pynetdicom", reason="the pacs extra is not installed")
pytest.importorskip("fastapi", reason="the web extra is not installed")

import SimpleITK
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid
from tests.conftest import Archive, free_port
from tests.readers.conftest import write_series
from tests.service.conftest import postgres  # noqa: F401 - a fixture
from tests.service.node.conftest import outline_of

from onephase.service.worklist.states import State

pytestmark = pytest.mark.slow

FOLLOWED = {
    "cohort-table.md": ["onephase check cohort.csv"],
    "dicom.md": ["onephase predict demo/bundle study/", "/usr/bin/storescu"],
    "export.md": ["onephase export cohort.csv"] * 4,
    "node.md": [
        *("onephase node", "/usr/bin/storescu", "onephase worklist --store node", "onephase node"),
        *["onephase worklist --store node --study"] * 3,
        *("onephase node", "curl", "curl"),
    ],
    "prediction.md": ["onephase predict demo/bundle"] * 2,
    "reader.md": ["onephase serve", "onephase serve", "python -c", "onephase serve", "curl"],
    "reading.md": ["onephase predict demo/bundle"] * 3,
}
"""How the commands of a page begin, one by one: these are run, and the page may print no others."""

NOT_FOLLOWED = {
    "benchmark.md": "it trains for hours; tests/cli/test_benchmark.py runs a small one",
    "clusters.md": "it needs machines and SLURM; the fixture `cluster` is a cluster on this machine",
    "evaluation.md": "it trains five times; tests/cli/test_whole_way.py and test_power.py run the rest",
    "explanations.md": "it takes minutes and trains once more; tests/cli/test_probe.py runs it on a few cases",
    "import.md": "the public sets are not here; tests/cohort/sources imports copies made by hand",
    "paper-preset.md": "it trains for hours",
    "quality.md": "its command is run by tests/cli/test_whole_way.py",
    "robustness.md": "100 cases take minutes; tests/cli/test_probe.py runs it on a few",
    "simulation.md": "the demo of these tests runs what its command does, on fewer cases",
}

EXCHANGED = {
    "127.0.0.1:8042": "127.0.0.1:{web}",
    "archive.example 104": "127.0.0.1 {dicom}",
    "ARCHIVE@10.0.0.9:104": "ARCHIVE@127.0.0.1:{dicom}",
    "onephase node ": "onephase node --port {node} --metrics-port {metrics} ",
    "127.0.0.1 11112": "127.0.0.1 {node}",
    "127.0.0.1:9112": "127.0.0.1:{metrics}",
    "onephase serve ": "onephase serve --port {reader} ",
    "127.0.0.1:8471": "127.0.0.1:{reader}",
    "--host 0.0.0.0": "--host 127.0.0.1",  # no test listens beyond this machine
    "--host 10.0.0.5": "--host 127.0.0.1",
    "*@10.0.0.0/24": "*@127.0.0.0/24",
    "postgresql+psycopg://onephase@db.example/onephase": "'{database}'",
    "/shared/node": "shared-node",
    "3f9a": "{study}",
}
"""What a page prints, and what stands here in its place."""

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROMPT = re.compile(r"^\$ ", re.MULTILINE)

SHAPE, SPACING_MM = (37, 126, 111), (2.5, 0.7, 0.9)  # slice, row, column; just large enough for the box of the pages
CENTRE, RADIUS_MM = (30, 108, 95), 9.0  # their seed point
STUDY_DATE = "20261125"  # what the node's page asks the archive for
OURS = ["OT", "OT", "SEG", "SR"]
START_S, WORK_S, END_S = 90, 180, 40
CASES = 3


def commands_of(page: str) -> list[str]:
    blocks = BLOCK.findall((DOCS / page).read_text())
    return [one.strip() for block in blocks for one in PROMPT.split(block) if one.strip()]


def printed(page: str) -> list[str]:
    """Return the commands of a page that is followed."""
    commands = commands_of(page)
    fitting = len(commands) == len(FOLLOWED[page]) and all(map(str.startswith, commands, FOLLOWED[page]))
    assert fitting, f"docs/{page} prints other commands than are run here: {commands}"
    return commands


class Shell:
    """A folder in which commands are run as somebody types them who has activated the environment."""

    def __init__(self, folder: Path, **addresses: object) -> None:
        self.folder = folder
        self.here = {name: free_port() for name in ("node", "metrics", "reader")} | addresses
        (folder / ".curlrc").write_text("fail-with-body\n")  # so that curl's exit code tells of a refusal
        paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": paths, "CURL_HOME": str(folder), "OMP_NUM_THREADS": "1"}

    def run(self, command: str) -> str:
        """Run a command to its end, and return what it said."""
        done = subprocess.run(
            ["bash", "-c", self._exchanged(command)],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=WORK_S,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\nleft with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def running(self, command: str, *, ready: str, end: signal.Signals) -> Iterator[Callable[[], str]]:
        """Start a server, wait until it says that it is ready, and end it; what is yielded tells what it has said."""
        log = self.folder / f"{command.split()[1]}.log"
        with log.open("w") as said:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {self._exchanged(command)}"],
                cwd=self.folder, env=self.environment, stdout=said, stderr=said,
            )  # fmt: skip
        try:
            wait_until(lambda: ready in log.read_text() or process.poll() is not None, log.read_text, seconds=START_S)
            assert process.poll() is None, f"{command}\nended:\n{log.read_text()}"
            yield log.read_text
            process.send_signal(end)
            assert process.wait(timeout=END_S) == 0, f"{command}\nleft with {process.returncode}:\n{log.read_text()}"
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def node(self, command: str):
        """Start a node."""
        return self.running(command, ready="node ready", end=signal.SIGTERM)

    def reader(self, command: str):
        """Start the reader page, which Ctrl-C closes."""
        return self.running(command, ready="Ctrl-C closes it", end=signal.SIGINT)

    def _exchanged(self, command: str) -> str:
        for there, here in EXCHANGED.items():
            if there in command:
                command = command.replace(there, here.format(**self.here))
        return command


def wait_until(true: Callable[[], bool], said: Callable[[], str], *, seconds: float = WORK_S) -> None:
    latest = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < latest, f"waited {seconds} s in vain:\n{said()[-3000:]}"
        time.sleep(0.1)


def write_study(folder: Path, *, patient: str, outlined: bool = True, phases: int = 1, **attributes: str) -> str:
    """Write a study with a bright ball where the pages say that the tumour is, and return its UID."""
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    inside = np.linalg.norm((index - CENTRE) * SPACING_MM, axis=-1) < RADIUS_MM

    def brighten(one: Dataset, _phase: int, place: int) -> None:
        voxels = np.frombuffer(one.PixelData, "<u2").reshape(SHAPE[1:])
        one.PixelData = (voxels + 300 * inside[place]).astype("<u2").tobytes()

    uid, frame = (str(generate_uid(entropy_srcs=[patient, what])) for what in ("study", "frame of reference"))
    headers = {
        "PatientID": patient,
        "StudyInstanceUID": uid,
        "StudyDate": STUDY_DATE,
        "FrameOfReferenceUID": frame,
        "PositionReferenceIndicator": "",
    }
    made = write_series(folder, phases=phases, shape=SHAPE, change=brighten, **{**headers, **attributes})
    if outlined:
        outline = outline_of(made.datasets[0], int(uid[-9:]), inside=inside)
        outline.save_as(folder / "outline.dcm", enforce_file_format=True)
    return uid


def lay_out(folder: Path, demo: Path) -> Path:
    """Make a folder in which `demo/` is what `make demo` leaves, with few cases."""
    shutil.copytree(demo, folder / "demo", ignore=shutil.ignore_patterns("images", "masks", "cohort.splits.csv"))
    table = folder / "demo" / "cohort" / "cohort.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[: 1 + CASES]))
    for row in csv.DictReader(table.read_text().splitlines()):
        for name in (row["image"], row["mask"]):
            (table.parent / name).parent.mkdir(exist_ok=True)
            shutil.copy(demo / "cohort" / name, table.parent / name)
    return folder


@pytest.fixture
def folder(tmp_path: Path, tiny_demo: Path) -> Path:
    """A folder with `demo/`, and a volume of one's own with its mask."""
    folder = lay_out(tmp_path / "work", tiny_demo)
    for kind, name in (("images", "post1.nii.gz"), ("masks", "tumour.nii.gz")):
        shutil.copy(min((folder / "demo" / "cohort" / kind).iterdir()), folder / name)
    return folder


@pytest.fixture
def own_study(folder: Path) -> Path:
    """The folder, with a study of DICOM besides, and a cohort table of this one case."""
    write_study(folder / "study", patient="Canary-1")
    (folder / "cohort.csv").write_text(
        "case_id,patient_id,image,mask,er,her2,ki67,label_convention,provenance\n"
        "0001,Canary-1,study,study/outline.dcm,<1%,2+/ISH-,18,asco-cap-2020,simulated\n"
    )
    return folder


@pytest.fixture
def shell(folder: Path) -> Shell:
    """A shell in the folder."""
    return Shell(folder)


@pytest.fixture(scope="module")
def storescu() -> None:
    """The program at the place that the pages name."""
    if not Path("/usr/bin/storescu").exists():
        pytest.skip("storescu (Debian package dcmtk) is not installed")


@pytest.fixture(scope="module")
def curl() -> None:
    """The program, wherever it is."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")


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
    """Nodes at work. They wait 30 s after the last image, as usual: other pages are followed meanwhile."""
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


def holds(archive: Archive, study_uid: str) -> bool:
    """Tell whether the archive holds all that we send of a study."""
    if not archive.json("tools/lookup", content=study_uid.encode()):
        return False
    series = [archive.json(f"series/{one}") for one in archive.json(archive.path_of(study_uid))["Series"]]
    ours = [one for one in series if one["MainDicomTags"].get("Manufacturer") == "onephase"]
    return sorted(one["MainDicomTags"]["Modality"] for one in ours for _ in one["Instances"]) == OURS


def answer_of(address: str, **headers: str) -> tuple[int, str]:
    """Return the status and the text that an address answers with."""
    try:
        request = urllib.request.Request(address, headers=headers)  # noqa: S310 - http on loopback
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the same
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def predicted(folder: Path) -> dict:
    """Return the answer in a folder, which holds a report as well."""
    assert "Research use only" in (folder / "report.html").read_text()
    return json.loads((folder / "prediction.json").read_text())


def test_a_page_with_commands_is_followed_or_says_why_not():
    assert {page.name for page in DOCS.glob("*.md") if commands_of(page.name)} == FOLLOWED.keys() | NOT_FOLLOWED.keys()


def test_a_study_is_sent_to_the_node_and_is_on_its_list(nodes, curl):
    _, _, look, *_, health, metrics = printed("node.md")
    states = states_in(nodes.sent_to.run(look)).values()
    assert len(states) == 2
    assert set(states) <= {*State}
    assert json.loads(nodes.sent_to.run(health))["worklist_answers"]
    assert "onephase_studies{state=" in nodes.sent_to.run(metrics)


def test_several_nodes_share_a_list(folder, archive, postgres):  # noqa: F811 - the fixture
    several = printed("node.md")[7]
    with Shell(folder, dicom=archive.dicom_port, database=postgres).node(several) as said:
        assert '"node ready"' in said()
    assert '"node ended"' in said()


def test_the_page_about_cases(own_study, shell):
    from_mask, from_box, from_point = printed("reading.md")
    shell.run(from_mask)
    assert not predicted(own_study / "from-mask")["outline"]["semi_automatic"]
    for command, name in ((from_box, "from-box"), (from_point, "from-point")):
        shell.run(command)
        assert predicted(own_study / name)["outline"]["semi_automatic"]


def test_the_page_about_the_prediction_file(folder, shell):
    one, many = printed("prediction.md")
    shell.run(one)
    assert predicted(folder / "answer")["given"]["facts"] == ["ER positive"]
    shell.run(many)
    assert (folder / "answers" / "index.html").is_file()
    answered = [path.parent for path in (folder / "answers").glob("*/request.sha256")]
    assert len([predicted(path) for path in answered]) == CASES


def test_the_page_about_the_cohort_table(own_study, shell):
    """The table that it shows is checked, with files of the kinds that it names."""
    (check,) = printed("cohort-table.md")
    (shown,) = re.findall(r"^```csv\n(.*?)^```", (DOCS / "cohort-table.md").read_text(), re.MULTILINE | re.DOTALL)
    (own_study / "cohort.csv").write_text(shown)
    for row in csv.DictReader(shown.splitlines()):
        for name in (row["image"], row["mask"]):
            path = own_study / name
            path.parent.mkdir(exist_ok=True)
            if path.suffix == ".dcm":
                shutil.copy(own_study / "study" / "outline.dcm", path)
            elif not path.suffix:
                (own_study / "study").rename(path)
            else:
                SimpleITK.WriteImage(SimpleITK.Image([6, 5, 4], SimpleITK.sitkUInt8), str(path))
    shell.run(check)
    assert len((own_study / "cohort.splits.csv").read_text().splitlines()) == len(shown.splitlines())


def test_the_page_about_export(own_study, shell):
    dry, first, again, dicom = printed("export.md")
    assert "Nothing was written" in shell.run(dry)
    for command, name in ((first, "shared"), (again, "shared-2"), (dicom, "shared-3")):
        shell.run(command)
        assert json.loads((own_study / name / "export.json").read_text())
    assert (own_study.parent / "cohort.key").is_file()
    assert (own_study / "shared" / "cohort.csv").read_text() == (own_study / "shared-2" / "cohort.csv").read_text()
    copied = [dcmread(path) for path in (own_study / "shared-3" / "images").rglob("*.dcm")]
    assert len(copied) == SHAPE[0]
    assert "Canary-1" not in {one.PatientID for one in copied}


def test_the_page_about_dicom(own_study, archive, storescu):
    predict, store = printed("dicom.md")
    shell = Shell(own_study, dicom=archive.dicom_port)
    shell.run(predict)
    predicted(own_study / "answer")
    assert json.loads((own_study / "answer" / "fhir.json").read_text())["resourceType"] == "Bundle"
    made = sorted((own_study / "answer" / "dicom").glob("*.dcm"))
    assert [path.name.partition("-")[0] for path in made] == ["capture", "pm", "seg", "sr"]
    shell.run(store)
    assert holds(archive, dcmread(made[0]).StudyInstanceUID)


def test_the_page_about_the_reader(folder, shell, curl):
    page, _, token, guarded, call = printed("reader.md")  # the second is run beside a node
    address = f"http://127.0.0.1:{shell.here['reader']}/"
    with shell.reader(page) as said:
        assert f"{address}\n" in said()
        assert answer_of(address)[0] == 200
        assert json.loads(shell.run(call))["state"] == "answered"
    assert said().endswith("closed\n")
    shell.run(token)
    secret = (folder / "token").read_text().strip()
    assert (folder / "token").stat().st_mode & 0o777 == 0o600
    with shell.reader(guarded) as said:
        assert f"{address}#token={secret}\n" in said()
        asked = [("reader.example", ""), ("reader.example", f"Bearer {secret}"), ("other.example", f"Bearer {secret}")]
        answered = [answer_of(f"{address}api/cases", Host=host, Authorization=words)[0] for host, words in asked]
        assert answered == [401, 200, 421]


def test_the_node_is_answered_and_its_results_are_in_the_archive(nodes, archive):
    _, _, look, _, box, phase, again, *_ = printed("node.md")
    shell, said = nodes.sent_to, nodes.said

    def events(what: str, study: str) -> int:
        lines = [json.loads(line) for line in said().splitlines()]
        return len([line for line in lines if line["event"] == what and line.get("study") == study])

    wait_until(lambda: '"study sent"' in said() and '"study waiting"' in said(), said)
    listed = shell.run(look)
    assert "waiting for a box" in listed
    assert sorted(states_in(listed).values()) == ["sent", "waiting"]
    (key,) = (study for study, state in states_in(listed).items() if state == "waiting")
    with shell.reader(printed("reader.md")[1]):
        cases = json.loads(answer_of(f"http://127.0.0.1:{shell.here['reader']}/api/cases")[1])
        assert [one["site"] for one in cases] == ["waits for a box", "sent"]
    shell.here["study"] = key
    shell.run(box)
    wait_until(lambda: events("study waiting", key) == 2, said)
    shell.run(phase)
    wait_until(lambda: events("study sent", key) == 1, said)
    shell.run(again)
    wait_until(lambda: events("study sent", key) == 2, said)
    assert set(states_in(shell.run(look)).values()) == {"sent"}
    assert holds(archive, nodes.outlined)
    assert holds(archive, nodes.waiting)
    wait_until(lambda: holds(archive, nodes.fetched), nodes.fetching_said)
