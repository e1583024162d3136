"""The store of patches: flat memory-mapped files, and a line for each case once its bytes are safe.

``image.f16`` and ``distance.f16`` hold one patch after the other in half precision, ``descriptors.f32`` the
lesion's descriptors; ``cases.jsonl`` names them. A patch is appended to the files first and to the list last, so
that whatever was cut off by a kill is not on the list and is written anew. The same cases in the same order give
the same bytes.
"""

import fcntl
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from onephase.arrays import Float16, Float32
from onephase.errors import StorageError
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.imaging.patch import Patch
from onephase.storage import read_json, write_json

FORMAT = 2
LISTING = "cases.jsonl"
ANEW = "move this folder away, or name another, and prepare the cohort again"
FILES = {"image": "image.f16", "distance_mm": "distance.f16", "descriptors": "descriptors.f32"}
STORED: Mapping[str, np.dtype[Any]] = {
    "image": np.dtype("<f2"),
    "distance_mm": np.dtype("<f2"),
    "descriptors": np.dtype("<f4"),
}


@dataclass(frozen=True, slots=True)
class StoredCase:
    """What the store knows of a case beside its patch.

    Attributes:
        case_id: Its name.
        row: Its place in the arrays.
        key: What it was made from; another key means that the case has changed since.
        outline_method: As in the patch.
        flags: As in the patch.
        facts: As in the patch.
        notes: Sentences and facts of whoever prepared it, such as warnings of the reader.
    """

    case_id: str
    row: int
    key: str
    outline_method: str
    flags: tuple[str, ...]
    facts: dict[str, float]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PatchStore:
    """Patches of one shape and one set of settings, on disk."""

    folder: Path
    fingerprint: dict[str, Any]
    patch_voxels: tuple[int, int, int]
    cases: tuple[StoredCase, ...]
    _row_of: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index the cases."""
        object.__setattr__(self, "_row_of", {case.case_id: case.row for case in self.cases})

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.cases)

    def __contains__(self, case_id: str) -> bool:
        """Tell whether a case is stored."""
        return case_id in self._row_of

    def case(self, case_id: str) -> StoredCase:
        """Return what is stored of a case; a KeyError means that it is not stored."""
        return self.cases[self._row_of[case_id]]

    def rows(self, case_ids: Sequence[str]) -> list[int]:
        """Return the places of cases in the arrays."""
        return [self._row_of[case_id] for case_id in case_ids]

    @property
    def image(self) -> Float16[np.ndarray, "case slice row column"]:
        """Normalised intensities of all cases, memory-mapped and read-only."""
        return self._mapped("image")

    @property
    def distance_mm(self) -> Float16[np.ndarray, "case slice row column"]:
        """Signed distances of all cases, memory-mapped and read-only."""
        return self._mapped("distance_mm")

    @property
    def descriptors(self) -> Float32[np.ndarray, "case descriptor"]:
        """Descriptors of all cases, memory-mapped and read-only."""
        return self._mapped("descriptors")

    def _mapped(self, name: str) -> np.ndarray:
        shape = (len(self), *shape_of(name, self.patch_voxels))
        if not self.cases:
            return np.zeros(shape, dtype=STORED[name])
        mapped: np.ndarray = np.memmap(self.folder / FILES[name], dtype=STORED[name], mode="r", shape=shape)
        return mapped


def shape_of(name: str, patch_voxels: tuple[int, int, int]) -> tuple[int, ...]:
    """Return the shape of one case in one of the :data:`FILES`."""
    return (len(DESCRIPTORS),) if name == "descriptors" else patch_voxels


def bytes_of(name: str, patch_voxels: tuple[int, int, int]) -> int:
    """Return the bytes that one case takes in one of the :data:`FILES`."""
    return math.prod(shape_of(name, patch_voxels)) * STORED[name].itemsize


class PatchWriter:
    """Appends patches to a store; made by :func:`writing`."""

    def __init__(self, store: PatchStore) -> None:
        self._folder = store.folder
        self._patch_voxels = store.patch_voxels
        self._keys = {case.case_id: case.key for case in store.cases}

    def __contains__(self, case_id: str) -> bool:
        """Tell whether a case is stored."""
        return case_id in self._keys

    def key_of(self, case_id: str) -> str:
        """Return what a stored case was made from."""
        return self._keys[case_id]

    def add(self, case_id: str, patch: Patch, *, key: str = "", notes: tuple[str, ...] = ()) -> None:
        """Append a patch; when this returns, a kill cannot lose it.

        Raises:
            StorageError: If the case is stored already, its shape is another, or the disk is full.
        """
        if case_id in self:
            message = f"case {case_id} is in the store {self._folder} already"
            raise StorageError(message)
        if patch.image.shape != self._patch_voxels:
            message = f"case {case_id}: a patch of {patch.image.shape} does not fit a store of {self._patch_voxels}"
            raise StorageError(message)
        case = StoredCase(
            case_id, len(self._keys), key, patch.outline_method, tuple(patch.flags), dict(patch.facts), notes
        )
        try:
            for name, file in FILES.items():
                _append(self._folder / file, getattr(patch, name).astype(STORED[name]).tobytes())
            _append(self._folder / LISTING, (json.dumps(asdict(case), allow_nan=False) + "\n").encode())
        except OSError as fault:
            message = (
                f"case {case_id}: its patch could not be written to {self._folder} ({fault.strerror}); "
                "what was stored before is kept"
            )
            raise StorageError(message) from fault
        self._keys[case_id] = key


def open_store(folder: Path) -> PatchStore:
    """Open a store to read from.

    Raises:
        StorageError: If the folder is no store, or its arrays are shorter than its list of cases.
    """
    head = read_json(folder / "store.json")
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        message = f"{folder} is no store of patches of format {FORMAT}: {ANEW}"
        raise StorageError(message)
    store = PatchStore(folder, head["fingerprint"], tuple(head["patch_voxels"]), tuple(_listed(folder)))
    if head["descriptors"] != list(DESCRIPTORS):
        message = f"{folder} was prepared with other descriptors than this version has: {ANEW}"
        raise StorageError(message)
    for name, file in FILES.items():
        path = folder / file
        wanted, found = len(store) * bytes_of(name, store.patch_voxels), path.stat().st_size if path.exists() else 0
        if found < wanted:
            message = f"{path} is shorter than its list of cases ({found} of {wanted} bytes): {ANEW}"
            raise StorageError(message)
    return store


def read_patch(
    folder: Path, row: int, *, patch_voxels: tuple[int, int, int]
) -> tuple[Float16[np.ndarray, "slice row column"], Float16[np.ndarray, "slice row column"]]:
    """Return image and signed distance of one case of an open store, by its row.

    It does not read the list of cases: a worker that is handed one case of thousands need not know them all.
    """
    image, distance_mm = (
        np.fromfile(
            folder / FILES[name],
            dtype=STORED[name],
            count=math.prod(patch_voxels),
            offset=row * bytes_of(name, patch_voxels),
        ).reshape(patch_voxels)
        for name in ("image", "distance_mm")
    )
    return image, distance_mm


@contextmanager
def writing(
    folder: Path, *, fingerprint: Mapping[str, Any], patch_voxels: tuple[int, int, int]
) -> Iterator[PatchWriter]:
    """Open a store to add to; make it where there is none, go on where one was broken off.

    Args:
        folder: The store's folder.
        fingerprint: The settings that decide what a patch is, as JSON values.
        patch_voxels: Shape of a patch.

    Raises:
        StorageError: If the store was made with other settings, or another process is writing to it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"another process is writing to {folder}: wait for it, or choose another folder"
            raise StorageError(message) from None
        if not (folder / "store.json").exists():
            head = {
                "format": FORMAT,
                "patch_voxels": list(patch_voxels),
                "fingerprint": dict(fingerprint),
                "descriptors": list(DESCRIPTORS),
            }
            write_json(folder / "store.json", head)
        store = _with_whole_cases_only(folder)
        _refuse_other_settings(store, fingerprint)
        yield PatchWriter(store)


def _with_whole_cases_only(folder: Path) -> PatchStore:
    """Open a store and cut off what a kill left behind its last listed case."""
    listing = folder / LISTING
    if listing.exists():
        text = listing.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if len(whole) < len(text):
            os.truncate(listing, len(whole))
    store = open_store(folder)
    for name, file in FILES.items():
        path = folder / file
        if path.exists():
            os.truncate(path, len(store) * bytes_of(name, store.patch_voxels))
    return store


def _refuse_other_settings(store: PatchStore, fingerprint: Mapping[str, Any]) -> None:
    wanted = json.loads(json.dumps(dict(fingerprint)))  # as it would come back from the file
    for name in sorted({*wanted, *store.fingerprint}):
        before, now = store.fingerprint.get(name), wanted.get(name)
        if before != now:
            message = (
                f"{store.folder} was prepared with {name} = {before}, now it is {now}: "
                "one store holds one set of settings, so choose another folder"
            )
            raise StorageError(message)


def _listed(folder: Path) -> Iterator[StoredCase]:
    path = folder / LISTING
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        values = json.loads(line)
        yield StoredCase(**{**values, "flags": tuple(values["flags"]), "notes": tuple(values["notes"])})


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
