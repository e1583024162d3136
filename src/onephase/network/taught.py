"""The weights of the phenotype stage as a file of the package. Knows no torch."""

import hashlib
from functools import cache
from importlib import resources

TAUGHT = "phenotype.safetensors"


@cache
def taught_sha256() -> str:
    """Return what stands for the stage that travels with the package: networks around another start elsewhere."""
    return hashlib.sha256((resources.files("onephase.network") / TAUGHT).read_bytes()).hexdigest()
