"""Connections to the SQLite file: one that writes, any number that only read.

In WAL mode a reader sees the last commit and never waits for the writer. A commit is in the operating system's hands
when it returns, so it survives the death of any process. With `synchronous=NORMAL` only a power cut can undo the last
commits (it never damages the file); what must survive that too is written with `durable` (see writer.py).
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

BUSY_TIMEOUT_S = 10.0
WAL_LIMIT_BYTES = 64 * 2**20


def _open(path: Path, options: str) -> sqlite3.Connection:
    # As a URI, because only so can a file be opened without being created. Transactions are begun by us.
    uri = f"file:{quote(os.fsencode(path))}?{options}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)


def _open_to_read(path: Path) -> sqlite3.Connection:
    connection = _open(path, "mode=ro")
    try:
        connection.execute("PRAGMA schema_version")
    except sqlite3.OperationalError:
        connection.close()
        wal = path.with_name(path.name + "-wal")
        if wal.exists() or _may(path.parent, os.W_OK) or not _may(path, os.R_OK):
            raise
        # WAL needs a file of shared memory beside the store. In a read-only folder nobody writes: it can do without.
        connection = _open(path, "immutable=1")
    return connection


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _open_to_write(path: Path, foreign_keys: bool) -> sqlite3.Connection:
    connection = _open(path, "mode=rwc")
    try:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
            f"journal_size_limit={WAL_LIMIT_BYTES}",
        ):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def reading(path: Path) -> Engine:
    """An engine whose connections cannot write. Each use opens the file anew (0.1 ms) and sees one moment of it."""
    # No pool: a kept connection would go on showing a file that was moved away or replaced.
    engine = create_engine("sqlite://", creator=lambda: _open_to_read(path), poolclass=NullPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def writing(path: Path, *, foreign_keys: bool = True) -> Engine:
    """An engine that writes; only for who holds the lock. Creates the file."""
    engine = create_engine("sqlite://", creator=lambda: _open_to_write(path, foreign_keys), poolclass=NullPool)
    event.listen(engine, "begin", _begin_to_write)
    return engine


def _begin_to_write(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
