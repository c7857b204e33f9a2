"""Turns what a process prints into log lines, while it still reaches the old stream."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

LONGEST_LINE = 20_000  # characters


class _Lines(io.TextIOBase):
    """A text stream that hands each full line to `take`."""

    def __init__(self, take: Callable[[str], None], old: TextIO) -> None:
        self._take, self._old = take, old
        self._mutex = threading.Lock()
        self._begun = ""

    def write(self, text: str) -> int:
        with contextlib.suppress(ValueError, OSError):  # a closed old stream is no reason to lose the line
            self._old.write(text)
        with self._mutex:
            *whole, self._begun = (self._begun + text).split("\n")
            self._begun = self._begun[-LONGEST_LINE:]
        for line in whole:
            # a progress bar draws over itself with \r: only what it showed last is worth keeping
            self._take(line.rstrip("\r").rsplit("\r", 1)[-1][:LONGEST_LINE])
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(ValueError, OSError):
            self._old.flush()

    def finish(self) -> None:
        """Hands over a last line that no newline ended."""
        with self._mutex:
            last, self._begun = self._begun, ""
        if last:
            self._take(last)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._old.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"


@contextlib.contextmanager
def captured(take: Callable[[str], None]) -> Iterator[None]:
    """Within it, every line printed to stdout or stderr is also given to `take`."""
    old_out, old_error = sys.stdout, sys.stderr
    out, error = _Lines(take, old_out), _Lines(take, old_error)
    sys.stdout, sys.stderr = out, error
    try:
        yield
    finally:
        sys.stdout, sys.stderr = old_out, old_error
        out.finish()
        error.finish()
