"""What queries return: plain frozen values, safe to keep, to pickle and to send to another process.

All times are unix seconds (float); durations are in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

Scalar = str | int | float | bool | None
Event = dict[str, Any]
"""`seq` (1, 2, … in a run), `time`, `kind` and the fields of its kind: see events.py."""


@dataclass(frozen=True)
class Run:
    """One run. `state` is created, running, finished, failed or stopped; `heartbeat_at` is its last sign of life.

    `presumed`: the store does not say that it failed, only that nothing was heard of it; it may yet speak again.
    """

    id: str
    experiment: str
    name: str
    state: str
    message: str
    spec: dict[str, Any]
    params: dict[str, Any]
    environment: dict[str, Any]
    progress: dict[str, Any]
    data_s: float
    compute_s: float
    created_at: float
    started_at: float | None
    ended_at: float | None
    heartbeat_at: float
    run_dir: Path
    parent: str | None
    stop_requested: bool
    presumed: bool = False

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self.state in ("finished", "failed", "stopped")


@dataclass(frozen=True)
class Series:
    """The points of one metric in the order they were logged; steps may repeat and go back."""

    steps: tuple[int, ...]
    times: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class LogLine:
    """A line that rank `rank` of a run printed."""

    seq: int
    time: float
    rank: int
    text: str


@dataclass(frozen=True)
class Artifact:
    """A file that a run made."""

    name: str
    path: Path
    sha256: str
    bytes: int
    created_at: float


@dataclass(frozen=True)
class ModelVersion:
    """A promoted model: where it lies, the run it came from, and the proof that it computes the same."""

    model: str
    version: int
    run_id: str | None
    path: Path
    proof: dict[str, Any]
    created_at: float


@dataclass(frozen=True)
class Model:
    """A model's versions, oldest first, and its aliases: name -> version."""

    name: str
    versions: tuple[ModelVersion, ...]
    aliases: dict[str, int]


@dataclass(frozen=True)
class AliasChange:
    """At `time` the alias was set to `version`, or removed (None)."""

    model: str
    alias: str
    version: int | None
    time: float
    reason: str


@dataclass(frozen=True)
class Ack:
    """The answer to a batch. Every event up to `last_seq` is stored: send again from the one after it."""

    last_seq: int
    stop_requested: bool
    presumed: bool = False
