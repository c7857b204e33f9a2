"""Memory for large results: what an earlier result has left is used again.

An allocator gives large blocks back to the system at once and fetches them anew, and the system clears each page of
them before it is written: for ten million numbers that takes up to five times as long as adding them.
"""

from __future__ import annotations

import math
import mmap
import sys
import threading
from collections import deque

import numpy as np

LARGE = 32 << 20  # bytes: smaller blocks are kept by the C library itself (M_MMAP_THRESHOLD of mallopt)
MOST_KEPT = 256 << 20  # bytes in all, in use or not

PRIVATE = {"flags": mmap.MAP_PRIVATE} if hasattr(mmap, "MAP_PRIVATE") else {}  # else a fork would share what it holds

_kept: deque[mmap.mmap] = deque()
_choosing = threading.Lock()


def empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array whose elements are not set, like np.empty; a large one may lie where one was that nobody has now."""
    size = math.prod(shape) * dtype.itemsize
    if size < LARGE:
        return np.empty(shape, dtype)
    with _choosing:
        block = _idle(_kept, size)
        if block is None:
            block = mmap.mmap(-1, size, **PRIVATE)
            _keep(block)
        return np.ndarray(shape, dtype, block)


def _idle(blocks: deque[mmap.mmap], size: int) -> mmap.mmap | None:
    """A block of this size to which nothing refers but `blocks`: every array in it, and every view of one, does."""
    for block in blocks:
        if len(block) == size and sys.getrefcount(block) <= ALONE:
            return block
    return None


def _keep(block: mmap.mmap) -> None:
    """Remember the block; the oldest are forgotten, and freed as soon as nobody has them."""
    if len(block) <= MOST_KEPT:
        _kept.append(block)
        while sum(map(len, _kept)) > MOST_KEPT:
            _kept.popleft()


def _references_when_alone() -> int:
    """What Python counts for an idle block in `_idle`; its versions differ in what they count there."""
    for block in deque([mmap.mmap(-1, 1)]):
        return sys.getrefcount(block)
    raise AssertionError


ALONE = _references_when_alone()
