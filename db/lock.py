"""One owner for a store: a lock file beside it, held as long as the owning process lives.

The operating system gives the lock back when the process dies, however it dies.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
import time
import weakref
from pathlib import Path
from typing import Any

from .errors import StoreError, StoreLocked

POLL_S = 0.05
_held: weakref.WeakSet[Lock] = weakref.WeakSet()


def lock_path(store: Path) -> Path:
    """The lock file of a store."""
    return store.with_name(store.name + ".lock")


def owner(store: Path) -> dict[str, Any] | None:
    """Who wrote the lock file last: {pid, host, command, since}; None when it says nothing."""
    try:
        found = json.loads(lock_path(store).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


class Lock:
    """Takes the lock on `store` within `timeout_s` seconds.

    Raises StoreLocked with the owner's pid, or StoreError when the lock file cannot be made.
    """

    def __init__(self, store: Path, timeout_s: float = 10.0) -> None:
        self.store = store
        try:
            # Not truncated on opening: until the lock is ours, what it says is its owner's.
            self._file: int | None = os.open(lock_path(store), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"The store {store} cannot be written: its lock file cannot be opened ({error.strerror}). "
                "Allow writing in that folder, or name another place with LOCKSTEP_HOME."
            ) from None
        deadline = time.monotonic() + timeout_s
        while not self._try():
            if time.monotonic() >= deadline:
                os.close(self._file)
                self._file = None
                raise StoreLocked(_who_holds(store))
            time.sleep(POLL_S)
        self._sign()
        _remember(self)

    def _try(self) -> bool:
        assert self._file is not None
        try:
            # flock, not lockf: it also keeps two owners within one process apart.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            os.close(self._file)
            self._file = None
            raise StoreError(
                f"The folder of {self.store} cannot lock files ({error.strerror}): keep the store on a local disk."
            ) from None
        return True

    def _sign(self) -> None:
        """Write into the lock file who holds it."""
        assert self._file is not None
        signature = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "command": " ".join(sys.argv)[:200],
            "since": time.time(),
        }
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps(signature).encode(), 0)

    def release(self) -> None:
        """Give the lock back; the file stays, because removing it would let two owners lock two files."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def _forget(self) -> None:
        """In a forked child: drop the copy of the lock, which would otherwise outlive its owner."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


_fork_hook: list[bool] = []


def _remember(lock: Lock) -> None:
    _held.add(lock)
    if not _fork_hook:
        _fork_hook.append(True)
        os.register_at_fork(after_in_child=_forget_all)


def _forget_all() -> None:
    for lock in list(_held):
        lock._forget()


def _who_holds(store: Path) -> str:
    found = owner(store)
    if found is None:
        return f"The store {store} is owned by another process, which did not write its pid. Try again."
    where = "" if found.get("host") == socket.gethostname() else f" on {found.get('host')}"
    return (
        f"The store {store} is owned by process {found.get('pid')}{where} ({found.get('command')}): "
        "one process writes at a time. Wait for it, or end it."
    )
