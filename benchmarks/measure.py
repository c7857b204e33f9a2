"""Both libraries measured in turns, each in its own process, and what comes out of it."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.row import Row, Section

ROOT = Path(__file__).resolve().parent.parent
THREADS = 2
LIBRARIES = ("ours", "torch")
REST_SECONDS = 0.02  # between turns: threads that wait for more work spin for a few milliseconds before they sleep
BUSY = 0.2  # cores used by other processes: more, and the ratio is not to be trusted
SAME = 1e-3  # results that differ by more, relative to the largest value, are not of the same computation


@dataclass
class Result:
    """One row's medians: seconds a call or bytes, by library; or, in words, why there are none."""

    row: Row
    medians: dict[str, float] = field(default_factory=dict)
    difference: float | None = None  # between the libraries' results, relative to the largest value
    others: float = 0.0  # how many cores other processes used meanwhile
    note: str = ""
    failed: bool = False

    @property
    def ratio(self) -> float | None:
        """PyTorch's time, or memory, over ours."""
        if len(self.medians) < len(LIBRARIES) or min(self.medians.values()) <= 0:
            return None
        return self.medians["torch"] / self.medians["ours"]


# the processes ----------------------------------------------------------------------------------------------------
class Process:
    """A worker that answers one request at a time."""

    def __init__(self, library: str, program: str):
        threads = str(THREADS)
        counts = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        self.library = library
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", library, program, threads],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **dict.fromkeys(counts, threads)},
        )

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """The worker's answer. Raises RuntimeError when the process has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            print(json.dumps({"do": do, **request}), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(f"the process of {self.library} ended, with exit code {self.process.wait()}")
        return json.loads(line)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *exception: Any) -> None:
        """End the process; it ends by itself when its input does."""
        self.process.communicate()


# measuring ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class How:
    """How long and how often; for so many seconds a row, a turn that others disturbed is taken again."""

    rounds: int
    seconds: float  # of one turn
    patience: float = 0.0


def measure(program: str, wanted: Iterable[Section], how: How, done: Callable[[Result], None]) -> list[Result]:
    """Measure all rows, telling each as it is done."""
    rows = [row for section in wanted for row in section.rows]
    results: dict[str, Result] = {}

    def keep(result: Result) -> None:
        results[result.row.name] = result
        done(result)

    with Process("ours", program) as ours, Process("torch", program) as torch:
        for row in rows:
            if row.sum_of:
                keep(added_up(row, [results[name] for name in row.sum_of]))
            elif not row.memory:
                keep(timed(row, (ours, torch), how))
    answers: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        if row.memory:
            keep(weighed(row, program, answers))
    return list(results.values())


def timed(row: Row, processes: tuple[Process, Process], how: How) -> Result:
    """The medians of the rounds' medians, ours and PyTorch's turns alternating."""
    result, values = Result(row), {}
    for process in processes:
        answer = process.ask("prepare", row=row.name)
        if not_done(result, process.library, answer):
            for each in processes:
                each.ask("drop")
            return result
        values[process.library] = answer["values"]
    times: dict[str, list[float]] = {library: [] for library in LIBRARIES}
    others, end = [], time.perf_counter() + how.patience
    for _ in range(how.rounds):
        for process in processes:
            answer = turn(process, how.seconds)
            while answer.get("others", 0) > BUSY and time.perf_counter() < end:
                answer = turn(process, how.seconds)
            if not_done(result, process.library, answer):
                return result
            others.append(answer["others"])
            times[process.library].append(answer["seconds"] / row.calls)
    for process in processes:
        process.ask("drop")
    result.medians = {library: statistics.median(several) for library, several in times.items()}
    result.others = max(0.0, statistics.mean(others))
    result.difference = difference(values["ours"], values["torch"])
    if not result.difference <= SAME:
        result.note = f"results differ by {result.difference:.1e}"
        result.failed = True
    return result


def turn(process: Process, seconds: float) -> dict[str, Any]:
    """One turn's answer; with how many cores other processes used meanwhile."""
    time.sleep(REST_SECONDS)
    began, before = time.perf_counter(), processor_seconds()
    answer = process.ask("time", seconds=seconds)
    if "processor" in answer:
        used = processor_seconds() - before - answer["processor"]
        answer["others"] = used / (time.perf_counter() - began)
    return answer


def processor_seconds() -> float:
    """What all processes of the machine have used so far."""
    times = psutil.cpu_times()
    return times.user + getattr(times, "nice", 0.0) + times.system


def weighed(row: Row, program: str, answers: dict[tuple[str, str], dict[str, Any]]) -> Result:
    """The memory of a step or a process, each library in a process that has run nothing else.

    One run tells both: `answers` keeps them by part and library.
    """
    result, found = Result(row), {}
    for library in LIBRARIES:
        key = (row.part, library)
        if key not in answers:
            with Process(library, program) as process:
                answers[key] = process.ask("memory", row=row.name)
        if not_done(result, library, answers[key]):
            return result
        found[library] = float(answers[key][row.memory])
    result.medians = found
    return result


def added_up(row: Row, parts: list[Result]) -> Result:
    result = Result(row)
    if all(part.medians for part in parts):
        result.medians = {library: sum(part.medians[library] for part in parts) for library in LIBRARIES}
    else:
        result.note = next(part.note for part in parts if not part.medians)
    return result


def not_done(result: Result, library: str, answer: dict[str, Any]) -> bool:
    """Note it down when a library could not do the row; what ours does not have yet is no failure."""
    if "missing" in answer:
        result.note = (
            f"not there yet: {answer['missing']}" if library == "ours" else f"not in torch: {answer['missing']}"
        )
    elif "error" in answer:
        result.note, result.failed = f"{library}: {answer['error'].strip().splitlines()[-1]}", True
    return bool(result.note)


def difference(ours: list[list[float]], theirs: list[list[float]]) -> float:
    """The largest between values that stand at the same place, relative to the largest value of their array."""
    if [len(a) for a in ours] != [len(b) for b in theirs]:
        return math.inf
    worst = 0.0
    for one, other in zip(ours, theirs, strict=True):
        a, b = np.asarray(one), np.asarray(other)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        if not same.all():
            scale = np.abs(b[np.isfinite(b)]).max(initial=1e-30)
            apart = np.abs(a[~same] - b[~same]) / scale
            worst = max(worst, float("inf") if np.isnan(apart).any() else float(apart.max()))
    return worst


# judging ------------------------------------------------------------------------------------------------------------
@dataclass
class Part:
    """Rows that are judged together."""

    name: str
    goal: float | None
    results: list[Result]

    @property
    def ratio(self) -> float | None:
        return geometric_mean(r.ratio for r in self.results)

    @property
    def met(self) -> bool | None:
        return None if self.goal is None or self.ratio is None else self.ratio >= self.goal

    @property
    def worst(self) -> Result | None:
        known = [r for r in self.results if r.ratio is not None]
        return min(known, key=lambda r: r.ratio or 0) if known else None


@dataclass
class Judged:
    """A section with its parts, in the order of its rows."""

    section: Section
    parts: list[Part]

    @property
    def ratio(self) -> float | None:
        """The geometric mean of the parts, but for those that only add up others."""
        return geometric_mean(p.ratio for p in self.parts if not p.results[0].row.sum_of)

    @property
    def met(self) -> bool | None:
        goal = self.section.goal
        return None if goal is None or self.ratio is None else self.ratio >= goal


def geometric_mean(ratios: Iterable[float | None]) -> float | None:
    known = [ratio for ratio in ratios if ratio is not None]
    return statistics.geometric_mean(known) if known else None


def judge(wanted: Iterable[Section], results: Iterable[Result]) -> list[Judged]:
    found = {r.row.name: r for r in results}
    judged = []
    for section in wanted:
        parts: dict[str, Part] = {}
        for row in section.rows:
            part = parts.setdefault(row.part, Part(row.part, row.goal, []))
            part.results.append(found[row.name])
        judged.append(Judged(section, list(parts.values())))
    return judged
