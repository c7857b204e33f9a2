"""Elementwise ops: arithmetic, choosing, comparing, casting, with NumPy's broadcasting and PyTorch's dtypes.

The other elementwise families are `transcendental`, `rounding`, `logic` and `activation`. A gradient rule of such an
op is made of elementwise ops alone.
"""

from __future__ import annotations

from typing import Any

from shared_ops.op import op
from shared_ops.spec import (
    Spec,
    SpecError,
    broadcast,
    broadcast_bool,
    broadcast_float,
    broadcast_number,
    check,
    dtype_named,
    float_dtype,
    is_float,
    result_dtype,
    same_float,
    same_number,
    spec_of,
)


def floats(xp: Any, *arrays: Any) -> list[Any]:
    """Integers and booleans as float32, as PyTorch does; NumPy would take float64."""
    dtypes = {a.dtype for a in arrays if hasattr(a, "dtype")}
    if len(dtypes) == 1 and is_float(next(iter(dtypes))):
        return list(arrays)
    dtype = float_dtype(*map(spec_of, arrays))
    return [xp.asarray(a, dtype) if hasattr(a, "dtype") or not dtypes else a for a in arrays]


def alike(xp: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Both in the dtype that PyTorch would give the result; nearly always they are ready for it."""
    a, b = getattr(x, "dtype", None), getattr(y, "dtype", None)
    if a == b and a is not None:
        return x, y
    if (a is None) != (b is None) and getattr(a or b, "kind", "") in "fc":  # a float array and a number
        return x, y
    dtype = result_dtype(spec_of(x), spec_of(y))
    try:
        return xp.asarray(x, dtype), xp.asarray(y, dtype)
    except OverflowError as error:
        raise SpecError(f"a number beside an array must fit into the array's dtype; {error}") from None


# arithmetic -------------------------------------------------------------------------------------------------------
@op(spec=broadcast)
def add(xp, x, y):
    """x + y."""
    return xp.add(*alike(xp, x, y))


@add.grad
def add_grad(g):
    return g, g


@op(spec=broadcast_number)
def sub(xp, x, y):
    """x - y."""
    return xp.subtract(*alike(xp, x, y))


@sub.grad
def sub_grad(g, wants):
    return g, (-g if wants[1] else None)


@op(spec=broadcast)
def mul(xp, x, y):
    """x * y."""
    return xp.multiply(*alike(xp, x, y))


@mul.grad
def mul_grad(g, x, y, wants):
    return (g * y if wants[0] else None), (g * x if wants[1] else None)


@op(spec=broadcast_float)
def div(xp, x, y):
    """x / y; integers give float32."""
    return xp.divide(*floats(xp, x, y))


@div.grad
def div_grad(g, x, y, wants):
    gx = div(g, y)
    return gx, (-gx * div(x, y) if wants[1] else None)


@op(spec=same_number)
def neg(xp, x):
    """-x."""
    return xp.negative(x)


@neg.grad
def neg_grad(g):
    return -g


@op(spec=same_number)
def abs(xp, x):
    """|x|."""
    return xp.absolute(x)


@abs.grad
def abs_grad(g, x):
    return g * sign(x)


@op(spec=same_number)
def sign(xp, x):
    """-1, 0 or 1; 0 for NaN too, as in PyTorch."""
    return xp.subtract(xp.asarray(x > 0, x.dtype), xp.asarray(x < 0, x.dtype))


@sign.grad
def sign_grad(g):
    return no_slope(g)


def no_slope(g):
    """The gradient of a step function: zeros, whatever g holds."""
    return where(False, g, 0)


@op(spec=same_number)
def square(xp, x):
    """x * x."""
    return xp.square(x)


@square.grad
def square_grad(g, x):
    return g * (x * 2)


@op(spec=same_float)
def reciprocal(xp, x):
    """1 / x; integers give float32."""
    return xp.reciprocal(*floats(xp, x))


@reciprocal.grad
def reciprocal_grad(g, out):
    return -g * (out * out)


@op(spec=same_float)
def sqrt(xp, x):
    """Square root."""
    return xp.sqrt(*floats(xp, x))


@sqrt.grad
def sqrt_grad(g, out):
    return div(g, out * 2)


@op(spec=same_float)
def rsqrt(xp, x):
    """1 / sqrt(x)."""
    return xp.reciprocal(xp.sqrt(*floats(xp, x)))


@rsqrt.grad
def rsqrt_grad(g, out):
    return g * (out * out * out * -0.5)


# choosing ---------------------------------------------------------------------------------------------------------
@op(spec=broadcast)
def maximum(xp, x, y):
    """The greater of the two; NaN if either is."""
    return xp.maximum(*alike(xp, x, y))


@maximum.grad
def maximum_grad(g, x, y, wants):
    return _to_the_chosen(g, lt(x, y), gt(x, y), eq(x, y), wants)


@op(spec=broadcast)
def minimum(xp, x, y):
    """The lesser of the two; NaN if either is."""
    return xp.minimum(*alike(xp, x, y))


@minimum.grad
def minimum_grad(g, x, y, wants):
    return _to_the_chosen(g, gt(x, y), lt(x, y), eq(x, y), wants)


def _to_the_chosen(g, x_loses, y_loses, tie, wants):
    """The gradient goes to the winner; a tie halves it, and beside NaN both get it, as in PyTorch."""
    share = where(tie, g * 0.5, g)
    return (where(x_loses, 0, share) if wants[0] else None), (where(y_loses, 0, share) if wants[1] else None)


@op
def clamp(xp, x, *, min=None, max=None):
    """x, not below min and not above max; either may be left out."""
    bounds = [bound for bound in (min, max) if bound is not None]
    x = xp.asarray(x, result_dtype(spec_of(x), *bounds))
    x = x if min is None else xp.maximum(x, min)
    return x if max is None else xp.minimum(x, max)


@clamp.spec
def clamp_spec(x, *, min=None, max=None):
    check(min is not None or max is not None, "clamp needs min or max", min=min, max=max)
    return Spec(x.shape, result_dtype(x, *[bound for bound in (min, max) if bound is not None]))


@clamp.grad
def clamp_grad(g, x, min, max):
    g = g if min is None else where(ge(x, min), g, 0)
    return g if max is None else where(le(x, max), g, 0)


@op
def where(xp, condition, x, y):
    """x where the condition holds, else y."""
    return xp.where(condition if hasattr(condition, "dtype") else xp.asarray(condition), *alike(xp, x, y))


@where.spec
def where_spec(condition, x, y):
    kind = condition.dtype.kind if isinstance(condition, Spec) else "b"
    check(kind == "b", "where needs a boolean condition", condition=condition)
    return Spec(broadcast(condition, x, y).shape, result_dtype(x, y))


@where.grad
def where_grad(g, condition, wants):
    return None, (where(condition, g, 0) if wants[1] else None), (where(condition, 0, g) if wants[2] else None)


@op(spec=broadcast_float)
def lerp(xp, x, end, weight):
    """The way from x to end, walked by a share: x at weight 0, exactly end at weight 1."""
    x, end, weight = floats(xp, x, end, weight)
    small = xp.asarray(xp.absolute(weight) < 0.5)
    return xp.where(small, x + weight * (end - x), end - (end - x) * (1 - weight))


@lerp.grad
def lerp_grad(g, x, end, weight, wants):
    gx = g - g * weight if wants[0] else None
    return gx, (g * weight if wants[1] else None), (g * (end - x) if wants[2] else None)


# comparing, casting -----------------------------------------------------------------------------------------------
@op(spec=broadcast_bool)
def eq(xp, x, y):
    """x == y."""
    return xp.equal(x, y)


@op(spec=broadcast_bool)
def ne(xp, x, y):
    """x != y."""
    return xp.not_equal(x, y)


@op(spec=broadcast_bool)
def lt(xp, x, y):
    """x < y."""
    return xp.less(x, y)


@op(spec=broadcast_bool)
def le(xp, x, y):
    """x <= y."""
    return xp.less_equal(x, y)


@op(spec=broadcast_bool)
def gt(xp, x, y):
    """x > y."""
    return xp.greater(x, y)


@op(spec=broadcast_bool)
def ge(xp, x, y):
    """x >= y."""
    return xp.greater_equal(x, y)


@op
def cast(xp, x, *, dtype):
    """x as another dtype; the dtype by name, `float32`."""
    return xp.asarray(x).astype(dtype, copy=False)


@cast.spec
def cast_spec(x, *, dtype):
    check(isinstance(x, Spec), "cast needs an array", x=x)
    return Spec(x.shape, dtype_named(dtype))


@cast.grad
def cast_grad(g, x_spec):
    return cast(g, dtype=x_spec.dtype.name) if is_float(x_spec.dtype) else None
