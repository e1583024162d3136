"""What killed nodes leave behind is swept; what living ones are at is not."""

import os
import time

from onephase.service.node.store import Store
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
