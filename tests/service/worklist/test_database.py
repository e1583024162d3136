"""The database under the list: durable, of today's form, and one sentence where it cannot be opened."""

import pytest
from sqlalchemy import text

from onephase.errors import StorageError
from onephase.service.worklist.database import NAME, database_in, open_database, open_list_of
from onephase.service.worklist.worklist import Instance, Kind, Worklist


def test_a_list_of_an_older_version_gets_the_columns_that_came_since(url):
    engine = open_database(url)
    Worklist(engine).record(Instance("a", "series", "image", Kind.IMAGE))
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE study DROP COLUMN deaths")
    engine.dispose()
    again = open_database(url)
    assert [(entry.key, entry.deaths) for entry in Worklist(again).entries()] == [("a", 0)]
    again.dispose()


def test_a_list_that_a_node_has_made_is_opened_by_others(url, tmp_path):
    """Also one of an older version; its store may be empty where the list is elsewhere."""
    with pytest.raises(StorageError, match=r"there is no work list at .*: give what `onephase node --worklist` was"):
        open_list_of(tmp_path, url)
    engine = open_database(url)
    Worklist(engine).record(Instance("a", "series", "image", Kind.IMAGE))
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE study DROP COLUMN deaths")
    engine.dispose()
    again = open_list_of(tmp_path, url)
    assert [(entry.key, entry.deaths) for entry in Worklist(again).entries()] == [("a", 0)]
    again.dispose()


@pytest.mark.parametrize("name", ["typo", "other", "file", "x" * 300])
def test_a_folder_that_is_no_store_is_refused_and_left_as_it_is(tmp_path, name):
    (tmp_path / "other").mkdir()
    (tmp_path / "file").write_text("")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StorageError, match="is no store of a node: give the folder that `onephase node --store` was"):
        open_list_of(tmp_path / name, "")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_of_that_name_that_is_no_list_is_one_sentence(tmp_path):
    for content, sentence in ((b"", "there is no work list at"), (b"a letter" * 100, "cannot be opened")):
        (tmp_path / NAME).write_bytes(content)
        with pytest.raises(StorageError, match=sentence):
            open_list_of(tmp_path, "")


def test_a_store_needs_no_address(tmp_path):
    open_database(database_in(tmp_path)).dispose()
    engine = open_list_of(tmp_path, "")
    assert Worklist(engine).entries() == []
    engine.dispose()


def test_sqlite_is_set_to_reach_the_disk(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'list.sqlite'}")
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("no address", "cannot be kept in a place that is no address: give sqlite:///FILE"),
        ("nothing://here", "the work list cannot be kept in nothing"),
        ("mysql://here", "the work list cannot be kept in mysql"),
        (
            "sqlite:////no/such/folder/list.sqlite",
            "cannot be opened: start its server, or check address and permission",
        ),
        ("postgresql+psycopg://me:secret@/none?host=/no/such/folder", r"me:\*\*\*@.* cannot be opened"),
    ],
)
def test_a_bad_address_is_one_sentence_without_the_password(url, sentence):
    with pytest.raises(StorageError, match=sentence) as said:
        open_database(url)
    assert "secret" not in str(said.value)
