"""Where a node keeps what it received and what it made: every name is a hash, every file is whole and on the disk."""

import hashlib
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from onephase.service.worklist.worklist import Instance
from onephase.storage import file_aside, write_faults

HALF_WRITTEN = ".writing-"
"""How files begin that are being written; they have no name yet, so nobody was told that they are kept."""

LAID_OUT = ".laid-out-"
"""How folders of links begin."""

LEFT_BEHIND = (HALF_WRITTEN, LAID_OUT)


def key_of(uid: str) -> str:
    """Return the sha256 of an identifier, which is all that names files and rows.

    Examples:
        >>> key_of("../../etc/passwd")[:12]
        '3754d6cb3a38'
    """
    return hashlib.sha256(uid.encode("utf-8", errors="surrogatepass")).hexdigest()


class Store:
    """A folder of instances and result objects; nodes that share a work list share it too.

    Args:
        folder: The folder; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with write_faults(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def keep(self, one: Instance, content: bytes) -> Path:
        """Write an instance, through to the disk, and return where it stands; the first of its name stays.

        Raises:
            StorageError: If it cannot be written, as on a full disk. Nothing is left.
        """
        path = self.path_of(one)
        if not path.exists():
            with file_aside(path) as aside:
                aside.write_bytes(content)
        self._reach_the_disk(path.parent)  # also where a killed node had written the file, but not yet its folder
        return path

    def path_of(self, one: Instance) -> Path:
        """Return where an instance stands."""
        return self.folder / "studies" / one.study[:2] / one.study / one.series / f"{one.key}.dcm"

    def came(self, one: Instance) -> float:
        """Return when an instance was written, in seconds since 1970; sent again, it stays as it was."""
        return self.path_of(one).stat().st_mtime

    @contextmanager
    def laid_out(self, instances: Iterable[Instance]) -> Iterator[Path]:
        """Yield a folder that holds links to these instances and nothing else."""
        with tempfile.TemporaryDirectory(prefix=LAID_OUT, dir=self.folder) as name:
            for one in instances:
                (Path(name) / f"{one.key}.dcm").symlink_to(self.path_of(one).absolute())
            yield Path(name)

    def results(self, study: str, name: str) -> Path:
        """Return the folder of one set of result objects."""
        return self.folder / "results" / study[:2] / study / name

    def settle_results(self, study: str, name: str) -> None:
        """Take one set of result objects through to the disk."""
        self._reach_the_disk(self.results(study, name))

    def result_sets(self, study: str) -> list[Path]:
        """Return the folders of all sets of result objects of a study, those that are being written among them."""
        folder = self.results(study, "any").parent
        return sorted(folder.iterdir()) if folder.exists() else []

    def remove_results(self, sets: Iterable[Path]) -> None:
        """Remove sets of result objects that no longer count."""
        for folder in sets:
            shutil.rmtree(folder, ignore_errors=True)

    def free_bytes(self) -> int:
        """Return how much room is left on the disk."""
        return shutil.disk_usage(self.folder).free

    def sweep(self, *, older_than_s: float) -> int:
        """Remove what killed nodes were writing and had laid out, and return how many files and folders that were."""
        latest = time.time() - older_than_s
        old = [path for path in self._left_behind() if _written(path) < latest]
        for path in old:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return len(old)

    def _left_behind(self) -> Iterator[Path]:
        """Yield what somebody began; other nodes are at work meanwhile, so a folder may be gone when we come to it."""
        for place, folders, files in os.walk(self.folder):
            laid_out = [name for name in folders if name.startswith(LAID_OUT)]
            folders[:] = [name for name in folders if name not in laid_out]
            yield from (Path(place) / name for name in (*laid_out, *files) if name.startswith(LEFT_BEHIND))

    def _reach_the_disk(self, folder: Path) -> None:
        """Let the names in a folder, and its own up to the store's, survive a power cut."""
        for place in (folder, *folder.parents):
            descriptor = os.open(place, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if place == self.folder:
                return


def _written(path: Path) -> float:
    """Return when a path was last written to; one that has vanished meanwhile is as good as new."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf
