"""Elementwise ops: activation functions, with PyTorch's names, settings and defaults.

At a kink the gradient is the one that PyTorch takes, and NaN goes the way it does there.
"""

from __future__ import annotations

import math

from shared_ops.elementwise import abs, div, floats, gt, le, lt, minimum, square, where
from shared_ops.erf import erf, erfc
from shared_ops.op import op
from shared_ops.spec import check, same_float, same_number
from shared_ops.transcendental import exp, tanh

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017: mean 0 and variance 1 stay
GELU_CUBIC, GELU_SLOPE = 0.044715, math.sqrt(2 / math.pi)  # Hendrycks & Gimpel 2016
ROOT_HALF, NORMAL_PEAK = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)


def _log1p_exp(xp, x):
    """log(1 + exp(x)), in nats; exp(-|x|) cannot overflow."""
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.absolute(x)))


def _logistic(xp, x):
    """1 / (1 + exp(-x)); exp(-|x|) cannot overflow, and keeps its digits where the result is near 0."""
    e = xp.exp(-xp.absolute(x))
    return xp.where(x >= 0, 1, e) / (1 + e)


# smooth steps -------------------------------------------------------------------------------------------------------
@op(spec=same_float)
def sigmoid(xp, x):
    """1 / (1 + exp(-x))."""
    return _logistic(xp, *floats(xp, x))


@sigmoid.grad
def sigmoid_grad(g, out):
    return g * (out * (1 - out))


@op(spec=same_float)
def logsigmoid(xp, x):
    """log(sigmoid(x)), in nats."""
    (x,) = floats(xp, x)
    return -_log1p_exp(xp, -x)


@logsigmoid.grad
def logsigmoid_grad(g, x):
    return g * sigmoid(-x)


@op(spec=same_float)
def softsign(xp, x):
    """x / (1 + |x|)."""
    (x,) = floats(xp, x)
    return x / (1 + xp.absolute(x))


@softsign.grad
def softsign_grad(g, x):
    return g / square(abs(x) + 1)


@op(spec=same_float)
def hardsigmoid(xp, x):
    """(x + 3) / 6, kept between 0 and 1."""
    (x,) = floats(xp, x)
    return xp.clip(x + 3, 0, 6) / 6


@hardsigmoid.grad
def hardsigmoid_grad(g, x):
    return where(gt(x, -3), where(lt(x, 3), g * (1 / 6), 0), 0)


@op
def hardtanh(xp, x, *, min_val=-1.0, max_val=1.0):
    """x, kept between min_val and max_val."""
    (x,) = floats(xp, x)
    return xp.clip(x, min_val, max_val)


@hardtanh.spec
def hardtanh_spec(x, *, min_val=-1.0, max_val=1.0):
    check(min_val <= max_val, "hardtanh needs min_val not above max_val", min_val=min_val, max_val=max_val)
    return same_float(x)


@hardtanh.grad
def hardtanh_grad(g, x, min_val, max_val):
    return where(gt(x, min_val), where(lt(x, max_val), g, 0), 0)


# ramps ----------------------------------------------------------------------------------------------------------------
@op(spec=same_number)
def relu(xp, x):
    """max(x, 0)."""
    return xp.maximum(x, 0)


@relu.grad
def relu_grad(g, out):
    return where(le(out, 0), 0, g)  # NaN passes, as in PyTorch


@op(spec=same_number)
def relu6(xp, x):
    """x, kept between 0 and 6."""
    return xp.clip(x, 0, 6)


@relu6.grad
def relu6_grad(g, out):
    return where(gt(out, 0), where(lt(out, 6), g, 0), 0)


@op(spec=same_float)
def leaky_relu(xp, x, *, negative_slope=0.01):
    """x where positive, else negative_slope * x."""
    (x,) = floats(xp, x)
    return xp.where(x > 0, x, x * negative_slope)


@leaky_relu.grad
def leaky_relu_grad(g, x, negative_slope):
    return where(gt(x, 0), g, g * negative_slope)


@op(spec=same_float)
def softplus(xp, x, *, beta=1.0, threshold=20.0):
    """log(1 + exp(beta * x)) / beta, in nats; x itself where beta * x is above the threshold."""
    (x,) = floats(xp, x)
    z = x * beta
    return xp.where(z > threshold, x, _log1p_exp(xp, z) / beta)


@softplus.grad
def softplus_grad(g, x, beta, threshold):
    z = x * beta
    return where(gt(z, threshold), g, g * sigmoid(z))


# ramps that bend below 0 ----------------------------------------------------------------------------------------------
def _bent(xp, x, alpha, reach):
    """x where positive, else alpha * (exp(x / reach) - 1)."""
    below = xp.minimum(x, 0)  # exp of it cannot overflow
    return xp.where(x > 0, x, alpha * xp.expm1(below if reach == 1 else below / reach))


@op(spec=same_float)
def elu(xp, x, *, alpha=1.0):
    """x where positive, else alpha * (exp(x) - 1): Clevert et al. 2015."""
    return _bent(xp, floats(xp, x)[0], alpha, 1)


@elu.grad
def elu_grad(g, x, alpha):
    return where(gt(x, 0), g, g * (alpha * exp(minimum(x, 0))))


@op
def celu(xp, x, *, alpha=1.0):
    """x where positive, else alpha * (exp(x / alpha) - 1): Barron 2017."""
    return _bent(xp, floats(xp, x)[0], alpha, alpha)


@celu.spec
def celu_spec(x, *, alpha=1.0):
    check(alpha != 0, "celu needs an alpha that is not 0", alpha=alpha)
    return same_float(x)


@celu.grad
def celu_grad(g, x, alpha):
    return where(gt(x, 0), g, g * exp(div(minimum(x, 0), alpha)))


@op(spec=same_float)
def selu(xp, x):
    """elu, scaled so that mean 0 and variance 1 stay so: Klambauer et al. 2017."""
    return SELU_SCALE * _bent(xp, floats(xp, x)[0], SELU_ALPHA, 1)


@selu.grad
def selu_grad(g, x):
    return where(gt(x, 0), g * SELU_SCALE, g * (SELU_SCALE * SELU_ALPHA * exp(minimum(x, 0))))


# x times a step -------------------------------------------------------------------------------------------------------
@op(spec=same_float)
def silu(xp, x):
    """x * sigmoid(x), also called swish."""
    (x,) = floats(xp, x)
    return x * _logistic(xp, x)


@silu.grad
def silu_grad(g, x):
    s = sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


@op(spec=same_float)
def mish(xp, x):
    """x * tanh(log(1 + exp(x))): Misra 2019."""
    (x,) = floats(xp, x)
    return x * xp.tanh(_log1p_exp(xp, x))


@mish.grad
def mish_grad(g, x):
    t = tanh(softplus(x))
    return g * (t + x * (sigmoid(x) * (1 - t * t)))


@op(spec=same_float)
def hardswish(xp, x):
    """x * hardsigmoid(x): Howard et al. 2019."""
    (x,) = floats(xp, x)
    return x * xp.clip(x + 3, 0, 6) / 6


@hardswish.grad
def hardswish_grad(g, x):
    return where(le(x, -3), 0, where(lt(x, 3), g * (x * (1 / 3) + 0.5), g))


@op
def gelu(xp, x, *, approximate="none"):
    """x times the share of a normal distribution below x; `tanh` is a quicker form near it: Hendrycks & Gimpel 2016."""
    (x,) = floats(xp, x)
    if approximate == "tanh":
        return 0.5 * x * (1 + xp.tanh(GELU_SLOPE * (x + GELU_CUBIC * x * x * x)))
    return 0.5 * x * erfc.kernel(xp, x * -ROOT_HALF)  # 1 + erf, with all its digits where x is far below 0


@gelu.spec
def gelu_spec(x, *, approximate="none"):
    check(approximate in ("none", "tanh"), "gelu's approximate is 'none' or 'tanh'", approximate=repr(approximate))
    return same_float(x)


@gelu.grad
def gelu_grad(g, x, approximate):
    if approximate == "tanh":
        t = tanh(GELU_SLOPE * (x + GELU_CUBIC * (x * x * x)))
        bend = GELU_SLOPE * (1 + (3 * GELU_CUBIC) * (x * x))
        return g * (0.5 * (1 + t) + (0.5 * x) * ((1 - t * t) * bend))
    share = 0.5 * (1 + erf(x * ROOT_HALF))
    return g * (share + x * (exp(x * x * -0.5) * NORMAL_PEAK))
