"""onephase: breast tumour biology as one calibrated posterior, from one post-contrast MRI volume.

Research use only. The few public names are imported when first used, so that ``import onephase``
and ``onephase --help`` stay light.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "read_case": "onephase.readers.case",
    "read_cohort": "onephase.cohort.table",
    "load_bundle": "onephase.inference.bundle",
    "predict": "onephase.inference.predict",
}

__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604 - names of strings


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        message = f"module 'onephase' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_PUBLIC[name]), name)
