"""A run's own diary: one JSON line an event, in the operating system's hands before `write` returns.

A killed process loses nothing of it; at most its last line is torn, and a torn line was never promised to anyone.
"""

from __future__ import annotations

import mmap
import os
import threading
import time as clock
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import codec
from .errors import StoreError
from .home import make_private
from .records import Event


class Journal:
    """Appends events to the file at `path`; reopening one goes on after its last whole line. Safe between threads.

    Raises StoreError when the file cannot be opened or written.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._mutex = threading.Lock()
        try:
            make_private(self.path.parent)
            # Unbuffered: what is written must not wait in this process, which may be killed at any moment.
            self._file: int | None = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"The journal {self.path} cannot be opened: {error.strerror}.") from None
        self._size, self.last_seq = _whole_lines(self._file)
        os.ftruncate(self._file, self._size)

    def write(self, kind: str, **fields: Any) -> Event:
        """Write one event and return it, with its `seq` and `time` (unix seconds, now unless given)."""
        plain = codec.plain
        fields = {name: plain(value) for name, value in fields.items()}
        time = fields.pop("time", None)
        if "seq" in fields:
            raise StoreError("The journal numbers its events itself: leave seq out.")
        with self._mutex:
            seq = self.last_seq + 1
            event = {"seq": seq, "time": clock.time() if time is None else time, "kind": kind, **fields}
            line = (codec.encode(event) + "\n").encode("ascii")
            self._put(line)
            self.last_seq = seq
            self._size += len(line)
        return event

    def _put(self, line: bytes) -> None:
        if self._file is None:
            raise StoreError(f"The journal {self.path} is closed.")
        try:
            written = os.write(self._file, line)
            while written < len(line):
                written += os.write(self._file, line[written:])
        except OSError as error:
            # Take back the part that went out, or the next event would be glued to it.
            os.ftruncate(self._file, self._size)
            raise StoreError(f"The journal {self.path} cannot be written: {error.strerror}.") from None

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        with self._mutex:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def read(path: Path | str, after_seq: int = 0) -> list[Event]:
        """The events after `after_seq`, in order; none when there is no file. A torn or damaged line is skipped."""
        return list(iterate(Path(path), after_seq))


def iterate(path: Path, after_seq: int = 0) -> Iterator[Event]:
    """Like Journal.read, one event at a time. Raises StoreError when the file cannot be read."""
    try:
        with path.open("rb") as file:
            for line in file:
                event = _parse(line, after_seq)
                if event is not None:
                    yield event
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"The journal {path} cannot be read: {error.strerror}.") from None


START = b'{"seq":'


def _parse(line: bytes, after_seq: int = 0) -> Event | None:
    """The event in `line`; None when it is not after `after_seq`, or no whole event."""
    if not line.startswith(START) or not line.endswith(b"\n"):
        return None
    try:
        # Its number is known without reading the rest: a long journal of old news is skipped fast.
        if int(line[len(START) : line.index(b",")]) <= after_seq:
            return None
        event = codec.decode(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _whole_lines(file: int) -> tuple[int, int]:
    """(size in bytes of the journal up to its last good line, seq of that line); (0, 0) when there is none."""
    if os.fstat(file).st_size == 0:
        return 0, 0
    with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as content:
        end = content.rfind(b"\n") + 1
        while end > 0:
            start = content.rfind(b"\n", 0, end - 1) + 1
            event = _parse(content[start:end])
            if event is not None:
                return end, int(event["seq"])
            end = start
    return 0, 0
