"""Both databases."""

from pathlib import Path

import pytest

from onephase.service.worklist.database import open_database
from onephase.service.worklist.tables import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'list.sqlite'}"
    address = request.getfixturevalue("postgres")
    engine = open_database(address)
    metadata.drop_all(engine)
    engine.dispose()
    return address
