"""A profiler: time and memory of each op, forward and backward, by op and by line of the program."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from research.intercept import around_ops, around_pulls
from research.source_lines import user_line
from research.tape import Step
from shared_ops.device import synchronize
from shared_ops.files import write_atomically
from shared_ops.op import Op

BACKWARD = " backward"
_open: list[profile] = []  # the profilers that listen, for record_function


@dataclass
class Event:
    """One op, one step back, or one range that the program named. Times in seconds from the profiler's start."""

    name: str
    start: float
    duration: float
    own: float  # without what ran inside it
    thread: int
    line: str
    nbytes: int
    kind: str  # forward, backward, range


@dataclass
class Row:
    """All events of one name, or of one line."""

    key: str
    calls: int = 0
    seconds: float = 0.0
    nbytes: int = 0


class profile:
    """`with research.profile() as p:` … `print(p)`: what ran inside, in all threads.

    Each op takes some microseconds more while it is watched, so small ones look slower than they are.
    `max_events`: how many are kept for the trace; sums go on.
    """

    def __init__(self, max_events: int = 1_000_000, **_: Any):
        self.max_events = max_events
        self.events: list[Event] = []
        self.seconds = 0.0
        self._by: dict[str, dict[str, Row]] = {"op": {}, "line": {}}
        self._inside = threading.local()
        self._lock = threading.Lock()
        self._hung: ExitStack | None = None

    def __enter__(self) -> profile:
        self._hung = ExitStack()
        self._hung.enter_context(around_ops(self._forward))
        self._hung.enter_context(around_pulls(self._backward))
        _open.append(self)
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_: Any) -> None:
        self.seconds += time.perf_counter() - self._start
        _open.remove(self)
        if self._hung is not None:
            self._hung.close()

    # what it sees -----------------------------------------------------------------------------------------------
    def _forward(self, proceed: Callable, op: Op, args: tuple, attrs: dict[str, Any]) -> Any:
        line = user_line()
        with self._timed(op.name, line, "forward") as event:
            out = proceed(op, args, attrs)
            every = out if type(out) is tuple else (out,)
            synchronize([t.array for t in every])
            event.nbytes = sum(t.array.nbytes for t in every)
        if isinstance(every[0].step, Step):
            every[0].step.line = line
        return out

    def _backward(self, pull: Callable) -> Callable:
        def timed(step: Step, arrived: Mapping[int, Any]) -> Sequence[Any]:
            with self._timed(step.op.name + BACKWARD, getattr(step, "line", "?"), "backward") as event:
                grads = pull(step, arrived)
                arrays = [getattr(g, "array", g) for g in grads if g is not None]
                synchronize(arrays)
                event.nbytes = sum(a.nbytes for a in arrays)
            return grads

        return timed

    @contextlib.contextmanager
    def _timed(self, name: str, line: str, kind: str) -> Iterator[Event]:
        around: list[Event] = self._inside.__dict__.setdefault("events", [])
        event = Event(name, 0.0, 0.0, 0.0, threading.get_ident(), line, 0, kind)
        around.append(event)
        begin = time.perf_counter()
        try:
            yield event
        finally:
            event.duration = time.perf_counter() - begin
            event.start, event.own = begin - self._start, event.own + event.duration
            around.pop()
            if around:
                around[-1].own -= event.duration
            self._count(event)

    def _count(self, event: Event) -> None:
        with self._lock:
            if len(self.events) < self.max_events:
                self.events.append(event)
            if event.kind != "range":
                for by, key in (("op", event.name), ("line", event.line)):
                    row = self._by[by].setdefault(key, Row(key))
                    row.calls, row.seconds, row.nbytes = (
                        row.calls + 1,
                        row.seconds + event.own,
                        row.nbytes + event.nbytes,
                    )

    # what it says -----------------------------------------------------------------------------------------------
    def rows(self, by: str = "op", sort_by: str = "seconds") -> list[Row]:
        """Sums by `op` or by `line`, the greatest of `seconds`, `calls` or `nbytes` first."""
        if by not in self._by or sort_by not in ("seconds", "calls", "nbytes"):
            raise ValueError(
                f"rows are by 'op' or 'line', sorted by 'seconds', 'calls' or 'nbytes'; got {by=}, {sort_by=}"
            )
        return sorted(self._by[by].values(), key=lambda row: getattr(row, sort_by), reverse=True)

    def table(self, by: str = "op", sort_by: str = "seconds", row_limit: int = 20) -> str:
        """The rows as text: time in ms and its share, calls, µs for one, and MiB that were made."""
        rows = self.rows(by, sort_by)
        total = sum(row.seconds for row in rows) or 1.0
        cells = [(by, "ms", "share", "calls", "µs each", "MiB")]
        for row in rows[:row_limit]:
            each = row.seconds / row.calls * 1e6
            share = f"{row.seconds / total:.1%}"
            ms, mib = f"{row.seconds * 1e3:.3f}", f"{row.nbytes / 2**20:.2f}"
            cells.append((_short(row.key), ms, share, str(row.calls), f"{each:.1f}", mib))
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join([c[0].ljust(widths[0]), *map(str.rjust, c[1:], widths[1:])]) for c in cells]
        lines.insert(1, "-" * len(lines[0]))
        if len(rows) > row_limit:
            lines.append(f"… and {len(rows) - row_limit} more")
        return "\n".join(lines)

    key_averages = rows

    def __str__(self) -> str:
        sums = sum(row.seconds for row in self._by["op"].values())
        seen = f"{self.seconds * 1e3:.3f} ms, of which {sums * 1e3:.3f} in ops"
        return f"{seen}\n\n{self.table('op')}\n\n{self.table('line')}"

    def export_chrome_trace(self, path: str | os.PathLike) -> None:
        """Write the events as a trace for chrome://tracing or ui.perfetto.dev, all or nothing."""
        events = [
            {
                "name": e.name,
                "cat": e.kind,
                "ph": "X",
                "ts": e.start * 1e6,
                "dur": e.duration * 1e6,
                "pid": os.getpid(),
                "tid": e.thread,
                "args": {"line": e.line, "bytes": e.nbytes},
            }
            for e in self.events
        ]
        text = json.dumps({"traceEvents": events, "displayTimeUnit": "ms"})
        write_atomically(Path(path), text.encode())


@contextlib.contextmanager
def record_function(name: str) -> Iterator[None]:
    """A named range in the trace of every profiler that listens."""
    with ExitStack() as ranges:
        for listening in tuple(_open):
            ranges.enter_context(listening._timed(name, user_line(), "range"))
        yield


def _short(key: str, width: int = 60) -> str:
    return key if len(key) <= width else "…" + key[1 - width :]
