"""The listener before friendly, strange and hostile peers."""

import gc
import shutil
import socket
import ssl
import struct
import subprocess
import time
from pathlib import Path
from threading import Thread

import pytest
from pydicom.uid import CTImageStorage, MRImageStorage
from pynetdicom import AE
from tests.dcmtk import STORESCU, needs_storescu

from onephase.service.node.limits import Limits, read_peer
from onephase.service.node.listener import Listener
from onephase.service.node.tls import tls_of

SHORT_S, AMPLE_S = 2.0, 60.0
"""How long peers may be silent that are, and others: on a busy machine a friendly peer may pause for a second."""

# pynetdicom leaves the sockets of a rejected requestor, which only tests are, to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _collected():
    """Collect them here, for in another test they would be a warning, which is an error."""
    yield
    gc.collect()


@pytest.fixture
def listening(intake):
    """Start a listener and return its port; it is stopped at the end."""
    started = []

    def start(*, allow=("STORESCU@127.0.0.1",), tls=None, **limits) -> int:
        answers = []
        made = Listener(
            intake,
            ae_title="ONEPHASE",
            limits=Limits(tuple(map(read_peer, allow)), **{"timeout_s": AMPLE_S, **limits}),
            tls=tls,
            observe=answers.append,
        )
        started.append(made)
        return made.start("127.0.0.1", 0)[1]

    yield start
    for one in started:
        one.stop(grace_s=0.0)


def associate(port: int, *, calling: str = "STORESCU", called: str = "ONEPHASE", kind=MRImageStorage):
    ae = AE(calling)
    ae.acse_timeout = ae.dimse_timeout = AMPLE_S
    ae.add_requested_context(kind, "1.2.840.10008.1.2.1")
    return ae.associate("127.0.0.1", port, ae_title=called)


def closes_within(peer: socket.socket, seconds: float) -> bool:
    peer.settimeout(seconds)
    try:
        while peer.recv(4096):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


def still_serves(port: int, scanner, number: int) -> bool:
    (image, *_) = scanner.slices(number)  # beforehand: an association that is silent is ended
    association = associate(port)
    assert association.is_established
    status = association.send_c_store(image).Status
    association.release()
    return status == 0x0000


def test_an_image_is_stored(listening, intake, scanner):
    assert still_serves(listening(), scanner, 1)
    (entry,) = intake.worklist.entries()
    assert len(intake.worklist.instances(entry.key)) == 1


@pytest.mark.parametrize(
    ("calling", "called", "allow"),
    [
        ("STRANGER", "ONEPHASE", "STORESCU@127.0.0.1"),
        ("STORESCU", "ANOTHER", "STORESCU@127.0.0.1"),
        ("STORESCU", "ONEPHASE", "STORESCU@127.0.0.2"),
    ],
)
def test_a_stranger_is_turned_away(listening, intake, calling, called, allow):
    association = associate(listening(allow=(allow,)), calling=calling, called=called)
    assert not association.is_established
    assert intake.worklist.entries() == []


def test_a_title_is_admitted_from_its_own_address_only(listening):
    port = listening(allow=("STORESCU@127.0.0.2", "OTHER@127.0.0.1"))
    assert not associate(port).is_established
    other = associate(port, calling="OTHER")
    assert other.is_established
    other.release()


def test_strangers_leave_no_open_file_behind(listening):
    port = listening(timeout_s=SHORT_S)  # so long is waited for a stranger to close his end

    def open_files() -> int:
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_files()
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", port)) as peer:
            peer.sendall(request_of("STRANGER"))
            assert closes_within(peer, AMPLE_S)
    until = time.monotonic() + AMPLE_S  # a file is closed when its association's thread has ended
    while (left := open_files() - before) > 2 and time.monotonic() < until:
        time.sleep(0.1)
    assert left <= 2


def request_of(calling: str) -> bytes:
    """Return an A-ASSOCIATE-RQ as bytes (PS3.8 table 9-11), with one context, Verification."""

    def item(kind: int, body: bytes) -> bytes:
        return struct.pack(">BBH", kind, 0, len(body)) + body

    application = item(0x10, b"1.2.840.10008.3.1.1.1")
    context = item(0x20, b"\x01\0\0\0" + item(0x30, b"1.2.840.10008.1.1") + item(0x40, b"1.2.840.10008.1.2"))
    user = item(0x50, item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3.4"))
    titles = b"ONEPHASE".ljust(16) + calling.encode().ljust(16)
    body = struct.pack(">HH", 1, 0) + titles + bytes(32) + application + context + user
    return struct.pack(">BBL", 1, 0, len(body)) + body


def test_what_is_no_mr_and_no_outline_is_not_negotiated(listening):
    assert not associate(listening(), kind=CTImageStorage).is_established


def test_more_associations_than_allowed_are_rejected(listening, scanner):
    port = listening(associations=2)
    held = [associate(port) for _ in range(2)]
    assert all(one.is_established for one in held)
    assert not associate(port).is_established
    for one in held:
        one.release()
    until = time.monotonic() + AMPLE_S  # the listener counts an association until its thread has ended
    while not (free := associate(port)).is_established and time.monotonic() < until:
        time.sleep(0.1)
    free.release()
    assert still_serves(port, scanner, 1)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        struct.pack(">BBL", 1, 0, (1 << 32) - 1) + b"\0" * 4096,  # a PDU of 4 GiB
        struct.pack(">BBL", 1, 0, 68) + b"\0" * 68,  # an association without contexts
        struct.pack(">BBL", 4, 0, 12) + b"\0" * 12,  # data before any association
        struct.pack(">BBL", 1, 0, 1000) + b"half",  # and then nothing
        b"",
    ],
    ids=["http", "4 GiB", "empty request", "data first", "half a PDU", "silence"],
)
def test_what_is_no_dicom_is_closed_and_others_are_served(listening, scanner, sent):
    port = listening(timeout_s=SHORT_S)
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.sendall(sent)
        assert closes_within(peer, AMPLE_S)
    assert still_serves(port, scanner, 1)


def test_an_object_beyond_the_limit_ends_the_association(listening, intake, scanner):
    port = listening(object_bytes=1 << 16)
    (image, *_) = scanner.slices(1)
    image.PixelData = bytes(2 << 20)
    association = associate(port)
    assert "Status" not in association.send_c_store(image)
    assert intake.worklist.entries() == []
    assert still_serves(port, scanner, 2)


def test_a_malformed_object_is_answered_and_the_association_goes_on(listening, scanner):
    image, other, *_ = scanner.slices(1)
    del image.StudyInstanceUID
    association = associate(listening())
    assert association.send_c_store(image).Status == 0xC000
    assert association.send_c_store(other).Status == 0x0000
    association.release()


def test_a_full_disk_is_a700_and_afterwards_it_goes_on(listening, scanner, tmp_path, worklist):
    """A real file system of 64 KiB that fills up, and is then made larger."""
    place = tmp_path / "store"
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here (this needs root)")
    try:
        port = listening()
        slices = scanner.slices(1)
        for one in slices:
            one.PixelData = one.PixelData * 4  # 11 KiB each: longer than its header says, which matters later only
        association = associate(port)
        statuses = [association.send_c_store(one).Status for one in slices]
        assert set(statuses) == {0x0000, 0xA700}
        files = [path for path in place.rglob("*") if path.is_file()]
        assert len(files) == statuses.count(0x0000)  # nothing half-written
        subprocess.run(["mount", "-o", "remount,size=4m", str(place)], check=True)
        left = [one for one, status in zip(slices, statuses, strict=True) if status]
        assert {association.send_c_store(one).Status for one in left} == {0x0000}
        association.release()
        (entry,) = worklist.entries()
        assert len(worklist.instances(entry.key)) == len(slices)
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_stopping_lets_an_open_association_end(intake, scanner):
    made = Listener(
        intake,
        ae_title="ONEPHASE",
        limits=Limits((read_peer("*@127.0.0.1"),), timeout_s=AMPLE_S),
        tls=None,
        observe=lambda _: None,
    )
    (image, *_) = scanner.slices(1)
    association = associate(made.start("127.0.0.1", 0)[1])
    stopping = Thread(target=made.stop, kwargs={"grace_s": AMPLE_S})
    stopping.start()
    time.sleep(0.3)
    assert association.send_c_store(image).Status == 0x0000
    association.release()
    stopping.join(timeout=AMPLE_S / 2)  # long before the grace is over
    assert not stopping.is_alive()


@needs_storescu
def test_tls_with_a_certificate_of_the_peer(listening, certificate, study, intake):
    cert, key = certificate
    port = listening(tls=tls_of(cert, key, cert))
    image = sorted(study(1, outline=False).iterdir())[0]
    with_tls = [STORESCU, "+tls", str(key), str(cert), "+cf", str(cert), "-aec", "ONEPHASE", "127.0.0.1", str(port)]
    done = subprocess.run([*with_tls, str(image)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(intake.worklist.entries()) == 1
    without = [STORESCU, "-to", "3", "-ta", "3", "-aec", "ONEPHASE", "127.0.0.1", str(port), str(image)]
    assert subprocess.run(without, capture_output=True, check=False, timeout=60).returncode != 0
    anonymous = [STORESCU, "+tla", "-ic", "-to", "3", "-aec", "ONEPHASE", "127.0.0.1", str(port), str(image)]
    assert subprocess.run(anonymous, capture_output=True, check=False, timeout=60).returncode != 0


def test_a_silent_peer_does_not_stop_a_tls_listener(listening, certificate):
    port = listening(tls=tls_of(*certificate, None))
    trusting = ssl.create_default_context(cafile=certificate[0])
    with (
        socket.create_connection(("127.0.0.1", port)),  # says nothing
        socket.create_connection(("127.0.0.1", port), timeout=AMPLE_S / 2) as plain,
        trusting.wrap_socket(plain, server_hostname="127.0.0.1") as peer,
    ):
        assert peer.version() in {"TLSv1.2", "TLSv1.3"}
