"""Whether the tape records: `no_grad` and `enable_grad`, per thread, as context or decorator."""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any


class _Mode(threading.local):
    recording = True


_mode = _Mode()


def is_grad_enabled() -> bool:
    """Whether ops on tensors that require gradients are being recorded in this thread."""
    return _mode.recording


class GradMode:
    """A block, or a function, in which the tape records or does not."""

    def __init__(self, mode: bool):
        self.mode, self.before = mode, _mode.recording

    def __enter__(self) -> None:
        self.before, _mode.recording = _mode.recording, self.mode

    def __exit__(self, *_: Any) -> None:
        _mode.recording = self.before

    def __call__(self, function: Callable) -> Callable:
        mode = self.mode
        if inspect.isgeneratorfunction(function):
            return _around_each_turn(function, mode)

        @functools.wraps(function)
        def wrapped(*args: Any, **settings: Any) -> Any:
            with GradMode(mode):  # one for each call, for calls may lie inside each other
                return function(*args, **settings)

        return wrapped


def _around_each_turn(function: Callable, mode: bool) -> Callable:
    """A generator function whose own code runs in the mode; what its user does between two values does not."""

    @functools.wraps(function)
    def wrapped(*args: Any, **settings: Any) -> Any:
        turns, sent = function(*args, **settings), None
        with contextlib.closing(turns):
            while True:
                with GradMode(mode):
                    try:
                        value = turns.send(sent)
                    except StopIteration as end:
                        return end.value
                sent = yield value

    return wrapped


class set_grad_enabled(GradMode):
    """Record, or do not: from here on, until the end of the block in `with set_grad_enabled(False):`."""

    def __init__(self, mode: bool):
        super().__init__(bool(mode))
        _mode.recording = self.mode

    def __enter__(self) -> None:
        _mode.recording = self.mode

    def __call__(self, function: Callable) -> Callable:
        _mode.recording = self.before  # as a decorator it is for the function alone
        return super().__call__(function)


def no_grad(function: Callable | None = None) -> Any:
    """Nothing is recorded inside: `with no_grad():`, `@no_grad()` or `@no_grad`."""
    return GradMode(False) if function is None else GradMode(False)(function)


def enable_grad(function: Callable | None = None) -> Any:
    """Records inside, even within `no_grad`."""
    return GradMode(True) if function is None else GradMode(True)(function)


def inference_mode(mode: bool | Callable = True) -> Any:
    """Nothing is recorded inside, as in `no_grad`; `inference_mode(False)` records."""
    return GradMode(False)(mode) if callable(mode) else GradMode(not mode)
