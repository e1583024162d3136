"""Files appear whole or not at all: write aside, then rename; and are known by their sha256."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from onephase.errors import StorageError


@contextmanager
def file_aside(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; rename it into place when the block succeeds.

    Args:
        path: Where the finished file shall stand; its folder is made when missing.

    Yields:
        A temporary path in the same folder, with the same suffixes.

    Raises:
        StorageError: If the file cannot be written (disk full, no permission). Nothing is left.
    """
    with write_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = _beside(path, ".writing-", suffix="".join(path.suffixes))
        aside.touch(exist_ok=False)
        try:
            yield aside
            with aside.open("rb") as written:
                os.fsync(written.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)


@contextmanager
def folder_aside(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path``; put it in the place of ``path`` when the block succeeds.

    Args:
        path: Where the finished folder shall stand. A folder already there is replaced, but only by one
            that holds a successor of everything in it: somebody else's folder is never lost.

    Yields:
        A temporary folder on the same file system.

    Raises:
        StorageError: If the folder cannot be written. What stood at ``path`` stays.
    """
    with write_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = _beside(path, ".writing-")
        aside.mkdir()
        try:
            with _named_as(path, aside):
                yield aside
            _refuse_loss(path, aside)
            if path.exists():
                replaced = _beside(path, ".replaced-")
                replaced.mkdir()
                path.rename(replaced / path.name)
                aside.rename(path)
                shutil.rmtree(replaced)
            else:
                aside.rename(path)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder within the block; wait while another process holds it, here or on a machine that shares it.

    Args:
        folder: Made when missing; ``.lock`` in it is what is held. A process that ends, in whatever way, holds nothing.

    Raises:
        StorageError: If the folder cannot be written to.
    """
    with write_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 to ``path``, whole or not at all."""
    with file_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write several texts that belong together, all of them or none."""
    with ExitStack() as asides:
        for path, text in texts.items():
            asides.enter_context(file_aside(path)).write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON to ``path``; a NaN or infinity is refused, as JSON has none."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """Return ``value`` as indented JSON, the last line ended."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path) -> Any:
    """Read JSON, or say in one sentence which file is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        message = f"{path} is missing"
        raise StorageError(message) from None
    except (UnicodeDecodeError, json.JSONDecodeError) as fault:
        message = f"{path} is not JSON: {fault}"
        raise StorageError(message) from None


def is_there(path: Path) -> bool:
    """Tell whether a path leads to something; one with too long a name, or through a closed folder, does not."""
    try:
        return path.exists()
    except OSError:
        return False


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def write_faults(path: Path) -> Iterator[None]:
    """Turn what the system says about a place that cannot be written to into one sentence.

    Raises:
        StorageError: Naming ``path`` and the reason.
    """
    try:
        yield
    except OSError as fault:
        reasons = {
            errno.ENOSPC: "the disk is full",
            errno.EDQUOT: "the disk quota is used up",
            errno.EFBIG: "the file-size limit is reached",
            errno.EACCES: "permission is denied",
            errno.EROFS: "the file system is read-only",
            errno.EEXIST: "a file stands where a folder is needed",
            errno.ENOTDIR: "a file stands where a folder is needed",
            errno.EISDIR: "a folder stands in its place",
            errno.EPERM: "the system permits it to nobody",
            errno.ENAMETOOLONG: "its name is too long",
        }
        if isinstance(fault, FileNotFoundError) and fault.filename in map(str, (path, *path.parents)):
            reasons[errno.ENOENT] = "no folder can be made there"  # as below /proc; of other files this says nothing
        if fault.errno not in reasons:
            raise
        message = f"{path} could not be written because {reasons[fault.errno]}; nothing was left half-written"
        raise StorageError(message) from fault


@contextmanager
def _named_as(path: Path, aside: Path) -> Iterator[None]:
    """Name the place that the user knows where a message would name the one beside it."""
    try:
        yield
    except StorageError as fault:
        raise StorageError(str(fault).replace(str(aside), str(path))) from fault


def _refuse_loss(path: Path, successor: Path) -> None:
    """Refuse to replace a file, or a folder that holds something without a successor."""
    if path.exists() and not path.is_dir():
        message = f"{path} is a file, where a folder is to be written: move it away, or choose another place"
        raise StorageError(message)
    there = {entry.name for entry in path.iterdir()} if path.exists() else set()
    lost = sorted(there - {entry.name for entry in successor.iterdir()})
    if lost:
        message = (
            f"{path} holds {lost[0]}, which replacing the folder would lose: move it away, or choose another folder"
        )
        raise StorageError(message)


def _beside(path: Path, prefix: str, *, suffix: str = "") -> Path:
    """Return a path of its own beside another.

    What is made there has the usual permissions. What :mod:`tempfile` makes is private, and the mask by which it could
    be opened afterwards is read by setting it, while other threads write.
    """
    return path.parent / f"{prefix}{os.urandom(8).hex()}{suffix}"
