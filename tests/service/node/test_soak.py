"""`kill -9` at random moments: nothing that was confirmed is lost, and nothing comes out twice.

Short in the suite, long by `make soak`. The senders are strict: what the node has confirmed once is never sent again.
"""

import os
import random
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydicom import dcmread

from onephase.service.node.store import Store
from onephase.service.worklist.database import open_database
from onephase.service.worklist.worklist import Worklist

pytestmark = pytest.mark.slow
STUDIES = int(os.environ.get("ONEPHASE_SOAK_STUDIES", "6"))
KILLS = int(os.environ.get("ONEPHASE_SOAK_KILLS", "4"))
ASSOCIATIONS = int(os.environ.get("ONEPHASE_SOAK_ASSOCIATIONS", "4"))
SEED = int(os.environ.get("ONEPHASE_SOAK_SEED", "7"))
LATEST_KILL_S = float(os.environ.get("ONEPHASE_SOAK_LATEST_KILL_S", "4"))
LONGEST_WAIT_S = 5.0
CONFIRMED = re.compile(r"Sending file: (\S+)(?:(?!Sending file).)*?Received Store Response \(Success\)", re.DOTALL)


def send_until_confirmed(folder: Path, node, storescu, *, latest: float) -> int:
    """Send the files of a study until each is confirmed; return how often that took an association."""
    left = sorted(folder.iterdir())
    tries = 0
    while left:
        assert time.monotonic() < latest, f"{len(left)} files were never confirmed"
        tries += 1
        done = storescu(node.port, *left, options=("-v", "-to", "10", "-td", "30", "-ta", "10"))
        confirmed = set(CONFIRMED.findall(done.stdout + done.stderr))
        left = [path for path in left if str(path) not in confirmed]
        if left:
            time.sleep(0.3)
    return tries


def moments(node) -> set[str]:
    """Return what the node is in the midst of."""
    at = {"complete": "predicting", "predicted": "sending"}
    entries = node.entries()
    doing = {at[entry.state] for entry in entries if entry.held and entry.state in at}
    return doing | ({"receiving"} if any(entry.state == "received" for entry in entries) else set())


def kill_again_and_again(node, *, seed: int) -> Counter:
    """Kill the node in the midst of this or that and start it again; return in the midst of what it was."""
    chance, seen = random.Random(seed), Counter()  # noqa: S311 - no secret
    for count in range(KILLS):
        wanted = chance.choice(["receiving", "predicting", "sending"])
        time.sleep(chance.uniform(0, LATEST_KILL_S))  # or nothing would ever be done
        latest = time.monotonic() + LONGEST_WAIT_S
        while time.monotonic() < latest and wanted not in moments(node):
            time.sleep(0.05)
        node.kill()
        seen.update(moments(node) or {"idle"})
        node.start()
        print(
            f"kill {count + 1} of {KILLS}: {dict(seen)}; {dict(Counter(e.state for e in node.entries()))}", flush=True
        )
    return seen


def ours_in(archive) -> dict[str, Counter]:
    """Return our objects in the archive by study and kind."""
    found: dict[str, Counter] = {}
    for instance in archive.json("instances"):
        tags = archive.json(f"instances/{instance}/simplified-tags")
        if tags.get("Manufacturer") == "onephase":
            found.setdefault(tags["StudyInstanceUID"], Counter())[tags["SOPClassUID"]] += 1
    return found


def test_killed_at_random_moments_it_loses_and_doubles_nothing(archive, node, storescu, study, tmp_path):
    running = node(f"{archive.web}/dicom-web", "--max-associations", str(2 * ASSOCIATIONS))
    folders = [study(1000 + number) for number in range(STUDIES)]
    running.start()
    started = time.monotonic()
    latest = started + 120 + 30 * KILLS + 10 * STUDIES
    with ThreadPoolExecutor(ASSOCIATIONS + 1) as pool:
        killing = pool.submit(kill_again_and_again, running, seed=SEED)
        sending = [pool.submit(send_until_confirmed, one, running, storescu, latest=latest) for one in folders]
        tries = sum(one.result() for one in sending)
        seen = killing.result()
    running.wait_for_states(*["sent"] * STUDIES, seconds=60 + 10 * STUDIES)
    took = time.monotonic() - started
    assert running.stop() == 0

    uids = {dcmread(folder / "00.dcm").StudyInstanceUID for folder in folders}
    found = ours_in(archive)
    assert set(found) == uids  # nothing lost
    assert all(len(kinds) == 4 and set(kinds.values()) == {1} for kinds in found.values())  # nothing doubled
    assert every_file_is_kept(running.store, folders)
    assert "CANARY" not in running.journal.read_text()
    assert not running.events("prediction failed by a fault of ours")
    print(f"{STUDIES} studies, {KILLS} kills in {took:.0f} s over {tries} associations; at the kills: {dict(seen)}")


def every_file_is_kept(folder: Path, folders: list[Path]) -> bool:
    """Tell whether the store holds what was sent, each once, unchanged."""
    store = Store(folder)
    engine = open_database(f"sqlite:///{folder / 'worklist.sqlite'}")
    worklist = Worklist(engine)
    kept = {}
    for entry in worklist.entries():
        for one in worklist.instances(entry.key):
            there = dcmread(store.path_of(one))
            kept[there.SOPInstanceUID] = there
    engine.dispose()
    sent = [dcmread(path) for one in folders for path in one.iterdir()]
    return len(kept) == len(sent) and all(kept[one.SOPInstanceUID] == one for one in sent)
