"""From the events of a batch to rows.

metric    {key, step, value}
log       {rank, text}
progress  {step, total_steps, epoch, epochs}
timing    {data_s, compute_s}       cumulative, seconds
state     {state, message}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .codec import clean, plain
from .errors import StoreError
from .records import Event
from .states import check_state

LARGEST = 2**63 - 1  # what an SQLite integer can hold


@dataclass
class Batch:
    """What a batch of events says. Of progress, timing and states the later ones win, so they stay in order of seq."""

    seqs: list[int] = field(default_factory=list)
    points: list[tuple[str, int, int, float, float]] = field(default_factory=list)  # key, seq, step, time, value
    logs: list[tuple[int, float, int, str]] = field(default_factory=list)  # seq, time, rank, text
    progress: dict[str, Any] | None = None
    timing: tuple[float, float] | None = None  # data_s, compute_s
    states: list[tuple[float, str, str]] = field(default_factory=list)  # time, state, message


def batch_of(events: Iterable[Event], after_seq: int = 0) -> Batch:
    """Sort what is new (seq > after_seq) into a Batch. Raises StoreError that names the first event that is wrong."""
    batch = Batch()
    for event in events:
        try:
            seq = _whole(event["seq"])
            if seq <= after_seq:
                if seq < 1:
                    raise ValueError("seq counts from 1")
                continue
            time = float(event["time"])
            if not math.isfinite(time):
                raise ValueError("its time is unix seconds, which are finite")
            READ[event["kind"]](batch, seq, time, event)
            batch.seqs.append(seq)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise StoreError(_complaint(event, error)) from None
    return batch


def _whole(number: Any) -> int:
    """A whole number that fits; 3.0 counts as 3."""
    if type(number) is not int:
        number = plain(number)
        whole = int(number)
        if isinstance(number, str) or whole != number:
            raise ValueError(f"{number!r} is not a whole number")
        number = whole
    if not -LARGEST <= number <= LARGEST:
        raise ValueError(f"{number} does not fit into 64 bits")
    return number


def _metric(batch: Batch, seq: int, time: float, event: Event) -> None:
    key = event["key"]
    if type(key) is not str or not key:
        raise ValueError("a metric's key is text that is not empty")
    batch.points.append((clean(key), seq, _whole(event["step"]), time, float(event["value"])))


def _log(batch: Batch, seq: int, time: float, event: Event) -> None:
    batch.logs.append((seq, time, _whole(event.get("rank", 0)), clean(event["text"])))


def _progress(batch: Batch, seq: int, time: float, event: Event) -> None:
    batch.progress = {name: value for name, value in event.items() if name not in ("seq", "time", "kind")}


def _timing(batch: Batch, seq: int, time: float, event: Event) -> None:
    data_s, compute_s = float(event["data_s"]), float(event["compute_s"])
    if not (math.isfinite(data_s) and math.isfinite(compute_s)):
        raise ValueError("seconds are finite")
    batch.timing = (data_s, compute_s)


def _state(batch: Batch, seq: int, time: float, event: Event) -> None:
    batch.states.append((time, check_state(event["state"]), clean(event.get("message") or "")))


READ: dict[str, Callable[[Batch, int, float, Event], None]] = {
    "metric": _metric,
    "log": _log,
    "progress": _progress,
    "timing": _timing,
    "state": _state,
}


def _complaint(event: Any, error: Exception) -> str:
    if not isinstance(event, dict):
        return f"An event is a dict with seq, time and kind; got {event!r:.80}."
    kind = event.get("kind")
    if kind not in READ:
        return f"An event's kind is one of {', '.join(READ)}; got {kind!r} (seq {event.get('seq')!r:.30})."
    reason = f"it has no {error}" if isinstance(error, KeyError) else f"{error}"
    return f"Event {event.get('seq')!r:.30} of kind {kind} cannot be stored: {reason}. Nothing of its batch was stored."
