"""The schema that migrations make is the one the tables say, and making it disturbs nobody."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from db import Store, Writer
from db.engine import reading
from db.models import Base
from db.schema import HEAD, SCRIPTS, revision


def test_the_newest_migration_is_the_one_that_is_named() -> None:
    assert ScriptDirectory(str(SCRIPTS)).get_current_head() == HEAD


def test_the_migrations_make_the_tables(writer: Writer) -> None:
    assert revision(writer.path) == HEAD
    with reading(writer.path).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        made = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'").all()
    for name, sql in made:
        table = Base.metadata.tables.get(name)
        if table is not None:
            assert ("WITHOUT ROWID" in sql) == (table.dialect_options["sqlite"]["with_rowid"] is False), name


def test_no_revision_where_there_is_no_store(path: Path) -> None:
    assert revision(path) is None
    assert not path.parent.exists()


def test_the_file_is_in_wal_with_foreign_keys_on(writer: Writer) -> None:
    with writer._write() as connection:
        for pragma, value in (("journal_mode", "wal"), ("foreign_keys", 1), ("synchronous", 1)):
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    with pytest.raises(Exception, match="FOREIGN KEY"), writer._write() as connection:
        connection.exec_driver_sql("INSERT INTO logs VALUES (999, 1, 1.0, 0, 'of no run')")


def test_a_store_that_is_current_is_opened_without_alembic(path: Path, tmp_path: Path) -> None:
    Writer(path).close()
    code = (
        "import sys; from db import Store, Writer; Store(sys.argv[1]).runs(); Writer(sys.argv[1]).close();"
        "print('alembic' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_making_a_store_leaves_logging_and_the_streams_alone(
    path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    mine = logging.getLogger("someones.own")
    root = logging.getLogger()
    before = (root.level, list(root.handlers), mine.disabled)
    Store(path)
    assert (root.level, list(root.handlers), mine.disabled) == before
    assert capfd.readouterr() == ("", "")


def test_importing_db_starts_nothing_and_needs_nothing_of_ours(tmp_path: Path) -> None:
    code = (
        "import sys, threading, os; import db;"
        "ours = {'shared_ops', 'research', 'production', 'workers', 'ui', 'ray', 'streamlit', 'numpy'};"
        "print(sorted(ours & set(sys.modules)), threading.active_count(), os.listdir('.'))"
    )
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert found.stdout == "[] 1 []\n"
