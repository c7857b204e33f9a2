"""Where Lockstep keeps what it writes."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import StoreError

STORE_NAME = "lockstep.db"
JOURNAL_NAME = "journal.jsonl"


def home() -> Path:
    """The folder of everything Lockstep writes: $LOCKSTEP_HOME, or ~/.lockstep. Absolute; not created here.

    Raises StoreError when $LOCKSTEP_HOME names no folder.
    """
    given = os.environ.get("LOCKSTEP_HOME") or "~/.lockstep"
    try:
        folder = Path(given).expanduser().absolute()
        folder.exists()  # asks the system, which may not take such a name at all
        return folder
    except (OSError, RuntimeError, ValueError) as error:  # ~nobody, a user without a home, a name that is too long
        raise StoreError(f"$LOCKSTEP_HOME is {given!r}, which names no folder: {error}") from None


def store_path(path: Path | str | None = None) -> Path:
    """The store's file: `path`, or home()/lockstep.db; absolute and without links, so that one store has one lock."""
    return (home() / STORE_NAME if path is None else Path(path).expanduser()).resolve()


def journal_path(run_dir: Path) -> Path:
    """The journal of the run that keeps its files in `run_dir`."""
    return run_dir / JOURNAL_NAME


def make_private(folder: Path) -> Path:
    """`folder`, made when it was not there: then only this user may enter it. One that was there stays as it is."""
    try:
        if not folder.is_dir():
            make_private(folder.parent)
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder {folder} for the store cannot be created ({error.strerror}). "
            "Name another place with LOCKSTEP_HOME."
        ) from None
    return folder
