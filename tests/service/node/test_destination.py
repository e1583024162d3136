"""Archives that answer in all the ways there are: what counts as sent, over plain connections and TLS."""

import gc
import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydicom import dcmread
from pynetdicom import AE, evt

from onephase.errors import SettingsError
from onephase.service.node.destination import DimseArchive, NotSentError, WebArchive, destination_of
from onephase.service.node.tls import Credentials, tls_of

# pynetdicom leaves the socket of a requestor that was not answered to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
BEARER = "a token of ours"


@pytest.fixture(autouse=True)
def _collected():
    """Collect them here, for in another test they would be a warning, which is an error."""
    yield
    gc.collect()


@pytest.fixture
def objects(scanner, tmp_path) -> list[Path]:
    """Two images and an outline, under names such as results have."""
    slices = scanner.slices(1)
    made = {"capture-1": slices[0], "pm-1": slices[1], "seg-1": scanner.outline(slices, 1)}
    for name, one in made.items():
        one.save_as(tmp_path / f"{name}.dcm", enforce_file_format=True)
    return sorted(tmp_path.glob("*.dcm"))


@contextmanager
def dimse_archive(answers, *kinds, tls=None) -> Iterator[tuple[str, list[str]]]:
    """Run an archive that accepts some kinds of object, and yield how it is named and what it stored."""
    stored, ours = [], AE("ARCHIVE")
    for kind in kinds:
        ours.add_supported_context(kind)

    def store(event) -> int:
        status = answers.pop(0)
        if status in {0x0000, 0xB000, 0xB006, 0xB007}:
            stored.append(str(event.dataset.SOPInstanceUID))
        return status

    server = ours.start_server(("127.0.0.1", 0), block=False, ssl_context=tls, evt_handlers=[(evt.EVT_C_STORE, store)])
    try:
        yield f"ARCHIVE@127.0.0.1:{server.server_address[1]}", stored
    finally:
        server.shutdown()


@contextmanager
def web_archive(answer, *, media="application/dicom+json", tls=None) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Run an archive that answers a STOW request, and yield its address and the headers of what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(dict(self.headers))
            if self.headers.get("Transfer-Encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    self.rfile.read(size + 2)
                self.rfile.readline()
            else:
                self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/dicom-web", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def stored_answer(paths) -> dict[str, object]:
    """Return what an archive says that has stored these (PS3.18 I.2)."""
    uids = [str(dcmread(path).SOPInstanceUID) for path in paths]
    return {"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": [uid]}} for uid in uids]}}


def refused(archive: str, objects, sentence: str, **how) -> None:
    """Send, and look at what is said when it does not succeed."""
    with pytest.raises(NotSentError, match=sentence):
        destination_of(archive, our_ae="ONEPHASE", **how).send(objects)


def classes_of(paths) -> list[str]:
    return sorted({str(dcmread(path).SOPClassUID) for path in paths})


@pytest.mark.parametrize("status", [0x0000, 0xB000, 0xB006, 0xB007])
def test_stored_with_a_warning_is_stored(objects, status):
    with dimse_archive([status] * 3, *classes_of(objects)) as (archive, stored):
        destination_of(archive, our_ae="ONEPHASE").send(objects)
    assert len(stored) == 3


def test_after_a_refusal_the_others_are_sent_all_the_same(objects):
    with dimse_archive([0xA700, 0x0000, 0x0000], *classes_of(objects)) as (archive, stored):
        refused(archive, objects, r"took 2 of 3 objects \(capture: 0xA700\): it is tried again; --send")
    assert len(stored) == 2


def test_kinds_that_are_not_accepted_do_not_stop_the_others(objects):
    seg = str(dcmread(objects[-1]).SOPClassUID)
    with (
        dimse_archive([0x0000], seg) as (archive, stored),
        pytest.raises(
            NotSentError,
            match=r"took 1 of 3 objects \(capture: its kind is not accepted, pm: its kind is not accepted\)",
        ),
    ):
        destination_of(archive, our_ae="ONEPHASE").send(objects)
    assert len(stored) == 1


def test_c_store_over_tls_shows_our_certificate(objects, certificate):
    cert, key = certificate
    with dimse_archive([0x0000] * 3, *classes_of(objects), tls=tls_of(cert, key, cert)) as (archive, stored):
        refused(
            archive,
            objects,
            "the archive cannot be reached, or refuses us",
            credentials=Credentials(ca=cert),
            timeout_s=3.0,
        )
        known = Credentials(ca=cert, ours=certificate)
        destination_of(archive, our_ae="ONEPHASE", credentials=known).send(objects)
    assert len(stored) == 3


def test_an_archive_with_a_certificate_of_others_gets_nothing(objects, certificate, tmp_path):
    cert, key = certificate
    system = Path(ssl.get_default_verify_paths().openssl_cafile)
    if not system.exists():
        pytest.skip("the system has no file of authorities")
    others = Credentials(ca=system)
    with dimse_archive([], *classes_of(objects), tls=tls_of(cert, key, None)) as (archive, stored):
        refused(archive, objects, "the archive cannot be reached", credentials=others, timeout_s=3.0)
    assert stored == []
    with web_archive({}, tls=tls_of(cert, key, None)) as (archive, asked):
        refused(archive, objects, r"the archive cannot be reached \(SSLError\)")
    assert asked == []


def test_stow_over_https_with_token_and_certificate(objects, certificate, monkeypatch):
    cert, key = certificate
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ssl.get_default_verify_paths().openssl_cafile)  # knows nothing of ours
    with web_archive(stored_answer(objects), tls=tls_of(cert, key, cert)) as (archive, asked):
        credentials = Credentials(BEARER, cert, certificate)
        destination_of(archive, our_ae="ONEPHASE", credentials=credentials).send(objects)
    assert [one["Authorization"] for one in asked] == [f"Bearer {BEARER}"]


@pytest.mark.parametrize(
    "media", ["application/dicom+json", "application/dicom+json; charset=utf-8", "Application/JSON"]
)
def test_stow_counts_what_the_answer_names(objects, media):
    with web_archive(stored_answer(objects), media=media) as (archive, _):
        destination_of(archive, our_ae="ONEPHASE").send(objects)
    with web_archive(stored_answer(objects[:2]), media=media) as (archive, _):
        refused(archive, objects, "confirmed 2 of 3 objects: it is tried again")


def test_a_failure_within_an_answer_of_200_is_one(objects):
    answer = {**stored_answer(objects), "00081198": stored_answer(objects[:1])["00081199"]}
    with web_archive(answer) as (archive, _), pytest.raises(NotSentError, match="confirmed 3 of 3 objects"):
        destination_of(archive, our_ae="ONEPHASE").send(objects)


@pytest.mark.parametrize("text", ["archive", "archive:104", "AE@host", "AE@host:port", "@host:104", "ftp://host"])
def test_a_destination_that_is_not_understood_is_refused(text):
    with pytest.raises(SettingsError, match=f"--forward '{text}' is not understood"):
        destination_of(text, our_ae="ONEPHASE")


@pytest.mark.parametrize("title", ["A_TITLE_OF_17_CHA", "ARCHIVÉ", "A\\B"])
def test_an_ae_title_that_is_none_is_refused(title):
    with pytest.raises(SettingsError, match=re.escape(f"--forward: {title!r} is no AE title: give up to 16")):
        destination_of(f"{title}@127.0.0.1:104", our_ae="ONEPHASE")


@pytest.mark.parametrize("text", ["http://127.0.0.1:9/dicom-web", "ARCHIVE@127.0.0.1:9"])
def test_nobody_at_home_is_a_sentence(text, objects):
    destination = destination_of(text, our_ae="ONEPHASE", timeout_s=2.0)
    assert isinstance(destination, WebArchive if text.startswith("http") else DimseArchive)
    with pytest.raises(NotSentError, match="the archive cannot be reached"):
        destination.send(objects)
