"""Where in the user's program we were called from."""

from __future__ import annotations

import linecache
import sys
from pathlib import Path
from types import FrameType, TracebackType

OURS = tuple(str(Path(__file__).parent.parent / package) for package in ("shared_ops", "research", "production"))


def caller() -> tuple[str, int]:
    """File and line number of the innermost line that is not in shared_ops, research or production."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(OURS):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame else ("?", 0)


def called_by_us() -> bool:
    """Whether the caller of our caller is a line of shared_ops, research or production."""
    return sys._getframe(2).f_code.co_filename.startswith(OURS)


def raised_at(traceback: TracebackType | None) -> tuple[str, int] | None:
    """File and line number of the innermost line of a traceback that is not ours; None when all are ours."""
    found = None
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(OURS):
            found = traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next
    return found


def words(file: str, line: int) -> str:
    """`model.py line 12: if x.sum() > 0:`."""
    code = linecache.getline(file, line).strip()
    return f"{Path(file).name} line {line}" + (f": {code}" if code else "")
