"""What a training loop tells the world, and the plainest listener: one that keeps it in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Report(Protocol):
    """Where a run's news go. `stopping` turns True when someone asked the run to stop."""

    @property
    def stopping(self) -> bool: ...

    def metric(self, key: str, step: int, value: float) -> None: ...

    def log(self, text: str) -> None: ...

    def progress(self, step: int, total_steps: int, epoch: int, epochs: int) -> None: ...

    def timing(self, data_s: float, compute_s: float) -> None:
        """Seconds spent waiting for data and computing, since the start."""

    def artifact(self, name: str, path: Path) -> None:
        """A file that the run made, or made anew."""


@dataclass
class Memory:
    """Keeps everything in lists: for tests, programs and data-parallel ranks that do not speak for the run."""

    stopping: bool = False
    metrics: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    logs: list[str] = field(default_factory=list)
    artifacts: dict[str, Path] = field(default_factory=dict)
    last_progress: tuple[int, int, int, int] = (0, 0, 0, 0)
    seconds: tuple[float, float] = (0.0, 0.0)

    def metric(self, key: str, step: int, value: float) -> None:
        self.metrics.setdefault(key, []).append((step, value))

    def log(self, text: str) -> None:
        self.logs.append(text)

    def progress(self, step: int, total_steps: int, epoch: int, epochs: int) -> None:
        self.last_progress = (step, total_steps, epoch, epochs)

    def timing(self, data_s: float, compute_s: float) -> None:
        self.seconds = (data_s, compute_s)

    def artifact(self, name: str, path: Path) -> None:
        self.artifacts[name] = path
