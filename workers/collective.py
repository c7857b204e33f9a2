"""How data-parallel ranks agree on a sum: they meet in rank 0's process, and the sum is taken in rank order.

A fixed order makes a run repeat to the bit. A rank that is lost makes the others raise; none of them hangs.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Protocol

import numpy as np


class RankLost(Exception):
    """A data-parallel rank died, failed or did not come in time; `args[0]` says which and why."""


class Group(Protocol):
    """The ranks that train one net together."""

    rank: int
    size: int

    def all_reduce(self, array: np.ndarray) -> np.ndarray:
        """Sum of every rank's array, the same bits on each. Raises RankLost."""


class Alone:
    """A group of one."""

    rank, size = 0, 1

    def all_reduce(self, array: np.ndarray) -> np.ndarray:
        return array


class Meeting:
    """Where the ranks' threads meet: the last to arrive adds up, the others wait for it."""

    def __init__(self, size: int, timeout_s: float = 300.0) -> None:
        self.size, self.timeout_s = size, timeout_s
        self._changed = threading.Condition()
        self._brought: dict[int, dict[int, np.ndarray]] = {}  # turn -> rank -> array
        self._sums: dict[int, tuple[np.ndarray, set[int]]] = {}  # turn -> sum, ranks that have yet to fetch it
        self._lost: str | None = None

    def reduce(self, rank: int, turn: int, array: np.ndarray) -> np.ndarray:
        """Brings a rank's array to a turn and returns the sum over all ranks. Raises RankLost."""
        with self._changed:
            if self._lost:
                raise RankLost(self._lost)
            here = self._brought.setdefault(turn, {})
            here[rank] = array
            if len(here) == self.size:
                self._sums[turn] = (self._add_up(self._brought.pop(turn)), set(range(self.size)))
                self._changed.notify_all()
            deadline = time.monotonic() + self.timeout_s
            while turn not in self._sums:
                if self._lost:
                    raise RankLost(self._lost)
                if not self._changed.wait(deadline - time.monotonic()):
                    absent = sorted(set(range(self.size)) - set(here))
                    self._lost = f"rank {absent[0]} did not come to step {turn} within {self.timeout_s:g} s"
                    self._changed.notify_all()
            total, waiting = self._sums[turn]
            waiting.discard(rank)
            if not waiting:
                del self._sums[turn]
            return total

    def abandon(self, reason: str) -> None:
        """Makes every rank that waits, or comes later, raise RankLost with the reason."""
        with self._changed:
            self._lost = self._lost or reason
            self._changed.notify_all()

    def _add_up(self, brought: dict[int, np.ndarray]) -> np.ndarray:
        total = brought[0].copy()
        for rank in range(1, self.size):
            total += brought[rank]
        return total


class Host:
    """Rank 0: the meeting is in its own process."""

    rank = 0

    def __init__(self, meeting: Meeting) -> None:
        self.size, self._meeting, self._turn = meeting.size, meeting, 0

    def all_reduce(self, array: np.ndarray) -> np.ndarray:
        self._turn += 1
        return self._meeting.reduce(0, self._turn, array)


class Guest:
    """Any other rank: it sends its array to the run's actor, where the meeting is."""

    def __init__(self, rank: int, size: int, host: Any) -> None:
        self.rank, self.size, self._host, self._turn = rank, size, host, 0

    def all_reduce(self, array: np.ndarray) -> np.ndarray:
        import ray

        self._turn += 1
        try:
            return ray.get(self._host.reduce.remote(self.rank, self._turn, array))
        except ray.exceptions.RayActorError:
            raise RankLost("rank 0 was lost: the run's process died") from None
