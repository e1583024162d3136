"""One small file a case of long work, so that nothing is done twice; and a stream of random numbers that is its own."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from onephase.storage import read_json, write_json

REQUEST = "request"


def stored(path: Path, depends_on: object, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what a file holds; where there is none, or its contents depend on something else, make and write it.

    Args:
        path: The file.
        depends_on: All that decides the contents, as JSON values.
        make: Returns the contents, as JSON values.

    Raises:
        StorageError: If the file is broken or cannot be written.
    """
    request = hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()
    found: dict[str, Any] = read_json(path) if path.exists() else {}
    if found.get(REQUEST) != request:
        found = {REQUEST: request, **make()}
        write_json(path, found)
    return found


def stream_of(*drawn_for: object) -> np.random.Generator:
    """Return the source of randomness of one piece of work, which no other shares, whoever does it and when.

    Args:
        drawn_for: What names the piece, as JSON values: a seed, a case.
    """
    digest = hashlib.sha256(json.dumps(drawn_for).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8]))
