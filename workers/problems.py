"""A user's mistake, told in one message: where it is, what came, what is allowed."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path


class SpecProblem(Exception):
    """A mistake in a spec, its data or the user's module. `args[0]` is the message to show; no traceback is needed."""


def nearest(word: str, allowed: Iterable[str]) -> str:
    """`" Did you mean 'epochs'?"` when one of the allowed words is close, else nothing."""
    lowered = {choice.lower(): choice for choice in allowed}
    close = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return f" Did you mean {lowered[close[0]]!r}?" if close else ""


def listed(choices: Iterable[str]) -> str:
    """`a, b, c`: what is allowed, in words."""
    return ", ".join(str(choice) for choice in choices)


def shown(value: object, limit_characters: int = 80) -> str:
    """What came, shortened to fit in a sentence."""
    text = repr(value)
    return text if len(text) <= limit_characters else text[: limit_characters - 1] + "…"


def key_path(parts: Sequence[object]) -> str:
    """`("net", 1, "Linear")` -> `net.1.Linear`: the way `--set` would write it."""
    return ".".join(str(part) for part in parts)


def users_line(error: BaseException, folder: Path | str | None = None) -> str:
    """`ValueError: ... (model.py, line 12)`: the error, and the deepest line of it that the user wrote.

    With no line below `folder`, only the error itself is named.
    """
    name = type(error).__name__
    text = str(error).strip().split("\nTraceback")[0]
    said = f"{name}: {text}" if text else name
    if isinstance(error, SyntaxError):
        return said
    if folder is None:
        return said
    home = Path(folder).resolve()
    theirs = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_absolute()
        and Path(frame.filename).resolve().is_relative_to(home)
        # an environment may lie inside the user's folder; its files are not the user's lines
        and "site-packages" not in frame.filename
    ]
    return f"{said} ({Path(theirs[-1].filename).name}, line {theirs[-1].lineno})" if theirs else said
