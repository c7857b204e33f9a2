"""Where Lockstep keeps what it writes."""

from __future__ import annotations

import os
from pathlib import Path

STORE_NAME = "lockstep.db"


def home() -> Path:
    """The folder of everything Lockstep writes: $LOCKSTEP_HOME, or ~/.lockstep. Absolute; not created here."""
    return Path(os.environ.get("LOCKSTEP_HOME") or "~/.lockstep").expanduser().absolute()


def store_path(path: Path | str | None = None) -> Path:
    """The store's file: `path`, or home()/lockstep.db; absolute and without links, so that one store has one lock."""
    return (home() / STORE_NAME if path is None else Path(path).expanduser()).resolve()
