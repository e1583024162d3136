"""The node as a process, between dcmtk's storescu and a real Orthanc."""

from collections import Counter

import pytest

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
