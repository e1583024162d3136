"""The frozen simulator: its version, and the hash of the source that makes it.

A cohort names both, so that figures from two cohorts are only compared where the simulator was the same. A
test compares the hash; whoever changes how cases come out raises the version, and says so in a decision
record, for the change must make the simulator truer to the literature.
"""

import hashlib
from pathlib import Path

SIMULATION_VERSION = "1"
FROZEN_SOURCE_SHA256 = "82f11366da1d07bc654def26059b57b7d6d3329a91823c1b3bddb35c813cd6b5"

FROZEN_MODULES = (
    "acquisition",
    "anatomy",
    "biology",
    "breast",
    "cases",
    "fields",
    "kinetics",
    "lesion",
    "phenotype",
    "sites",
    "tubes",
    "wording",
)
"""The modules whose source, parameters included, decides every number of a case."""


def source_sha256() -> str:
    """Return the sha256 of the simulator's source as installed, line endings aside."""
    digest = hashlib.sha256()
    for name in FROZEN_MODULES:
        source = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
        digest.update(f"{name}\n{source}\n".encode())
    return digest.hexdigest()
