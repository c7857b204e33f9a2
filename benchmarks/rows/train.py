"""One eager training step of each model: its time, and the memory that it and its process take."""

from __future__ import annotations

from benchmarks.models import MODELS
from benchmarks.row import Row, Section

STEP = "training step"
MEMORY = {"step": "peak memory of a step above the built model's", "process": "peak memory of the whole process"}


def sections() -> list[Section]:
    steps = [Row(STEP, name, "", build, goal) for name, (build, goal) in MODELS.items()]
    peaks = [
        Section(title, [Row(title, name, "", build, 1.0, memory=kind) for name, (build, _) in MODELS.items()])
        for kind, title in MEMORY.items()
    ]
    return [Section(STEP, steps, goal=1.5), *peaks]
