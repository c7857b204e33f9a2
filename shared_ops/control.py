"""Control flow over values: cond, while_loop and scan.

They are functions and not entries of the op table, for their settings are functions. On arrays and on a tape they are
Python's own branch and loop, so gradients of any order come from the ops that ran. A graph does not record them yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from shared_ops.shape import stack
from shared_ops.spec import SpecError, check, shape_of, spec_of


def _eager(name: str, values: Sequence[Any]) -> None:
    if any(getattr(v, "world", "") == "production" for v in values):
        raise SpecError(f"{name} is not recorded by graphs; choose between values with where(…), or unroll the loop")


def _truth(name: str, value: Any) -> bool:
    single = isinstance(value, bool) or shape_of(spec_of(value)) in ((), (1,))
    check(single, f"{name} needs a single truth value", predicate=spec_of(value))
    return bool(value)


def _tuple(values: Any) -> tuple[Any, ...]:
    return tuple(values) if isinstance(values, tuple | list) else (values,)


def _check_kept(name: str, before: tuple, after: tuple) -> None:
    """Loop variables keep their number, shapes and dtypes."""
    check(
        len(before) == len(after),
        f"{name} needs as many values after a turn as before",
        before=len(before),
        after=len(after),
    )
    for i, (a, b) in enumerate(zip(before, after, strict=True)):
        kept = str(spec_of(a)) == str(spec_of(b)) or not hasattr(a, "dtype")
        check(kept, f"{name} needs value {i} to keep its shape and dtype", before=spec_of(a), after=spec_of(b))


def cond(pred: Any, true_fn: Callable, false_fn: Callable, operands: Sequence[Any] = ()) -> Any:
    """true_fn(*operands) where pred, one truth value, holds, else false_fn(*operands)."""
    _eager("cond", [pred, *operands])
    return (true_fn if _truth("cond", pred) else false_fn)(*operands)


def while_loop(cond_fn: Callable, body_fn: Callable, loop_vars: Sequence[Any]) -> tuple[Any, ...]:
    """The loop variables, given through body_fn while cond_fn of them holds; they keep shapes and dtypes."""
    values = _tuple(loop_vars)
    _eager("while_loop", values)
    while _truth("while_loop", cond_fn(*values)):
        after = _tuple(body_fn(*values))
        _check_kept("while_loop", values, after)
        values = after
    return values


def scan(fn: Callable, init: Any, xs: Any, reverse: bool = False) -> tuple[Any, Any]:
    """fn(carry, x) -> (carry, y) over the first axis of xs: the last carry, and all y stacked in the order of xs."""
    _eager("scan", [*_tuple(init), *_tuple(xs)])
    steps = _tuple(xs)
    lengths = {shape_of(spec_of(x))[:1] for x in steps}
    check(len(lengths) == 1 and () not in lengths, "scan needs arrays of one length", xs=[spec_of(x) for x in steps])
    count = int(next(iter(lengths))[0])
    check(count > 0, "scan needs at least one step", xs=[spec_of(x) for x in steps])
    carry, outs = init, []
    for i in reversed(range(count)) if reverse else range(count):
        after, y = fn(carry, steps[0][i] if not isinstance(xs, tuple | list) else tuple(x[i] for x in steps))
        _check_kept("scan", _tuple(carry), _tuple(after))
        carry = after
        outs.append(y)
    ordered = outs[::-1] if reverse else outs
    if isinstance(ordered[0], tuple | list):
        return carry, tuple(stack(list(parts), 0) for parts in zip(*ordered, strict=True))
    return carry, stack(ordered, 0)
