"""Identifiers that follow from a result: whoever computes the same result gives it the same name."""

import hashlib
import json
from collections.abc import Sequence
from uuid import UUID, uuid5

from onephase.inference.prediction import Prediction

NAMESPACE = UUID("7d3aea87-15cc-4ddc-9fcc-f0f0ee633afe")


def digest_of(prediction: Prediction, *, images: Sequence[str] = ()) -> str:
    """Return the sha256 of a whole prediction and of the identifiers of the images that it was made from."""
    told = {"prediction": prediction.to_json(), "images": list(images)}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def uuid_of(digest: str, role: str) -> UUID:
    """Return the UUID of one part of a result (RFC 9562, version 5)."""
    return uuid5(NAMESPACE, f"{digest}/{role}")
