"""One line a run: what the tables of the Runs page and of `lockstep runs` say."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from db import Run
from ui import words


@dataclass(frozen=True)
class RunRow:
    """A run in a table. `progress` is from 0 to 1; `final` the metrics worth a column."""

    run: Run
    progress: float
    epoch: str
    duration_s: float | None
    final: Mapping[str, float]


def progress(run: Run) -> float:
    """How much of the run is done, from 0 to 1."""
    done, total = run.progress.get("step"), run.progress.get("total_steps")
    if done is None or not total:
        done, total = run.progress.get("epoch"), run.progress.get("epochs")
    if run.state == "finished":
        return 1.0
    return min(1.0, max(0.0, done / total)) if done is not None and total else 0.0


def epoch(run: Run) -> str:
    """epoch 3/20, or nothing before the first."""
    done, total = run.progress.get("epoch"), run.progress.get("epochs")
    return f"epoch {done}/{total}" if done is not None and total else ""


def duration_s(run: Run, now: float | None = None) -> float | None:
    """Seconds from start to end, or to now; None before the start."""
    if run.started_at is None:
        return None
    end = run.ended_at if run.ended_at is not None else (time.time() if now is None else now)
    return max(0.0, end - run.started_at)


def remaining_s(run: Run, now: float | None = None) -> float | None:
    """Seconds left at the pace so far; None where there is no pace to go by."""
    done, spent = progress(run), duration_s(run, now)
    if run.ended or not spent or done < 0.02:
        return None
    return spent * (1 - done) / done


def row(run: Run, finals: Mapping[str, float], now: float | None = None) -> RunRow:
    """The line of one run."""
    return RunRow(run, progress(run), epoch(run), duration_s(run, now), finals)


def columns(rows: list[RunRow], limit: int = 3) -> list[str]:
    """The few metrics that at least half of the runs with metrics have, the telling ones first."""
    having = Counter(key for row in rows for key in row.final)
    least = sum(bool(row.final) for row in rows) / 2
    return sorted((key for key, runs in having.items() if runs >= least), key=words.metric_order)[:limit]


def label(run: Run) -> str:
    """A run in one line, for lists to choose from: digits-mlp-3 · 2026-03-01 14:05.

    Nothing in it changes while the run goes on: Streamlit knows a choice by its label, and would lose it.
    """
    return f"{run.name or run.id} · {words.clock(run.created_at)}"
