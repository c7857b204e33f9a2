"""Whether silence can be believed: after a clock was set, or the machine slept, every run must be able to speak."""

from __future__ import annotations

import time

JUMP_S = 2.0  # more than this between two looks is no drift
AWAY_S = 5.0  # whoever looks was held up itself
GRACE_S = 20.0  # longer than a run may be silent


class Clocks:
    """Compares the wall's clock, by which heartbeats are stamped, with one that nobody can set."""

    def __init__(self) -> None:
        self._wall, self._steady = time.time(), time.monotonic()
        self._trusted_from = self._steady

    def trusted(self) -> bool:
        """Whether both clocks went evenly of late; to be asked every second or so."""
        wall, steady = time.time() - self._wall, time.monotonic() - self._steady
        self._wall, self._steady = self._wall + wall, self._steady + steady
        if abs(wall - steady) > JUMP_S or steady > AWAY_S:
            self._trusted_from = self._steady + GRACE_S
        return self._steady >= self._trusted_from
