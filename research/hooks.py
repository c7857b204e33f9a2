"""Hooks on gradients: functions that see, and may change, the gradient of a tensor on its way back."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

_next_key = itertools.count().__next__


class RemovableHandle:
    """Takes one hook off again: `handle.remove()`, or at the end of `with handle:`."""

    def __init__(self, table: dict[int, Any], hook: Any):
        self._table, self._key = table, _next_key()
        table[self._key] = hook

    def remove(self) -> None:
        self._table.pop(self._key, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_: Any) -> None:
        self.remove()


# By the step or leaf that made a tensor, so that the tensors themselves need not stay; empty for nearly everybody.
on_arrival: weakref.WeakKeyDictionary[Any, dict[int, dict[int, Callable]]] = weakref.WeakKeyDictionary()
on_accumulation: weakref.WeakKeyDictionary[Any, dict[int, Callable]] = weakref.WeakKeyDictionary()


def add(step: Any, index: int, hook: Callable) -> RemovableHandle:
    """Call hook(gradient) once the gradient of that output of the step is complete; what it returns takes its place."""
    if step not in on_arrival:
        on_arrival[step] = {}
    return RemovableHandle(on_arrival[step].setdefault(index, {}), hook)


def add_after(leaf: Any, hook: Callable) -> RemovableHandle:
    """Call hook(tensor) after each time that backward has added to a leaf's gradient."""
    if leaf not in on_accumulation:
        on_accumulation[leaf] = {}
    return RemovableHandle(on_accumulation[leaf], hook)
