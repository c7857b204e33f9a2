"""Whether the tape records: `no_grad` and `enable_grad`, per thread, as context or decorator."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class _Mode(threading.local):
    recording = True


_mode = _Mode()


def is_grad_enabled() -> bool:
    """Whether ops on tensors that require gradients are being recorded in this thread."""
    return _mode.recording


@contextlib.contextmanager
def set_grad_enabled(mode: bool) -> Iterator[None]:
    """Record, or do not, inside the block."""
    before, _mode.recording = _mode.recording, bool(mode)
    try:
        yield
    finally:
        _mode.recording = before


def no_grad() -> contextlib._GeneratorContextManager[None]:
    """Nothing is recorded inside: `with no_grad():` or `@no_grad()`."""
    return set_grad_enabled(False)


def enable_grad() -> contextlib._GeneratorContextManager[None]:
    """Records inside, even within `no_grad`."""
    return set_grad_enabled(True)
