"""One way to write to the store, wherever its owner lives: through the keeper when one is up, else in this process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from db import Ack, Writer
from workers.cluster import Keeper, running_keeper


class KeeperWriter:
    """Has the methods of db.Writer; each call goes to the keeper's owner."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            plain = [str(value) if isinstance(value, Path) else value for value in args]
            answer = self._keeper.ask(
                method,
                *plain,
                **{key: str(value) if isinstance(value, Path) else value for key, value in kwargs.items()},
            )
            return Ack(*answer) if method == "append" else answer

        return call


@contextlib.contextmanager
def writing(lock_timeout_s: float = 10.0) -> Iterator[Any]:
    """A writer for a few calls. Raises StoreLocked when another process holds the store and no keeper is up."""
    if keeper := running_keeper():
        yield KeeperWriter(keeper)
        return
    with Writer(lock_timeout_s=lock_timeout_s) as writer:
        yield writer
