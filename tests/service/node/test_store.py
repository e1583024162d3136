"""What killed nodes leave behind is swept, what living ones are at is not; and which study a name is of."""

import os
import re
import subprocess
import threading
import time
from pathlib import Path

from onephase.service.node.journal import SHOWN_KEY
from onephase.service.node.store import Store, key_of
from onephase.service.worklist.worklist import Instance, Kind


def test_only_what_is_old_is_swept(tmp_path):
    store = Store(tmp_path / "store")
    one = Instance("ab" * 32, "cd" * 32, "ef" * 32, Kind.IMAGE)
    kept = store.keep(one, b"image")
    with store.laid_out([one]) as living:
        half, links = kept.parent / ".writing-dead.dcm", store.folder / ".laid-out-dead"
        half.write_bytes(b"ima")
        links.mkdir()
        (links / "x.dcm").symlink_to(kept)
        assert store.sweep(older_than_s=60.0) == 0
        for path in (half, links):
            os.utime(path, (time.time() - 100,) * 2)
        assert store.sweep(older_than_s=60.0) == 2
        assert (half.exists(), links.exists()) == (False, False)
        assert [path.read_bytes() for path in living.iterdir()] == [b"image"]
    assert kept.read_bytes() == b"image"
    assert not living.exists()


def test_sweeping_beside_a_busy_node_ends_well(tmp_path):
    """Files and folders vanish while they are looked at."""
    store, stop = Store(tmp_path / "store"), threading.Event()

    def busy() -> None:
        for number in range(10**6):
            if stop.is_set():
                return
            one = Instance("ab" * 32, f"{number:064x}", "ef" * 32, Kind.IMAGE)
            store.keep(one, b"image")
            with store.laid_out([one]):
                pass

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for _ in range(100):
            assert store.sweep(older_than_s=60.0) == 0
    finally:
        stop.set()
        thread.join()


def test_a_file_that_vanishes_while_it_is_looked_at_is_none(tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    gone = store.folder / ".writing-gone.dcm"
    monkeypatch.setattr(Store, "_left_behind", lambda _: iter([gone]))
    assert store.sweep(older_than_s=0.0) == 0


def test_the_page_tells_how_a_study_is_found_on_the_list():
    page = (Path(__file__).parents[3] / "docs" / "node.md").read_text()
    command = re.search(r"`(printf %s UID [^`]*)`", page)
    assert command is not None
    uid = "1.3.6.1.4.1.14519.5.2.1.1"
    said = subprocess.run(
        ["bash", "-c", command[1].replace("UID", uid)], capture_output=True, text=True, check=True
    ).stdout
    assert said == f"{key_of(uid)[:SHOWN_KEY]}\n"
