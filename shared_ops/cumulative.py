"""Running sums and products along an axis, and the recurrence that they are cases of."""

from __future__ import annotations

from shared_ops.arrange import constant_pad, flip
from shared_ops.dim import Dim
from shared_ops.op import op
from shared_ops.reduce import along_one, grown
from shared_ops.spec import Spec, check, is_float, one_array


def _running_spec(name, x, axis):
    along_one(name, x, axis)
    return Spec(x.shape, grown(x))


@op
def cumsum(xp, x, *, axis):
    """The sum of each value and those before it along an axis; integers give int64."""
    return xp.cumsum(x, axis=axis, dtype=grown(x))


@cumsum.spec
def cumsum_spec(x, *, axis):
    return _running_spec("cumsum", x, axis)


@cumsum.grad
def cumsum_grad(g, axis):
    return flip(cumsum(flip(g, axis=(axis,)), axis=axis), axis=(axis,))


@op
def cumprod(xp, x, *, axis):
    """The product of each value and those before it along an axis; integers give int64."""
    return xp.cumprod(x, axis=axis, dtype=grown(x))


@cumprod.spec
def cumprod_spec(x, *, axis):
    return _running_spec("cumprod", x, axis)


@cumprod.grad
def cumprod_grad(g, x, axis):
    """The slope of product k by value i is the product of those before i, and of those from after i to k.

    The second factors, times the gradients and summed over k, follow a recurrence, so zeros do no harm.
    """
    return product_before(x, axis) * linear_scan(shifted(x, axis, -1), g, axis=axis, reverse=True)


def product_before(x, axis):
    """For each value along an axis the product of those before it, 1 for the first."""
    return cumprod(shifted(x, axis, 1, value=1), axis=axis)


def shifted(x, axis, by, value=0):
    """x moved on by one place along an axis, or back for -1, with a number in the place that falls free."""
    if not isinstance(x.shape[axis], Dim) and x.shape[axis] == 0:
        return x
    after = len(x.shape) - 1 - axis % len(x.shape)
    return constant_pad(x, pad=(0, 0) * after + (by, -by), value=value)


@op
def linear_scan(xp, decay, x, *, axis, reverse=False):
    """out[k] = decay[k] * out[k - 1] + x[k] along an axis, from 0 on; reversed, out[k + 1] takes out[k - 1]'s part."""
    out = x.copy()
    factors, values = xp.moveaxis(decay, axis, 0), xp.moveaxis(out, axis, 0)
    if reverse:
        factors, values = factors[::-1], values[::-1]
    for k in range(1, len(values)):
        values[k] += factors[k] * values[k - 1]
    return out


@linear_scan.spec
def linear_scan_spec(decay, x, *, axis, reverse=False):
    along_one("linear_scan", x, axis)
    check(is_float(x.dtype), "linear_scan needs floats", x=x)
    check(one_array(decay) == x, "linear_scan needs a factor for each value, in x's dtype", decay=decay, x=x)
    return x


@linear_scan.grad
def linear_scan_grad(g, decay, out, axis, reverse, wants):
    """The gradient runs the other way, with each factor one place earlier."""
    step = -1 if reverse else 1
    flow = linear_scan(shifted(decay, axis, -step), g, axis=axis, reverse=not reverse)
    return (flow * shifted(out, axis, step) if wants[0] else None), flow
