"""What can go wrong with a store, each told in one message a user can act on."""

from __future__ import annotations

import difflib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError, StatementError


class StoreError(Exception):
    """The store refused. `.args[0]` is one clear message: what is wrong, where, what to do."""


class UnknownRun(StoreError):
    """No run has this id, or several begin with it."""


class UnknownModel(StoreError):
    """No such model, version or alias."""


class NewerStore(StoreError):
    """The store was written by a newer Lockstep than this one."""


class StoreLocked(StoreError):
    """Another process owns the writing."""


SHOWN = 8  # names in one message


def known(names: Iterable[str], wanted: str, what: str, total: int | None = None, similar: Iterable[str] = ()) -> str:
    """A sentence for errors: what exists, the closest names first; `total` when `names` are not all of them.

    `similar` are the spellings that may have been meant, when they are not the names themselves.

    >>> known(["digits", "mnist"], "digit", "models")
    'Did you mean digits? The models here: digits, mnist.'
    """
    names = list(names)
    if not names:
        return f"There are no {what} in this store yet."
    close = difflib.get_close_matches(wanted, list(similar) or names, n=3)
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    more = (total or len(names)) - SHOWN
    return f"{hint}The {what} here: {', '.join(names[:SHOWN])}{f' and {more} more' if more > 0 else ''}."


# SQLite's own words, found in its error -> what to tell the user ({path} is the store).
TOLD = {
    "file is not a database": "{path} is not a Lockstep store: it is not an SQLite database. It was left as it is. "
    "Move it away, or name another place with LOCKSTEP_HOME.",
    "malformed": "The store {path} is damaged (SQLite says: {words}). Stop what uses it and keep a copy; "
    "`sqlite3 {path} .recover` prints what can be saved. Move the file away to begin a new store.",
    "readonly": "The store {path} cannot be written: the file or its folder is read-only. "
    "Allow writing there, or name another place with LOCKSTEP_HOME.",
    "unable to open": "The store {path} cannot be opened: its folder or file does not allow it. "
    "Allow access there, or name another place with LOCKSTEP_HOME.",
    "disk is full": "The disk that holds the store {path} is full, and the last write was undone. Free some space.",
    "is locked": "The store {path} is held by a program outside Lockstep (SQLite says: {words}). "
    "Close the program that has the file open.",
}


def told(error: Exception, path: Path) -> StoreError:
    """A StoreError in plain words for an error of the database layer."""
    cause = error.orig if isinstance(error, StatementError) else error
    if isinstance(cause, StoreError):
        return cause
    words = str(cause)
    for mark, message in TOLD.items():
        if mark in words:
            return StoreError(message.format(path=path, words=words))
    return StoreError(f"The store {path} could not be used: {words}.")


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Turn errors of the database layer into StoreErrors; everything else passes."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        # Without the layers between: they explain nothing to a user.
        raise told(error, path) from None
    except (OverflowError, UnicodeError) as error:
        raise StoreError(f"The store {path} cannot hold a value: {error}. Nothing was written.") from None
