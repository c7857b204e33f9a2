"""Ending runs whose process is gone, without losing what they wrote down before."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, or_, select, update

from .append import store
from .errors import StoreError
from .events import Batch, batch_of
from .home import journal_path
from .journal import iterate
from .models import RunRow
from .records import Event
from .states import ENDED, silence

BATCH = 50_000  # events held in memory at a time
AHEAD_S = 60.0  # a heartbeat so far in the future is from before the clock was set back: it says nothing


def reap(connection: Connection, stale_after_s: dict[str, float], now: float) -> list[str]:
    """End the runs that were silent for `stale_after_s[state]` seconds, within the caller's transaction; their ids."""
    ahead = RunRow.heartbeat_at > now + AHEAD_S
    silent = [
        (RunRow.state == state) & (ahead | (RunRow.heartbeat_at <= now - after))
        for state, after in stale_after_s.items()
    ]
    statement = select(
        RunRow.number, RunRow.id, RunRow.state, RunRow.heartbeat_at, RunRow.run_dir, RunRow.stop_requested
    )
    reaped = []
    for row in connection.execute(statement.where(or_(*silent)).order_by(RunRow.number)).all():
        journal = journal_path(Path(row.run_dir))
        said_at = row.heartbeat_at if row.heartbeat_at <= now + AHEAD_S else 0.0
        heard_at = max(said_at, _written_at(journal, now))
        if heard_at > now - stale_after_s[row.state]:
            continue  # it lives, and only its messages do not arrive: this writer may have just started
        _end(connection, row.number, journal, heard_at or now, now)
        reaped.append(row.id)
    return reaped


def _written_at(journal: Path, now: float) -> float:
    """When the journal was last written, unix seconds; 0 when there is none, or its time is no help."""
    try:
        written_at = journal.stat().st_mtime
    except OSError:
        return 0.0
    return written_at if written_at <= now else 0.0


def _end(connection: Connection, number: int, journal: Path, heard_at: float, now: float) -> None:
    """Store what the journal still holds; then the run has failed, unless the journal says how it ended."""
    trouble = replay(connection, number, journal)
    state, stop_requested = connection.execute(
        select(RunRow.state, RunRow.stop_requested).where(RunRow.number == number)
    ).one()
    if state in ENDED:
        return
    message = silence(state, now - heard_at)
    heard = clock.strftime("%Y-%m-%d %H:%M:%S", clock.localtime(heard_at))
    message += f" Last heard of at {heard}; its last word was: {_last_word(connection, number, state)}."
    if stop_requested:
        message += " A stop had been asked for."
    if trouble:
        message += f" {trouble}"
    ended = {"state": "failed", "message": message, "ended_at": heard_at}
    connection.execute(update(RunRow).where(RunRow.number == number).values(**ended))


def _last_word(connection: Connection, number: int, state: str) -> str:
    message, progress = connection.execute(select(RunRow.message, RunRow.progress).where(RunRow.number == number)).one()
    word = state + (f" ({message})" if message else "")
    if progress.get("step") is not None:
        total = progress.get("total_steps")
        word += f", step {progress['step']}" + (f" of {total}" if total is not None else "")
    return word


def replay(connection: Connection, number: int, journal: Path) -> str:
    """Store the events of the journal that never arrived. Returns a sentence about what could not be, or ""."""
    last_seq = connection.execute(select(RunRow.last_seq).where(RunRow.number == number)).scalar_one()
    bad = 0
    try:
        events = iterate(journal, after_seq=last_seq)
        while part := list(islice(events, BATCH)):
            state, last_seq = connection.execute(
                select(RunRow.state, RunRow.last_seq).where(RunRow.number == number)
            ).one()
            good = list(_good(part))
            bad += len(part) - len(good)
            changes = store(connection, number, state, last_seq, batch_of(good, last_seq))
            if changes:
                connection.execute(update(RunRow).where(RunRow.number == number).values(**changes))
    except StoreError as error:
        return str(error)
    return f"{bad} events of its journal could not be read." if bad else ""


def _good(events: list[Event]) -> Iterator[Event]:
    """The events that can be stored: here a wrong one must not hide the others."""
    for event in events:
        try:
            _: Batch = batch_of([event])
        except StoreError:
            continue
        yield event
