"""What wraps every op on tensors, and every step back, while somebody asks for it: autocast, anomaly mode, profiler."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from shared_ops.op import Op

Wrapper = Callable[[Callable, Op, tuple, dict[str, Any]], Any]

wrappers: list[Wrapper] = []  # the last one is the outermost
pull_wrappers: list[Callable[[Callable], Callable]] = []  # each takes a pull, see `backpropagate`, and gives another


def pulled(pull: Callable) -> Callable:
    """The pull with all that is wrapped around it now."""
    for wrapper in pull_wrappers:
        pull = wrapper(pull)
    return pull


@contextlib.contextmanager
def around_ops(wrapper: Wrapper) -> Iterator[None]:
    """Inside the block each op on tensors is wrapper(proceed, op, args, attrs), which calls proceed(op, args, attrs).

    Ops of all threads go through it: one that is meant for its own thread looks where it is.
    """
    with _listed(wrappers, wrapper):
        yield


@contextlib.contextmanager
def around_pulls(wrapper: Callable[[Callable], Callable]) -> Iterator[None]:
    """Inside the block backward goes through each step by wrapper(pull)(step, arrived)."""
    with _listed(pull_wrappers, wrapper):
        yield


@contextlib.contextmanager
def _listed(every: list, entry: Any) -> Iterator[None]:
    every.append(entry)
    try:
        yield
    finally:
        del every[max(i for i, e in enumerate(every) if e is entry)]


def observe(observer: Callable[[Op, tuple], None]) -> contextlib.AbstractContextManager[None]:
    """Call observer(op, results) after each op on tensors inside the block; the results are arrays."""

    def wrapper(proceed: Callable, op: Op, args: tuple, attrs: dict[str, Any]) -> Any:
        out = proceed(op, args, attrs)
        observer(op, tuple(t.array for t in (out if type(out) is tuple else (out,))))
        return out

    return around_ops(wrapper)
