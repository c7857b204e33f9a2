"""Which schema a file has, and bringing it to ours.

The migrations are Alembic's, in db/migrations; Alembic itself is imported only when there is something to migrate.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from .engine import reading, writing
from .errors import NewerStore, StoreError, StoreLocked, plain_errors
from .home import make_private
from .lock import Lock

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"
APPLICATION_ID = 0x4C4F434B  # "LOCK": how SQLite files say whose they are
SCRIPTS = Path(__file__).parent / "migrations"
_one_at_a_time = threading.Lock()  # Alembic keeps the migration it is in as a global


def revision(path: Path) -> str | None:
    """The revision of the store at `path`; None when there is no store there yet.

    Raises StoreError when the file is something else.
    """
    if path.is_dir():
        raise StoreError(f"{path} is a folder; the store must be a file. Name another place with LOCKSTEP_HOME.")
    if not path.exists():
        return None
    engine = reading(path)
    with plain_errors(path), engine.connect() as connection:
        return _revision(connection, path)


def _revision(connection: Connection, path: Path) -> str | None:
    tables = {row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return None
    ours = connection.exec_driver_sql("PRAGMA application_id").scalar_one() == APPLICATION_ID
    if not ours or "alembic_version" not in tables:
        names = ", ".join(sorted(tables - {"alembic_version"})[:6])
        raise StoreError(
            f"{path} is an SQLite database, but not a Lockstep store (its tables: {names}). It was left as it is. "
            "Name another place with LOCKSTEP_HOME."
        )
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def ensure(path: Path, timeout_s: float = 10.0) -> None:
    """Make sure that a reader finds a store with our schema: create or upgrade it when nobody owns it.

    Raises NewerStore, StoreLocked when an owner keeps it at an older schema, StoreError.
    """
    deadline = time.monotonic() + timeout_s
    while (found := revision(path)) != HEAD:
        if found is not None:
            check_known(found, path)
        make_private(path.parent)
        try:
            with Lock(path, timeout_s=0.0):
                migrate(path)
        except StoreLocked:
            # Its owner may just be creating it.
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.05)


def migrate(path: Path) -> None:
    """Create the store or bring it to our schema, in one transaction; only for who holds the lock.

    Raises NewerStore when it is ahead of this code, StoreError when the file is something else.
    """
    found = revision(path)  # before any connection that writes: a file that is not ours stays untouched
    if found == HEAD:
        return
    if found is not None:
        check_known(found, path)
    from alembic import command

    config = _config()
    # Rebuilding a table, as SQLite's migrations do, must not set off the foreign keys that point to it.
    engine = writing(path, foreign_keys=False)
    with _one_at_a_time, plain_errors(path), engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_known(found: str, path: Path) -> None:
    """Raises NewerStore unless `found` is one of the revisions in db/migrations."""
    from alembic.script import ScriptDirectory

    if found not in {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}:
        raise NewerStore(
            f"The store {path} was written by a newer Lockstep (its schema is {found}, this one knows up to {HEAD}). "
            "It was left as it is. Upgrade Lockstep, or name another place with LOCKSTEP_HOME."
        )


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
