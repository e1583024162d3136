"""Read a bundle's folder: exactly the expected files, each byte as it was written, nothing that can run code.

Every file is opened once; the bytes that were hashed are the bytes that are used, so a file exchanged
in between has no effect.
"""

import hashlib
import os
import stat
from collections.abc import Collection, Mapping
from pathlib import Path

from onephase.errors import BundleError
from onephase.inference.manifest import MANIFEST_NAME, Manifest, parse_manifest

MANIFEST_LIMIT_BYTES = 1 << 20

PICKLE_PROTOCOLS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
"""First bytes of a pickle of protocol 2 to 5; older PyTorch checkpoints begin with one."""
ZIP_MAGIC = b"PK\x03\x04"
"""First bytes of a ZIP; newer PyTorch checkpoints are one, with a pickle inside."""
PICKLE_SUFFIXES = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")


def read_manifest(folder: Path, *, files: Collection[str]) -> Manifest:
    """Read what a bundle says of itself; its other files are not opened.

    Args:
        folder: The bundle.
        files: What it must hold beside ``bundle.json``.

    Raises:
        BundleError: If the manifest is broken or changed, or a file is missing or unknown.
    """
    _check_names(folder, expected={MANIFEST_NAME, *files})
    manifest = parse_manifest(
        _read(folder / MANIFEST_NAME, limit=MANIFEST_LIMIT_BYTES), source=str(folder / MANIFEST_NAME)
    )
    if set(manifest.files) != set(files):
        message = f"{folder / MANIFEST_NAME} lists {sorted(manifest.files)}, expected {sorted(files)}"
        raise BundleError(message)
    return manifest


def read_sealed_folder(folder: Path, *, limits: Mapping[str, int]) -> tuple[Manifest, dict[str, bytes]]:
    """Read and check every file of a bundle.

    Args:
        folder: The bundle.
        limits: The files it must hold beside ``bundle.json``, each with its largest size in bytes.

    Returns:
        The manifest and the content of each file.

    Raises:
        BundleError: Naming the file that is missing, unknown, too large, changed, or a pickle.
    """
    manifest = read_manifest(folder, files=limits)
    contents = {name: _read(folder / name, limit=limit) for name, limit in limits.items()}
    for name, content in contents.items():
        facts = manifest.files[name]
        if len(content) != facts.bytes or hashlib.sha256(content).hexdigest() != facts.sha256:
            message = f"{folder / name} was changed after the bundle was written: get the bundle again"
            raise BundleError(message)
    return manifest, contents


def _check_names(folder: Path, *, expected: set[str]) -> None:
    if not folder.is_dir():
        message = f"bundle {folder} is not a folder: give the folder that holds {MANIFEST_NAME}"
        raise BundleError(message)
    found = {entry.name for entry in folder.iterdir()}
    for name in sorted(found - expected):
        if name.lower().endswith(PICKLE_SUFFIXES):
            message = f"{folder / name} is a pickled checkpoint, which can run code when opened: no bundle holds one"
        elif not found & expected:
            message = f"{folder} is no bundle: give the folder that holds {MANIFEST_NAME}"
        else:
            message = f"{folder / name} does not belong to a bundle: remove it, or get the bundle again"
        raise BundleError(message)
    for name in sorted(expected - found):
        message = f"{folder / name} is missing: get the whole bundle again"
        raise BundleError(message)


def _read(path: Path, *, limit: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as fault:
        message = f"{path} cannot be opened ({fault.strerror}): a bundle holds plain readable files, no links"
        raise BundleError(message) from None
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            message = f"{path} is not a plain file: get the bundle again"
            raise BundleError(message)
        content = stream.read(limit + 1)
    if len(content) > limit:
        message = f"{path} is larger than the {limit} bytes that a bundle allows it"
        raise BundleError(message)
    if content.startswith(ZIP_MAGIC) or content.startswith(PICKLE_PROTOCOLS):
        message = f"{path} is a pickle or a ZIP archive under another name: it is not opened, as it can run code"
        raise BundleError(message)
    return content
