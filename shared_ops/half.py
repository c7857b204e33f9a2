"""Half floats: float16 and bfloat16 are stored in two bytes and computed in float32; each op rounds its results once.

No kernel knows of them: an op with such an input comes here, and its kernel gets float32 and gives float32. It is
loaded when the first one comes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from shared_ops.op import Op
from shared_ops.operators import Operators
from shared_ops.spec import FLOAT32, HALVES, result_dtype, spec_of

# ops that only move values, or round them: in any dtype, and what is a view of float32 is a view of halves
MOVES = frozenset(
    (
        *("cast", "cat", "constant_pad", "diagonal", "diagonal_put", "embedding", "expand", "flip", "gather"),
        *("getitem", "permute", "put", "reshape", "roll", "scatter", "stop_gradient", "take", "tril", "triu"),
    )
)
COMPARISONS = frozenset(["eq", "ne", "lt", "le", "gt", "ge"])


def is_half(x: Any) -> bool:
    return getattr(x, "dtype", None) in HALVES


def compute(op: Op, xp: ModuleType, args: tuple, attrs: Mapping[str, Any]) -> Any:
    """The outputs of an op of which some inputs are half floats."""
    if op.name in MOVES:
        return op.kernel(xp, *args, **attrs)
    specs = tuple(map(spec_of, args))
    promised = op.infer(specs, attrs)
    if op.name in COMPARISONS:  # 0.1 equals the half that is nearest to it, as 0.1 equals a float32
        dtype = result_dtype(*specs)
        args = tuple(a if hasattr(a, "dtype") else xp.asarray(a, dtype) for a in args)
    outs = op.compute(*[a.astype(FLOAT32) if is_half(a) else a for a in args], **attrs)
    rounded = [
        xp.asarray(out, spec.dtype) if spec.dtype in HALVES else out
        for out, spec in zip(outs if isinstance(outs, tuple) else (outs,), promised, strict=True)
    ]
    return tuple(rounded) if isinstance(outs, tuple) else rounded[0]


# gradient rules ---------------------------------------------------------------------------------------------------
class Carried(Operators):
    """An array on which operators are ops: NumPy's own would round numbers to halves, or widen halves beside them."""

    __slots__ = ("array",)
    world = "arrays"

    def __init__(self, array: Any):
        self.array = array

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> Any:
        return self.array.dtype

    @property
    def ndim(self) -> int:
        return self.array.ndim

    def __apply_op__(self, op: Op, args: tuple, attrs: dict[str, Any]) -> Any:
        out = op.compute(*_arrays(args), **attrs)
        return tuple(map(Carried, out)) if isinstance(out, tuple) else Carried(out)


def apply(rule: Callable, g: Any, known: Mapping[str, Any]) -> Any:
    """A gradient rule on arrays, each of its steps an op, as it is on a tape and in a graph."""
    return _arrays(rule(_carried(g), **{name: _carried(value) for name, value in known.items()}))


def _carried(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_carried, value))
    return Carried(value) if hasattr(value, "astype") else value


def _arrays(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_arrays, value))
    return value.array if isinstance(value, Carried) else value
