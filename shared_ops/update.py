"""Optimiser updates as ops: parameters, gradients and state in, new parameters and state out.

The learning rate is an input, so that a schedule can feed it; the other settings are fixed for a run.
"""

from __future__ import annotations

import math

from shared_ops.op import op
from shared_ops.spec import Spec, check


def _fits(name, p, g, *state):
    for other in (g, *state):
        check(other.shape == p.shape, f"{name} needs gradient and state to have the parameter's shape", p=p, came=other)
    return Spec(p.shape, p.dtype)


@op
def sgd(xp, p, g, lr, *, weight_decay=0.0):
    """Gradient descent: p - lr * (g + weight_decay * p)."""
    if weight_decay:
        g = g + weight_decay * p
    return (p - float(lr) * g).astype(p.dtype, copy=False)


@sgd.spec
def sgd_spec(p, g, lr, *, weight_decay=0.0):
    return _fits("sgd", p, g)


@op(outputs=("out", "momentum_buffer"))
def sgd_momentum(xp, p, g, buffer, lr, *, momentum, dampening=0.0, nesterov=False, weight_decay=0.0):
    """Gradient descent with momentum, as torch.optim.SGD has it; the buffer starts as zeros (Sutskever et al. 2013)."""
    if weight_decay:
        g = g + weight_decay * p
    buffer = momentum * buffer + (1 - dampening) * g
    step = g + momentum * buffer if nesterov else buffer
    return (p - float(lr) * step).astype(p.dtype, copy=False), buffer.astype(p.dtype, copy=False)


@sgd_momentum.spec
def sgd_momentum_spec(p, g, buffer, lr, *, momentum, dampening=0.0, nesterov=False, weight_decay=0.0):
    out = _fits("sgd_momentum", p, g, buffer)
    return out, out


@op(outputs=("out", "mean", "variance"))
def adam(xp, p, g, mean, variance, step, lr, *, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    """Adam; `step` counts from 1: Kingma & Ba 2015, algorithm 1."""
    if weight_decay:
        g = g + weight_decay * p
    mean = beta1 * mean + (1 - beta1) * g
    variance = beta2 * variance + (1 - beta2) * xp.square(g)
    step = float(step)
    size = float(lr) / (1 - beta1**step)
    scale = math.sqrt(1 - beta2**step)
    new = p - size * (mean / (xp.sqrt(variance) / scale + eps))
    return tuple(a.astype(p.dtype, copy=False) for a in (new, mean, variance))


@adam.spec
def adam_spec(p, g, mean, variance, step, lr, *, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    out = _fits("adam", p, g, mean, variance)
    return out, out, out
