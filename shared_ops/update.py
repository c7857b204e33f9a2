"""Optimiser updates as ops: parameters, gradients and state in, new parameters and state out.

The learning rate is an input, so that a schedule can feed it; the other settings are fixed for a run. `apply_updates`
makes the same changes in place, for many parameters at once.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shared_ops.device import array_module
from shared_ops.op import Op, op
from shared_ops.spec import Spec, check, is_float


def _fits(name: str, p: Any, *others: Any, **scalars: Any) -> Spec:
    """The parameter's Spec, when gradient and state go with it and the scalars are numbers."""
    check(isinstance(p, Spec) and is_float(p.dtype), f"{name} needs a parameter of floats", p=p)
    for other in others:
        ok = isinstance(other, Spec) and other.shape == p.shape
        check(ok, f"{name} needs gradient and state to have the parameter's shape", p=p, came=other)
    for key, scalar in scalars.items():
        check(not isinstance(scalar, Spec) or scalar.shape == (), f"{name} needs {key} as one number", **{key: scalar})
    return p


def _decayed(p: Any, g: Any, weight_decay: float) -> Any:
    return g + weight_decay * p if weight_decay else g


def _like(p: Any, *results: Any) -> tuple[Any, ...]:
    return tuple(a.astype(p.dtype, copy=False) for a in results)


# gradient descent -------------------------------------------------------------------------------------------------
@op
def sgd(xp, p, g, lr, *, weight_decay=0.0):
    """Gradient descent: p - lr * (g + weight_decay * p)."""
    return _like(p, p - float(lr) * _decayed(p, g, weight_decay))[0]


@sgd.spec
def sgd_spec(p, g, lr, *, weight_decay=0.0):
    return _fits("sgd", p, g, lr=lr)


@op(outputs=("out", "momentum_buffer"))
def sgd_momentum(xp, p, g, buffer, lr, *, momentum, dampening=0.0, nesterov=False, weight_decay=0.0):
    """Gradient descent with momentum, as torch.optim.SGD has it; the buffer starts as zeros (Sutskever et al. 2013)."""
    g = _decayed(p, g, weight_decay)
    buffer = momentum * buffer + (1 - dampening) * g
    step = g + momentum * buffer if nesterov else buffer
    return _like(p, p - float(lr) * step, buffer)


@sgd_momentum.spec
def sgd_momentum_spec(p, g, buffer, lr, *, momentum, dampening=0.0, nesterov=False, weight_decay=0.0):
    return (_fits("sgd_momentum", p, g, buffer, lr=lr),) * 2


# by the gradients' averages ---------------------------------------------------------------------------------------
def adam_sizes(step: Any, lr: Any, beta1: float, beta2: float) -> tuple[float, float]:
    """Adam's step size with the mean's bias corrected, and what the variance's root is divided by."""
    return float(lr) / (1 - beta1 ** float(step)), math.sqrt(1 - beta2 ** float(step))


def _averages(xp: Any, g: Any, mean: Any, variance: Any, beta1: float, beta2: float) -> tuple[Any, Any]:
    return beta1 * mean + (1 - beta1) * g, beta2 * variance + (1 - beta2) * xp.square(g)


@op(outputs=("out", "mean", "variance"))
def adam(xp, p, g, mean, variance, step, lr, *, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    """Adam; `step` counts from 1: Kingma & Ba 2015, algorithm 1."""
    mean, variance = _averages(xp, _decayed(p, g, weight_decay), mean, variance, beta1, beta2)
    size, scale = adam_sizes(step, lr, beta1, beta2)
    return _like(p, p - size * (mean / (xp.sqrt(variance) / scale + eps)), mean, variance)


@adam.spec
def adam_spec(p, g, mean, variance, step, lr, *, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    return (_fits("adam", p, g, mean, variance, step=step, lr=lr),) * 3


@op(outputs=("out", "mean", "variance"))
def adamw(xp, p, g, mean, variance, step, lr, *, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    """Adam with weight decay apart from the averages: Loshchilov & Hutter 2019, algorithm 2."""
    mean, variance = _averages(xp, g, mean, variance, beta1, beta2)
    size, scale = adam_sizes(step, lr, beta1, beta2)
    kept = (1 - float(lr) * weight_decay) * p
    return _like(p, kept - size * (mean / (xp.sqrt(variance) / scale + eps)), mean, variance)


@adamw.spec
def adamw_spec(p, g, mean, variance, step, lr, *, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    return (_fits("adamw", p, g, mean, variance, step=step, lr=lr),) * 3


@functools.lru_cache(64)
def _momentum_product(steps: int, beta1: float, momentum_decay: float) -> float:
    """The product of NAdam's momenta over the first steps."""
    return math.prod(_nadam_momentum(t, beta1, momentum_decay) for t in range(1, steps + 1))


def _nadam_momentum(step: float, beta1: float, momentum_decay: float) -> float:
    return beta1 * (1 - 0.5 * 0.96 ** (step * momentum_decay))


@op(outputs=("out", "mean", "variance"))
def nadam(
    xp, p, g, mean, variance, step, lr, *, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0, momentum_decay=4e-3
):
    """Adam with Nesterov's momentum; `step` counts from 1: Dozat 2016, algorithm 8, as torch.optim.NAdam has it."""
    g = _decayed(p, g, weight_decay)
    mean, variance = _averages(xp, g, mean, variance, beta1, beta2)
    root = xp.sqrt(variance) / math.sqrt(1 - beta2 ** float(step)) + eps
    now, following = (_nadam_momentum(float(step) + i, beta1, momentum_decay) for i in (0, 1))
    product = _momentum_product(int(step), beta1, momentum_decay)
    of_g, of_mean = float(lr) * (1 - now) / (1 - product), float(lr) * following / (1 - product * following)
    return _like(p, p - (of_g * g + of_mean * mean) / root, mean, variance)


@nadam.spec
def nadam_spec(
    p, g, mean, variance, step, lr, *, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0, momentum_decay=4e-3
):
    return (_fits("nadam", p, g, mean, variance, step=step, lr=lr),) * 3


@op(outputs=("out", "mean", "variance"))
def radam(xp, p, g, mean, variance, step, lr, *, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    """Adam that divides by the variance's root once that is known well; `step` counts from 1: Liu et al. 2020."""
    mean, variance = _averages(xp, _decayed(p, g, weight_decay), mean, variance, beta1, beta2)
    t = float(step)
    size, rest = float(lr) / (1 - beta1**t), 1 - beta2**t
    most = 2 / (1 - beta2) - 1
    length = most - 2 * t * beta2**t / rest  # of the simple average that the exponential one stands for
    if length <= 5:
        return _like(p, p - size * mean, mean, variance)
    shares = (length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)
    return _like(p, p - size * math.sqrt(shares * rest) * (mean / (xp.sqrt(variance) + eps)), mean, variance)


@radam.spec
def radam_spec(p, g, mean, variance, step, lr, *, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    return (_fits("radam", p, g, mean, variance, step=step, lr=lr),) * 3


@op(outputs=("out", "mean", "variance"))
def lamb(xp, p, g, mean, variance, step, lr, *, beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0.0):
    """Adam's step, made as long as lr times the parameter: You et al. 2020, algorithm 2."""
    mean, variance = _averages(xp, g, mean, variance, beta1, beta2)
    corrected, scale = 1 - beta1 ** float(step), math.sqrt(1 - beta2 ** float(step))
    change = mean / corrected / (xp.sqrt(variance) / scale + eps) + weight_decay * p
    length, change_length = (math.sqrt(float(xp.square(a.astype("float64")).sum())) for a in (p, change))
    trust = length / change_length if length > 0 and change_length > 0 else 1.0
    return _like(p, p - float(lr) * trust * change, mean, variance)


@lamb.spec
def lamb_spec(p, g, mean, variance, step, lr, *, beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0.0):
    return (_fits("lamb", p, g, mean, variance, step=step, lr=lr),) * 3


@op(outputs=("out", "mean"))
def lion(xp, p, g, mean, lr, *, beta1=0.9, beta2=0.99, weight_decay=0.0):
    """A step of lr in each direction, by the sign of an average: Chen et al. 2023, algorithm 2."""
    step = xp.sign(beta1 * mean + (1 - beta1) * g)
    mean = beta2 * mean + (1 - beta2) * g
    return _like(p, (1 - float(lr) * weight_decay) * p - float(lr) * step, mean)


@lion.spec
def lion_spec(p, g, mean, lr, *, beta1=0.9, beta2=0.99, weight_decay=0.0):
    return (_fits("lion", p, g, mean, lr=lr),) * 2


# by the gradients' squares ----------------------------------------------------------------------------------------
@op(outputs=("out", "square", "average", "momentum_buffer"))
def rmsprop(
    xp, p, g, square, average, buffer, lr, *, alpha=0.99, eps=1e-8, centered=False, momentum=0.0, weight_decay=0.0
):
    """RMSprop: Hinton 2012, lecture 6e; centered: Graves 2013. Without either, average or buffer stay as they are."""
    g = _decayed(p, g, weight_decay)
    square = alpha * square + (1 - alpha) * xp.square(g)
    average = alpha * average + (1 - alpha) * g if centered else average.copy()
    step = g / (xp.sqrt(square - xp.square(average) if centered else square) + eps)
    buffer = momentum * buffer + step if momentum else buffer.copy()
    return _like(p, p - float(lr) * (buffer if momentum else step), square, average, buffer)


@rmsprop.spec
def rmsprop_spec(
    p, g, square, average, buffer, lr, *, alpha=0.99, eps=1e-8, centered=False, momentum=0.0, weight_decay=0.0
):
    return (_fits("rmsprop", p, g, square, average, buffer, lr=lr),) * 4


@op(outputs=("out", "total"))
def adagrad(xp, p, g, total, step, lr, *, lr_decay=0.0, eps=1e-10, weight_decay=0.0):
    """Adagrad; `step` counts from 1: Duchi et al. 2011."""
    g = _decayed(p, g, weight_decay)
    total = total + xp.square(g)
    size = float(lr) / (1 + (float(step) - 1) * lr_decay)
    return _like(p, p - size * (g / (xp.sqrt(total) + eps)), total)


@adagrad.spec
def adagrad_spec(p, g, total, step, lr, *, lr_decay=0.0, eps=1e-10, weight_decay=0.0):
    return (_fits("adagrad", p, g, total, step=step, lr=lr),) * 2


@op(outputs=("out", "square", "change"))
def adadelta(xp, p, g, square, change, lr, *, rho=0.9, eps=1e-6, weight_decay=0.0):
    """Adadelta: Zeiler 2012, algorithm 1, and a learning rate."""
    g = _decayed(p, g, weight_decay)
    square = rho * square + (1 - rho) * xp.square(g)
    step = xp.sqrt(change + eps) / xp.sqrt(square + eps) * g
    change = rho * change + (1 - rho) * xp.square(step)
    return _like(p, p - float(lr) * step, square, change)


@adadelta.spec
def adadelta_spec(p, g, square, change, lr, *, rho=0.9, eps=1e-6, weight_decay=0.0):
    return (_fits("adadelta", p, g, square, change, lr=lr),) * 3


# in place -----------------------------------------------------------------------------------------------------------
@functools.cache
def _kernels() -> Any:
    """The compiled updates, unless they are turned off."""
    if os.environ.get("LOCKSTEP_KERNELS", "fast") == "numpy":
        return None
    from shared_ops.kernels import update

    return update


def apply_updates(op: Op, rows: Sequence[tuple[Any, ...]], scalars: Sequence[Any], settings: Mapping[str, Any]) -> None:
    """Change parameters and state in place to what `op` gives for them, to the bit.

    A row is (p, g, *state), arrays of one shape; `scalars` are the op's other inputs. Contiguous float32 arrays on the
    CPU that do not overlap are done together, in one call; any other row by the op, and its results are copied.
    """
    kernels = _kernels()
    if not rows or (kernels and kernels.in_place(op, rows, scalars, settings)):
        return
    for row in rows:
        if kernels and len(rows) > 1 and kernels.in_place(op, [row], scalars, settings):
            continue
        op.check((*row, *scalars), settings)
        out = op.compute(*row, *scalars, **settings)
        for array, values in zip((row[0], *row[2:]), out if isinstance(out, tuple) else (out,), strict=True):
            array[...] = values


def clip_grad_norm(grads: Sequence[Any], max_norm: float, norm_type: float = 2.0) -> float:
    """Scale gradients in place, all by one factor, so that the norm of all their elements is at most max_norm.

    Returns the norm that they had. The factor is torch.nn.utils.clip_grad_norm_'s: max_norm / (norm + 1e-6), at most 1.
    """
    norm_type, kernels = float(norm_type), _kernels()
    check(norm_type > 0, "clip_grad_norm needs norm_type above 0", norm_type=norm_type)
    if not grads:
        return 0.0
    norm = kernels.norm(grads, norm_type) if kernels else None
    if norm is None:
        norm = _norm(grads, norm_type)
    factor = float(max_norm) / (norm + 1e-6)
    if not factor >= 1 and not (kernels and kernels.scaled(grads, factor)):
        for g in grads:
            g *= factor
    return norm


def _norm(arrays: Sequence[Any], norm_type: float) -> float:
    sizes = [array_module((a,)).absolute(a).astype("float64") for a in arrays if a.size]
    if norm_type == math.inf:
        return float(np.max([float(a.max()) for a in sizes], initial=0.0))
    return math.fsum(float((a**norm_type).sum()) for a in sizes) ** (1 / norm_type)
