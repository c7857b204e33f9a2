"""Which line of the user's program something comes from."""

from __future__ import annotations

import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
OURS = tuple(f"{HOUSE / room}/" for room in ("research", "shared_ops"))


def user_line() -> str:
    """The innermost line being run that is not of this library: `train.py:31`."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(OURS):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
