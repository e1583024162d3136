"""A bundle that a worker opens once, for many cases."""

from functools import cache
from pathlib import Path

from onephase.errors import BundleError
from onephase.inference.bundle import Bundle, load_bundle
from onephase.inference.engine_name import USUAL_ENGINE, EngineName


@cache
def opened_bundle(folder: Path, identity: str, engine: EngineName = USUAL_ENGINE) -> Bundle:
    """Return the bundle, loaded once a process; it must be the one that the work began with.

    Args:
        folder: The bundle.
        identity: Its seal, as the leader saw it.
        engine: The library that runs its network.

    Raises:
        BundleError: If its files are broken, or it is another.
    """
    bundle = load_bundle(folder, engine=engine)
    if bundle.identity != identity:
        message = f"the bundle {folder} was replaced while it was used: start again"
        raise BundleError(message)
    return bundle
