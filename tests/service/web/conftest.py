"""A reader page that is really served, over a small bundle and two lesions made by hand."""

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK

pytest.importorskip("fastapi", reason="the web extra is not installed")

import requests
import uvicorn
from tests.inference.conftest import bundle, bundle_folder, contents, network  # noqa: F401 - fixtures

from onephase.cohort.preparation import prepare
from onephase.cohort.table import read_cohort
from onephase.inference.bundle import Bundle
from onephase.service.web.app import make_app
from onephase.service.web.cases import CohortList
from onephase.service.web.desk import Desk
from onephase.service.web.guard import Admission
from onephase.service.web.reader import Reader
from onephase.service.web.similar import SimilarCases

SHAPE, SPACING = (14, 30, 36), (3.0, 1.5, 1.25)  # slice, row, column
CENTRES = {"a": (7, 15, 18), "b": (6, 12, 22), "c": (8, 17, 15), "d": (7, 14, 20)}
UPLOAD_BYTES = 2_000_000
START_S, ANSWER_S = 60, 120
PATIENCE_MS = 90_000  # software renders, and other tests may have the cores
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--headless", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip
HEADER = "case_id,patient_id,image,mask,er,pr,her2,ki67,provenance,split\n"
ROW = "{0},{0},{0}.nii.gz,{0}-mask.nii.gz,{2},positive,2+/ISH-,29%,simulated,{1}\n"


def write_lesion(folder: Path, name: str, *, centre: tuple[int, int, int], radius_mm: float = 7) -> None:
    """Write a bright ball in grey noise, and its mask."""
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    apart_mm = np.linalg.norm((index - np.array(centre)) * np.array(SPACING), axis=-1)
    noise = np.random.default_rng(sum(centre)).normal(0, 4, SHAPE)
    arrays = {
        name: (100 + 90 * (apart_mm < radius_mm) + noise).astype(np.float32),
        f"{name}-mask": apart_mm < radius_mm,
    }
    for stem, array in arrays.items():
        image = SimpleITK.GetImageFromArray(array.astype(np.uint8) if array.dtype == bool else array)
        image.SetSpacing(SPACING[::-1])
        image.SetOrigin((-20.0, -22.0, 10.0))
        SimpleITK.WriteImage(image, str(folder / f"{stem}.nii.gz"))


@pytest.fixture(scope="session")
def cohort_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four lesions and their table: `a` for the test, the others to be similar to."""
    folder = tmp_path_factory.mktemp("reader")
    for name, centre in CENTRES.items():
        write_lesion(folder, name, centre=centre, radius_mm=6 + 0.5 * len(list(folder.iterdir())))
    rows = [ROW.format(name, "test" if name == "a" else "train", "<1%" if name == "d" else "90%") for name in CENTRES]
    (folder / "cohort.csv").write_text(HEADER + "".join(rows))
    return folder


@pytest.fixture(scope="session")
def similar(cohort_folder: Path, bundle: Bundle) -> SimilarCases:  # noqa: F811
    """The lesions of the table as a prepared cohort."""
    return SimilarCases(prepare([cohort_folder / "cohort.csv"], cohort_folder / "prepared", bundle.settings))


@pytest.fixture(scope="session")
def make_reader(cohort_folder: Path, bundle: Bundle, similar: SimilarCases) -> Callable[..., Reader]:  # noqa: F811
    """Make a reader of one's own."""

    def make(**desk: Any) -> Reader:
        records = read_cohort(cohort_folder / "cohort.csv", labelled=False).records
        return Reader(Desk(bundle, **desk), CohortList(records, split={"b": "train"}), similar, UPLOAD_BYTES)

    return make


@dataclass(frozen=True, slots=True)
class Served:
    """A server at an address; ``call`` gives its answer."""

    address: str

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        """Call the interface."""
        return requests.request(method, f"{self.address}/api/{path}", timeout=ANSWER_S, **more)

    def opened(self, case: str = "1") -> dict[str, Any]:
        """Open a case of the list."""
        answer = self.call("POST", "lesions", json={"case": case})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


@contextmanager
def serving(reader: Reader, admission: Admission | None = None) -> Iterator[Served]:
    """Serve a reader on a free port of this machine."""
    listening = socket.create_server(("127.0.0.1", 0))
    allowed = replace(admission or Admission(), largest_upload_bytes=reader.largest_upload_bytes)
    server = uvicorn.Server(uvicorn.Config(make_app(reader, allowed), log_level="critical", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    latest = time.monotonic() + START_S
    while not server.started:
        assert time.monotonic() < latest, "the server did not start"
        time.sleep(0.02)
    try:
        yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join(timeout=START_S)
        listening.close()


@pytest.fixture
def served(make_reader: Callable[..., Reader]) -> Iterator[Served]:
    """A reader that is served."""
    with serving(make_reader()) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; software renders."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if shutil.which(CHROMIUM) is None:
        pytest.skip("chromium is not installed: scripts/system-packages installs it")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE_MS)
        yield chromium
        chromium.close()


@contextmanager
def page_of(browser: Any, served: Served) -> Iterator[Any]:
    """Open the page at 1280 x 800; whatever its console says against it fails the test."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE_MS)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda fault: said.append(str(fault)))
    page.goto(served.address)
    page.wait_for_selector("body[data-ready]")
    yield page
    page.close()
    assert [words for words in said if "GPU stall" not in words] == []  # software rendering says so of itself


@pytest.fixture
def page(browser: Any, served: Served) -> Iterator[Any]:
    """The page of one's own."""
    with page_of(browser, served) as page:
        yield page
