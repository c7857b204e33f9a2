"""Anomaly mode: each step knows the line that made it, and a gradient that is NaN stops backward at that line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from research.intercept import around_ops, around_pulls
from research.source_lines import user_line
from research.tape import Step
from shared_ops.device import array_module
from shared_ops.op import Op
from shared_ops.spec import is_float


class _State:
    """What is on: the wrappers that hang, or None, and whether gradients are looked at."""

    hung: ExitStack | None = None
    check_nan = True


_state = _State()


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on."""
    return _state.hung is not None


class set_detect_anomaly:
    """Anomaly mode on or off, from here on, or until the end of the block. It makes ops several times as slow."""

    def __init__(self, mode: bool, check_nan: bool = True):
        self.before = is_anomaly_enabled(), _state.check_nan
        _set(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: Any) -> None:
        _set(*self.before)


def detect_anomaly(check_nan: bool = True) -> set_detect_anomaly:
    """Inside: backward raises where a gradient turns NaN, and names the op and the line of its forward pass."""
    return set_detect_anomaly(True, check_nan)


def _set(mode: bool, check_nan: bool) -> None:
    if _state.hung is not None:
        _state.hung.close()
    _state.hung, _state.check_nan = None, check_nan
    if mode:
        _state.hung = ExitStack()
        _state.hung.enter_context(around_ops(note_line))
        if check_nan:
            _state.hung.enter_context(around_pulls(_checked))


def note_line(proceed: Callable, op: Op, args: tuple, attrs: dict[str, Any]) -> Any:
    """The op, whose step remembers the line that it is called in."""
    out = proceed(op, args, attrs)
    first = out[0] if type(out) is tuple else out
    if isinstance(first.step, Step):
        first.step.line = user_line()
    return out


def _checked(pull: Callable) -> Callable:
    """A pull that raises RuntimeError for a NaN among the gradients that a step gives."""

    def careful(step: Step, arrived: Mapping[int, Any]) -> Sequence[Any]:
        grads = pull(step, arrived)
        for i, g in enumerate(grads):
            array = getattr(g, "array", g)
            if array is not None and is_float(array.dtype) and bool(array_module((array,)).isnan(array).any()):
                line = getattr(step, "line", None)
                where = f"in {line}" if line else "made before anomaly mode was on"
                count = int(np.asarray(array.shape).prod())
                raise RuntimeError(
                    f"the gradient of {step.op.name}, {where}, for its input {i} has NaN among its {count} values"
                )
        return grads

    return careful
