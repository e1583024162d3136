"""The key of pseudonyms: a file that the user keeps, and that never goes with the copy."""

import os
import secrets
import stat
from pathlib import Path

from onephase.errors import ExportError
from onephase.storage import write_faults

SHORTEST_BYTES = 32
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def refuse_key_file(path: Path) -> None:
    """Refuse to make a key where a file is.

    Raises:
        ExportError: If there is one.
    """
    if path.exists():
        message = f"{path} is there already: give it with --key to get the same pseudonyms, or name a new file"
        raise ExportError(message)


def new_key_file(path: Path) -> bytes:
    """Make a key of 256 random bits in a file that only its owner may read, and return it.

    Raises:
        ExportError: If there is such a file.
        StorageError: If it cannot be written.
    """
    key = f"{secrets.token_hex(SHORTEST_BYTES)}\n".encode()
    refuse_key_file(path)
    with write_faults(path):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(key)
    return key


def read_key_file(path: Path) -> bytes:
    """Return the key in a file, all its bytes.

    Raises:
        ExportError: If it cannot be read, is too short to be secret, or can be read by others.
    """
    try:
        key, mode = path.read_bytes(), path.stat().st_mode
    except OSError as fault:
        message = f"the key file {path} cannot be read ({fault.strerror}): make one with --new-key {path}"
        raise ExportError(message) from None
    if len(key) < SHORTEST_BYTES:
        message = f"the key file {path} holds {len(key)} bytes, fewer than {SHORTEST_BYTES}: make one with --new-key"
        raise ExportError(message)
    if mode & OTHERS:
        message = f"the key file {path} can be read by others, who could undo the pseudonyms: chmod 600 {path}"
        raise ExportError(message)
    return key
