"""The random stream of each batch: the same whichever worker makes it."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from research.random import Generator, default_generator


@dataclass(frozen=True)
class WorkerInfo:
    """Which worker asks: its number, how many there are, its seed, and its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


class _Here(threading.local):
    generator: Generator | None = None
    worker: WorkerInfo | None = None


_here = _Here()


def mixed(*numbers: int) -> int:
    """A seed out of several numbers."""
    text = ",".join(map(str, numbers)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") >> 1


def current_generator() -> Generator:
    """What a transform draws from: the stream of the batch in the making; outside of a loader the default generator."""
    return _here.generator or default_generator


def get_worker_info() -> WorkerInfo | None:
    """Which worker this is; None in the main thread."""
    return _here.worker


@contextlib.contextmanager
def stream(seed: int | None, worker: WorkerInfo | None = None) -> Iterator[None]:
    """Inside, transforms of this thread draw from the stream of a seed."""
    before = _here.generator, _here.worker
    _here.generator = None if seed is None else Generator().manual_seed(seed)
    _here.worker = worker
    try:
        yield
    finally:
        _here.generator, _here.worker = before
