"""The database under a work list: SQLite in WAL mode by default, PostgreSQL where several nodes share it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.schema import CreateColumn

from onephase.errors import StorageError
from onephase.service.worklist.tables import metadata, study
from onephase.storage import is_there

BUSY_SECONDS = 30
NAME = "worklist.sqlite"
KINDS = {"sqlite", "postgresql"}


def database_in(store: Path) -> str:
    """Return the address of the database that a node keeps in its store, where no other is named."""
    return f"sqlite:///{store.absolute() / NAME}"


def open_database(url: str) -> Engine:
    """Open the database of a work list and make its tables where they are missing.

    Args:
        url: ``sqlite:////folder/worklist.sqlite`` or ``postgresql+psycopg://user@host/name``.

    Raises:
        StorageError: If the address is not understood, or nobody answers there.
    """
    engine = _engine_of(url)
    with _faults_of(engine):
        _make_tables(engine)
    return engine


def open_list_of(store: Path, url: str) -> Engine:
    """Open the work list of a node that has run before; where there is none, nothing is made.

    Args:
        store: The folder that the node was given.
        url: Address of the database, where the node was given one; empty when it is in the store.

    Raises:
        StorageError: If the folder is no store of a node, or there is no list or nobody answers at the address.
    """
    known_by = store if url else store / NAME  # the store of a list that is elsewhere may still be empty
    if not (is_there(known_by) and store.is_dir()):
        message = (
            f"{store} is no store of a node: give the folder that `onephase node --store` was given, "
            "and its --worklist where it had one"
        )
        raise StorageError(message)
    engine = _engine_of(url or database_in(store))
    with _faults_of(engine):
        if not _holds_list(engine):
            message = f"there is no work list at {engine.url!r}: give what `onephase node --worklist` was given"
            raise StorageError(message)
        _make_tables(engine)
    return engine


def _holds_list(engine: Engine) -> bool:
    """Tell whether a node has made its tables; SQLite would make the file by being asked."""
    if engine.dialect.name == "sqlite" and not is_there(Path(engine.url.database or "")):
        return False
    return inspect(engine).has_table(study.name)


def _engine_of(url: str) -> Engine:
    """Return what speaks to a database; nobody has answered yet."""
    try:
        kind = make_url(url).get_backend_name()
    except ArgumentError:
        kind = "a place that is no address"
    if kind not in KINDS:
        message = f"the work list cannot be kept in {kind}: give sqlite:///FILE or postgresql+psycopg://HOST/NAME"
        raise StorageError(message)
    engine = create_engine(url, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":
        _make_durable(engine)
    return engine


@contextmanager
def _faults_of(engine: Engine) -> Iterator[None]:
    """Say in one sentence that a database cannot be opened, and leave no connection open where it is refused."""
    try:
        yield
    except StorageError:
        engine.dispose()
        raise
    except DBAPIError as fault:
        engine.dispose()
        message = f"the work list at {engine.url!r} cannot be opened: start its server, or check address and permission"
        raise StorageError(message) from fault


def _make_durable(engine: Engine) -> None:
    """Let every commit reach the disk, readers not wait for writers, and writers queue instead of failing."""

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for pragma in (
            f"busy_timeout={1000 * BUSY_SECONDS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # a deferred one may fail half-way when two want to write


def _make_tables(engine: Engine) -> None:
    try:
        _make_what_is_missing(engine)
    except DBAPIError:  # another node made it at the same moment
        _make_what_is_missing(engine)


def _make_what_is_missing(engine: Engine) -> None:
    """Make the tables, and in the list of an older version the columns that came since."""
    metadata.create_all(engine)
    there = {column["name"] for column in inspect(engine).get_columns(study.name)}
    for column in study.columns:
        if column.name not in there:
            made = CreateColumn(column).compile(engine)
            with engine.begin() as connection:
                connection.exec_driver_sql(f"ALTER TABLE {study.name} ADD COLUMN {made}")
