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
from onephase.service.worklist.database import database_in, open_database
from onephase.service.worklist.tables import metadata
from onephase.service.worklist.worklist import Worklist

pytestmark = pytest.mark.slow
STUDIES = int(os.environ.get("ONEPHASE_SOAK_STUDIES", "4"))
KILLS = int(os.environ.get("ONEPHASE_SOAK_KILLS", "3"))
ASSOCIATIONS = int(os.environ.get("ONEPHASE_SOAK_ASSOCIATIONS", "4"))
SEED = int(os.environ.get("ONEPHASE_SOAK_SEED", "7"))
LATEST_KILL_S = float(os.environ.get("ONEPHASE_SOAK_LATEST_KILL_S", "4"))
LONGEST_WAIT_S = 5.0
CONFIRMED = re.compile(r"Sending file: (\S+)(?:(?!Sending file).)*?Received Store Response \(Success\)", re.DOTALL)


def send_until_confirmed(folder: Path, nodes, storescu, *, latest: float) -> int:
    """Send the files of a study until each is confirmed; return how often that took an association.

    Where there are several nodes, what the one did not confirm goes to the next.
    """
    left = sorted(folder.iterdir())
    tries = 0
    while left:
        assert time.monotonic() < latest, f"{len(left)} files were never confirmed"
        tries += 1
        done = storescu(nodes[tries % len(nodes)].port, *left, options=("-v", "-to", "10", "-td", "30", "-ta", "10"))
        confirmed = set(CONFIRMED.findall(done.stdout + done.stderr))
        left = [path for path in left if str(path) not in confirmed]
        if left:
            time.sleep(0.3)
    return tries


def moments(worklist: Worklist) -> set[str]:
    """Return what the nodes are in the midst of."""
    at = {"complete": "predicting", "predicted": "sending"}
    entries = worklist.entries()
    doing = {at[entry.state] for entry in entries if entry.held and entry.state in at}
    return doing | ({"receiving"} if any(entry.state == "received" for entry in entries) else set())


def kill_again_and_again(nodes, worklist: Worklist, *, kills: int) -> Counter:
    """Kill a node in the midst of this or that and start it again; return in the midst of what it was."""
    chance, seen = random.Random(SEED), Counter()  # noqa: S311 - no secret
    for count in range(kills):
        node = chance.choice(nodes)
        wanted = chance.choice(["receiving", "predicting", "sending"])
        time.sleep(chance.uniform(0, LATEST_KILL_S))  # or nothing would ever be done
        latest = time.monotonic() + LONGEST_WAIT_S
        while time.monotonic() < latest and wanted not in moments(worklist):
            time.sleep(0.05)
        node.kill()
        seen.update(moments(worklist) or {"idle"})
        node.start()
        states = dict(Counter(entry.state for entry in worklist.entries()))
        print(f"kill {count + 1} of {kills}: {dict(seen)}; {states}", flush=True)
    return seen


def ours_in(archive) -> dict[str, Counter]:
    """Return our objects in the archive by study and kind."""
    found: dict[str, Counter] = {}
    for instance in archive.json("instances"):
        tags = archive.json(f"instances/{instance}/simplified-tags")
        if tags.get("Manufacturer") == "onephase":
            found.setdefault(tags["StudyInstanceUID"], Counter())[tags["SOPClassUID"]] += 1
    return found


def soak(nodes, worklist: Worklist, archive, storescu, folders: list[Path], *, kills: int) -> None:
    """Kill nodes while studies go through them; look whether everything came out, and once."""
    for node in nodes:
        node.start()
    started = time.monotonic()
    latest = started + 300 + 60 * kills + 10 * len(folders)  # for a busy machine
    with ThreadPoolExecutor(ASSOCIATIONS + 1) as pool:
        killing = pool.submit(kill_again_and_again, nodes, worklist, kills=kills)
        sending = [pool.submit(send_until_confirmed, one, nodes, storescu, latest=latest) for one in folders]
        seen = killing.result()  # first: where a node does not come back, that is why nothing was confirmed
        tries = sum(one.result() for one in sending)
    sent = ["sent"] * len(folders)
    nodes[0].wait_until(lambda: [entry.state for entry in worklist.entries()] == sent, seconds=180 + 10 * len(folders))
    took = time.monotonic() - started
    assert [node.stop() for node in nodes] == [0] * len(nodes)

    uids = {dcmread(folder / "00.dcm").StudyInstanceUID for folder in folders}
    found = {uid: kinds for uid, kinds in ours_in(archive).items() if uid in uids}
    assert set(found) == uids  # nothing lost
    assert all(len(kinds) == 4 and set(kinds.values()) == {1} for kinds in found.values())  # nothing doubled
    assert every_file_is_kept(Store(nodes[0].store), worklist, folders)
    for node in nodes:
        assert "CANARY" not in node.journal.read_text()
        assert not node.events("prediction failed by a fault of ours")
    print(
        f"{len(folders)} studies, {kills} kills in {took:.0f} s over {tries} associations; at the kills: {dict(seen)}"
    )


def test_killed_at_random_moments_it_loses_and_doubles_nothing(archive, node, storescu, study):
    running = node(f"{archive.web}/dicom-web", "--max-associations", str(2 * ASSOCIATIONS))
    engine = open_database(database_in(running.store_made()))
    folders = [study(1000 + number) for number in range(STUDIES)]
    soak([running], Worklist(engine), archive, storescu, folders, kills=KILLS)
    engine.dispose()


def test_two_nodes_that_are_killed_lose_and_double_nothing(archive, node, storescu, study, postgres):
    """On one PostgreSQL list and one store, sending by C-STORE; half as long."""
    engine = open_database(postgres)
    metadata.drop_all(engine)
    metadata.create_all(engine)
    options = ("--worklist", postgres, "--max-associations", str(2 * ASSOCIATIONS))
    both = [node(f"ORTHANC@127.0.0.1:{archive.dicom_port}", *options, name=name) for name in ("one", "two")]
    both[1].share_store_of(both[0])
    folders = [study(3000 + number) for number in range(STUDIES // 2)]
    soak(both, Worklist(engine), archive, storescu, folders, kills=KILLS // 2)
    engine.dispose()


def every_file_is_kept(store: Store, worklist: Worklist, folders: list[Path]) -> bool:
    """Tell whether the store holds what was sent, each once, unchanged."""
    kept = {}
    for entry in worklist.entries():
        for one in worklist.instances(entry.key):
            there = dcmread(store.path_of(one))
            kept[there.SOPInstanceUID] = there
    sent = [dcmread(path) for one in folders for path in one.iterdir()]
    return len(kept) == len(sent) and all(kept[one.SOPInstanceUID] == one for one in sent)
