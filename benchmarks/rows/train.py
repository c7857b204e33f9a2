"""One eager training step of each model: its time, and the memory that it takes."""

from __future__ import annotations

from benchmarks.models import MODELS
from benchmarks.row import Row, Section

STEP, MEMORY = "training step", "peak memory of a step"


def sections() -> list[Section]:
    times = [Row(STEP, name, "", build, goal) for name, (build, goal) in MODELS.items()]
    peaks = [Row(MEMORY, name, "", build, 1.0, memory=True) for name, (build, _) in MODELS.items()]
    return [Section(STEP, times, goal=1.5), Section(MEMORY, peaks)]
