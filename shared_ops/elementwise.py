"""Elementwise ops: one value out for each value in, with NumPy's broadcasting and PyTorch's dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from shared_ops.op import op
from shared_ops.spec import (
    Spec,
    broadcast,
    broadcast_bool,
    broadcast_float,
    check,
    float_dtype,
    result_dtype,
    same,
    same_float,
    spec_of,
)


def floats(xp: Any, *arrays: Any) -> list[Any]:
    """Integers and booleans as float32, as PyTorch does; NumPy would take float64."""
    dtype = float_dtype(*map(spec_of, arrays))
    return [a if isinstance(a, int | float) else xp.asarray(a, dtype) for a in arrays]


def alike(xp: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Both in the dtype that PyTorch would give the result; nearly always they are ready for it."""
    a, b = getattr(x, "dtype", None), getattr(y, "dtype", None)
    if a == b and a is not None:
        return x, y
    if (a is None) != (b is None) and getattr(a or b, "kind", "") in "fc":  # a float array and a number
        return x, y
    dtype = result_dtype(spec_of(x), spec_of(y))
    return xp.asarray(x, dtype), xp.asarray(y, dtype)


# arithmetic -------------------------------------------------------------------------------------------------------
@op(spec=broadcast)
def add(xp, x, y):
    """x + y."""
    return xp.add(*alike(xp, x, y))


@add.grad
def add_grad(g):
    return g, g


@op(spec=broadcast)
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


@op(spec=same)
def neg(xp, x):
    """-x."""
    return xp.negative(x)


@neg.grad
def neg_grad(g):
    return -g


@op(spec=broadcast)
def pow(xp, x, y):
    """x to the power y."""
    x, y = alike(xp, x, y)
    return xp.square(x) if isinstance(y, int | float) and y == 2 else xp.power(x, y)


@pow.grad
def pow_grad(g, x, y, out, wants):
    gx = g * _slope_of_power(x, y) if wants[0] else None
    gy = g * (out * where(gt(x, 0), log(maximum(x, 1e-38)), 0)) if wants[1] else None
    return gx, gy


def _slope_of_power(x, y):
    """y * x ** (y - 1), and 0 for y = 0 even where x is 0."""
    if isinstance(y, int | float):
        return y * pow(x, y - 1) if y else x * 0
    return where(eq(y, 0), 0, y * pow(x, where(eq(y, 0), 1, y - 1)))


@op(spec=same)
def abs(xp, x):
    """|x|."""
    return xp.absolute(x)


@abs.grad
def abs_grad(g, x):
    return g * sign(x)


@op(spec=same)
def sign(xp, x):
    """-1, 0 or 1."""
    return xp.sign(x)


# functions of one value -------------------------------------------------------------------------------------------
@op(spec=same_float)
def exp(xp, x):
    """e to the power x."""
    return xp.exp(*floats(xp, x))


@exp.grad
def exp_grad(g, out):
    return g * out


@op(spec=same_float)
def log(xp, x):
    """Natural logarithm."""
    return xp.log(*floats(xp, x))


@log.grad
def log_grad(g, x):
    return div(g, x)


@op(spec=same_float)
def sqrt(xp, x):
    """Square root."""
    return xp.sqrt(*floats(xp, x))


@sqrt.grad
def sqrt_grad(g, out):
    return div(g, out * 2)


@op(spec=same_float)
def sin(xp, x):
    """Sine of x radians."""
    return xp.sin(*floats(xp, x))


@sin.grad
def sin_grad(g, x):
    return g * cos(x)


@op(spec=same_float)
def cos(xp, x):
    """Cosine of x radians."""
    return xp.cos(*floats(xp, x))


@cos.grad
def cos_grad(g, x):
    return -(g * sin(x))


@op(spec=same_float)
def tanh(xp, x):
    """Hyperbolic tangent."""
    return xp.tanh(*floats(xp, x))


@tanh.grad
def tanh_grad(g, out):
    return g * (1 - out * out)


@op(spec=same_float)
def sigmoid(xp, x):
    """1 / (1 + exp(-x)), written with tanh, which cannot overflow."""
    (x,) = floats(xp, x)
    return xp.tanh(x * 0.5) * 0.5 + 0.5


@sigmoid.grad
def sigmoid_grad(g, out):
    return g * (out * (1 - out))


@op(spec=same)
def relu(xp, x):
    """max(x, 0)."""
    return xp.maximum(x, 0)


@relu.grad
def relu_grad(g, out):
    return where(le(out, 0), 0, g)  # NaN passes, as in PyTorch


@op(spec=same_float)
def leaky_relu(xp, x, *, negative_slope=0.01):
    """x where positive, else negative_slope * x."""
    (x,) = floats(xp, x)
    return xp.where(x > 0, x, x * negative_slope)


@leaky_relu.grad
def leaky_relu_grad(g, x, negative_slope):
    return where(gt(x, 0), g, g * negative_slope)


@op(spec=same_float)
def softplus(xp, x):
    """log(1 + exp(x)), in nats; does not overflow."""
    (x,) = floats(xp, x)
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.absolute(x)))


@softplus.grad
def softplus_grad(g, x):
    return g * sigmoid(x)


# choosing ---------------------------------------------------------------------------------------------------------
@op(spec=broadcast)
def maximum(xp, x, y):
    """The greater of the two; NaN if either is."""
    return xp.maximum(*alike(xp, x, y))


@maximum.grad
def maximum_grad(g, x, y, wants):
    return _to_the_chosen(g, gt(x, y), lt(x, y), wants)


@op(spec=broadcast)
def minimum(xp, x, y):
    """The lesser of the two; NaN if either is."""
    return xp.minimum(*alike(xp, x, y))


@minimum.grad
def minimum_grad(g, x, y, wants):
    return _to_the_chosen(g, lt(x, y), gt(x, y), wants)


def _to_the_chosen(g, x_wins, y_wins, wants):
    """The gradient goes to the winner; a tie halves it, as in PyTorch."""
    tie = g * 0.5
    gx = where(x_wins, g, where(y_wins, 0, tie)) if wants[0] else None
    gy = where(y_wins, g, where(x_wins, 0, tie)) if wants[1] else None
    return gx, gy


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
    return xp.where(condition, *alike(xp, x, y))


@where.spec
def where_spec(condition, x, y):
    kind = condition.dtype.kind if isinstance(condition, Spec) else "b"
    check(kind == "b", "where needs a boolean condition", condition=condition)
    return Spec(broadcast(condition, x, y).shape, result_dtype(x, y))


@where.grad
def where_grad(g, condition, wants):
    return None, (where(condition, g, 0) if wants[1] else None), (where(condition, 0, g) if wants[2] else None)


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
    return Spec(x.shape, np.dtype(dtype))


@cast.grad
def cast_grad(g, x_spec):
    return cast(g, dtype=x_spec.dtype.name) if x_spec.dtype.kind in "fc" else None
