"""A process with one of the two libraries in it, which prepares and times rows as it is asked to.

`python -m benchmarks.worker ours ops` reads requests as lines of JSON and answers each with a line of JSON. Importing a
library and compiling its kernels are paid for once, and the other library is never in the same process. While the
process waits for a request it sleeps.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and sys.argv[1] == "ours":
    import shared_ops  # isort: skip  # noqa: F401 - as in a user's program that imports us first: see its own comment

import ctypes
import gc
import itertools
import json
import os
import statistics
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

import numpy as np

from benchmarks.row import Library, Row
from benchmarks.rows import sections

SAMPLE_SECONDS = 0.001  # one reading of the clock covers at least so much work
WARM_SECONDS, WARM_CALLS = 0.05, 3
SHOWN_VALUES = 1000  # of each result, to compare
CLEAR = Path("/proc/self/clear_refs")
FIRST_STEPS, MEMORY_STEPS = 3, 4


def library(name: str, threads: int) -> Library:
    """Load one library; both are told to use as many threads."""
    if name == "torch":
        import torch

        torch.set_num_threads(threads)
        return Library(name, torch)
    import research
    from shared_ops import ops

    return Library(name, research, ops)


# what a process is asked for ------------------------------------------------------------------------------------------
class Worker:
    def __init__(self, lib: Library, rows: dict[str, Row]):
        self.lib, self.rows = lib, rows
        self.step: Callable[[], Any] | None = None
        self.calls = 1
        self.highest = 0  # bytes of resident memory

    def prepare(self, row: str) -> dict[str, Any]:
        """Make a row's inputs, run it until it is warm; gives the values it computes."""
        self.step = None
        gc.collect()
        step = self._built(row)
        values = [values_of(step()) for _ in range(self._first_calls(row))]
        began, calls = time.perf_counter(), 0
        while calls < WARM_CALLS or time.perf_counter() - began < WARM_SECONDS:
            step()
            calls += 1
        each = (time.perf_counter() - began) / calls
        self.step, self.calls = step, max(1, round(SAMPLE_SECONDS / each))
        return {"values": [one for several in values for one in several]}

    def time(self, seconds: float) -> dict[str, Any]:
        """The median time of a call, of all readings that fit into the seconds; and the processor time they took."""
        step, calls, clock = self.step, self.calls, time.perf_counter
        assert step is not None, "prepare a row first"
        used = time.process_time()
        step()  # wakes the threads
        samples: list[float] = []
        end = clock() + seconds
        while not samples or clock() < end:
            began = clock()
            for _ in itertools.repeat(None, calls):
                step()
            samples.append((clock() - began) / calls)
        return {"seconds": statistics.median(samples), "processor": time.process_time() - used}

    def memory(self, row: str) -> dict[str, Any]:
        """In bytes: the greatest resident memory of a few steps, above that of the built model; and of the process.

        What the first steps of all load, compiled code above all, counts for the process, not for a step.
        """
        for _ in range(2):
            step = None
            gc.collect()
            give_back_freed()
            step = self._built(row)
            before = reset_peak()
            for _ in range(MEMORY_STEPS):
                step()
            peak = peak_memory()
            self.highest = max(self.highest, peak)
        return {"step": peak - before, "process": self.highest}

    def drop(self) -> dict[str, Any]:
        self.step = None
        gc.collect()
        return {}

    def _built(self, row: str) -> Callable[[], Any]:
        prepare = self.rows[row].prepare
        assert prepare is not None, "a sum has nothing to run"
        return prepare(self.lib)

    def _first_calls(self, row: str) -> int:
        """A training step changes what the next one finds: a few are compared."""
        return FIRST_STEPS if self.rows[row].section == "training step" else 1


def values_of(out: Any) -> list[list[float]]:
    """Some values of each result, evenly spread, as numbers that JSON takes."""
    arrays = (np.asarray(x.detach().numpy()).reshape(-1) for x in out if x is not None)
    return [a[:: max(1, a.size // SHOWN_VALUES)].astype("float64").tolist() for a in arrays]


# memory -----------------------------------------------------------------------------------------------------------
def _status(key: str) -> int:
    """A line of Linux's account of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {key}")


def reset_peak() -> int:
    """Start the account of the greatest memory anew; gives the memory of now. Raises OSError without Linux's /proc."""
    if not CLEAR.exists():
        raise OSError(f"memory is measured through {CLEAR}, which only Linux has")
    CLEAR.write_text("5")
    return _status("VmRSS")


def peak_memory() -> int:
    return _status("VmHWM")


def give_back_freed() -> None:
    """Freed memory goes back to the system, where the C library can do that, so that it hides nothing."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


# requests ---------------------------------------------------------------------------------------------------------
def answer(worker: Worker, request: dict[str, Any]) -> dict[str, Any]:
    """What a request asks for, or {"error": …}; with "missing" where the library does not have it yet."""
    try:
        return getattr(worker, request.pop("do"))(**request)
    except AttributeError as error:
        missing = isinstance(error.obj, ModuleType)
        return {"missing": error.name} if missing else {"error": traceback.format_exc()}
    except Exception:
        return {"error": traceback.format_exc()}


def serve(name: str, program: str, threads: int, requests: TextIO, answers: TextIO) -> None:
    rows = {row.name: row for section in sections(program) for row in section.rows}
    worker = Worker(library(name, threads), rows)
    for line in requests:
        print(json.dumps(answer(worker, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    # what a library prints must not get between the answers
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)
        serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.stdin, out)
