import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from onephase.errors import StorageError
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.imaging.geometry import Grid
from onephase.imaging.patch import Patch
from onephase.imaging.patches import open_store, read_patch, writing
from onephase.imaging.yardsticks import Yardsticks

SHAPE = (4, 5, 6)
FINGERPRINT = {"spacing_mm": 1.5, "patch_voxels": [4, 5, 6]}


def _patch(number: int) -> Patch:
    rng = np.random.default_rng(number)
    grid = Grid.axial(SHAPE, (1.5, 1.5, 1.5))
    image, distance = (rng.standard_normal(SHAPE).astype(np.float32) for _ in range(2))
    numbers = rng.standard_normal(len(DESCRIPTORS)).astype(np.float32)
    return Patch(
        image, distance, Yardsticks.even(air=-3.0), numbers, grid, "given", ("a flag",), {"volume_ml": float(number)}
    )


def _add(folder, numbers) -> None:
    with writing(folder, fingerprint=FINGERPRINT, patch_voxels=SHAPE) as writer:
        for number in numbers:
            if f"c{number}" not in writer:
                writer.add(f"c{number}", _patch(number), key=f"k{number}")


def _digest(folder) -> str:
    names = ("image.f16", "distance.f16", "descriptors.f32", "cases.jsonl", "store.json")
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in names)).hexdigest()


def test_what_was_added_comes_back(tmp_path):
    _add(tmp_path, range(3))
    store = open_store(tmp_path)
    assert len(store) == 3
    assert store.rows(["c2", "c0"]) == [2, 0]
    assert store.case("c1").facts == {"volume_ml": 1.0}
    assert store.case("c1").flags == ("a flag",)
    assert "c7" not in store
    np.testing.assert_array_equal(store.image[2], _patch(2).image.astype(np.float16))
    np.testing.assert_array_equal(store.distance_mm[0], _patch(0).distance_mm.astype(np.float16))
    np.testing.assert_array_equal(store.descriptors[1], _patch(1).descriptors)
    assert isinstance(store.image, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        store.image[0, 0, 0, 0] = 1


def test_one_patch_is_read_by_its_row(tmp_path):
    _add(tmp_path, range(3))
    store = open_store(tmp_path)
    for row in range(3):
        image, distance_mm = read_patch(tmp_path, row, patch_voxels=SHAPE)
        np.testing.assert_array_equal(image, store.image[row])
        np.testing.assert_array_equal(distance_mm, store.distance_mm[row])


def test_a_broken_run_goes_on_to_the_same_bytes(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    _add(whole, range(4))
    _add(broken, range(2))
    with (broken / "image.f16").open("ab") as stream:
        stream.write(b"half a patch")
    with (broken / "cases.jsonl").open("ab") as stream:
        stream.write(b'{"case_id": "c2", "row"')
    assert len(open_store(whole)) == 4
    _add(broken, range(4))
    assert _digest(broken) == _digest(whole)


def test_a_kill_at_any_moment_loses_nothing_listed(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    _add(whole, range(30))
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_patches import _add
_add(Path(sys.argv[1]), range(30))
"""
    listing = killed / "cases.jsonl"
    for least in (1, 10, 20):
        child = subprocess.Popen([sys.executable, "-c", program, str(killed)])
        while child.poll() is None and (not listing.exists() or listing.read_bytes().count(b"\n") < least):
            time.sleep(0.001)
        child.send_signal(signal.SIGKILL)
        child.wait()
    _add(killed, range(30))
    assert _digest(killed) == _digest(whole)


def test_settings_are_never_mixed(tmp_path):
    _add(tmp_path, [0])
    with (
        pytest.raises(StorageError, match=r"prepared with spacing_mm = 1.5, now it is 2.0"),
        writing(tmp_path, fingerprint={**FINGERPRINT, "spacing_mm": 2.0}, patch_voxels=SHAPE),
    ):
        pass


def test_two_writers_and_a_case_twice_and_a_wrong_shape_are_refused(tmp_path):
    with writing(tmp_path, fingerprint=FINGERPRINT, patch_voxels=SHAPE) as writer:
        writer.add("c0", _patch(0))
        with pytest.raises(StorageError, match="case c0 is in the store"):
            writer.add("c0", _patch(0))
        with (
            pytest.raises(StorageError, match="another process is writing"),
            writing(tmp_path, fingerprint=FINGERPRINT, patch_voxels=SHAPE),
        ):
            pass
    with (
        writing(tmp_path / "other", fingerprint={}, patch_voxels=(3, 3, 3)) as writer,
        pytest.raises(StorageError, match="does not fit a store"),
    ):
        writer.add("c1", _patch(1))


def test_a_short_or_foreign_store_is_one_sentence(tmp_path):
    with pytest.raises(StorageError, match=r"store\.json is missing"):
        open_store(tmp_path)
    _add(tmp_path, range(2))
    head = (tmp_path / "store.json").read_text()
    (tmp_path / "store.json").write_text(head.replace('"core mean"', '"core median of old"'))
    with pytest.raises(StorageError, match="with other descriptors than this version has: move this folder away"):
        open_store(tmp_path)
    (tmp_path / "store.json").write_text(head)
    os.truncate(tmp_path / "image.f16", 10)
    with pytest.raises(StorageError, match="shorter than its list of cases"):
        open_store(tmp_path)
