"""Connectionist temporal classification: Graves et al. 2006. The likelihood of labels that nobody aligned with time.

A path gives one class a step of time, the blank among them; repeats and then blanks are dropped, and labels remain.
States are the labels with a blank before, between and after them, l = 2 s + 1; all sums are over logarithms.
"""

from __future__ import annotations

import numpy as np

from shared_ops.elementwise import cast, clamp, div, eq
from shared_ops.loss import check_reduction
from shared_ops.loss_functions import reduced
from shared_ops.op import op
from shared_ops.reduce import sum
from shared_ops.spec import FLOAT32, HALVES, Spec, SpecError, check, is_float, one_array


# states and steps ---------------------------------------------------------------------------------------------------
def check_values(xp, log_probs, targets, input_lengths, target_lengths):
    """Raise SpecError for a length or a label that is out of range, saying which."""
    t, _, c = log_probs.shape
    s = targets.shape[1]
    for what, lengths, most in (("input_lengths", input_lengths, t), ("target_lengths", target_lengths, s)):
        _refuse(xp, f"ctc needs {what} from 0 to {most}", lengths, (lengths < 0) | (lengths > most))
    inside = xp.arange(s)[None, :] < target_lengths[:, None]
    _refuse(xp, f"ctc needs labels from 0 to {c - 1}", targets, inside & ((targets < 0) | (targets >= c)))


def _refuse(xp, rule, values, bad):
    if bad.any():
        place = tuple(int(axis[0]) for axis in bad.nonzero())
        raise SpecError(f"{rule}; got {int(values[place])} at {list(place)}")


def _states(xp, log_probs, targets, input_lengths, target_lengths, blank):
    """Each state's class, and its log-probability at each time; whether it is reached from two before; ends; times."""
    check_values(xp, log_probs, targets, input_lengths, target_lengths)
    t, n, _ = log_probs.shape
    s = targets.shape[1]
    inside = xp.arange(s)[None, :] < target_lengths[:, None]
    classes = xp.full((n, 2 * s + 1), blank, dtype=np.int64)
    classes[:, 1::2] = xp.where(inside, targets, blank)
    emitted = xp.take_along_axis(log_probs, xp.broadcast_to(classes, (t, *classes.shape)), axis=2)
    place, last = xp.arange(2 * s + 1)[None, :], 2 * target_lengths[:, None]
    emitted = xp.where(place <= last, emitted, -np.inf)
    skips = xp.zeros(classes.shape, bool)
    skips[:, 2:] = (classes[:, 2:] != blank) & (classes[:, 2:] != classes[:, :-2])
    ends = (place == last) | (place == last - 1)
    return classes, emitted, skips, ends, xp.arange(t)[:, None] - (input_lengths - 1)[None, :]


def _moved(xp, x, by, ok=True):
    """The logarithms in x, `by` states on; -inf where none comes from, or must not."""
    out = xp.full(x.shape, -np.inf, x.dtype)
    if by > 0:
        out[:, by:] = x[:, :-by]
    else:
        out[:, :by] = x[:, -by:]
    return xp.where(ok, out, -np.inf)


def _ways(xp, x, skips, on):
    """What flows into each state: it stays, comes from its neighbour, or from the one beyond."""
    if on > 0:
        return x, _moved(xp, x, 1), _moved(xp, x, 2, skips)
    return x, _moved(xp, x, -1), _moved(xp, xp.where(skips, x, -np.inf), -2)


def _forward(xp, emitted, skips, target_lengths):
    """Log-probability of all beginnings of paths, up to each time and state: (t, n, l)."""
    alpha = xp.full(emitted.shape, -np.inf, emitted.dtype)
    if len(emitted):
        alpha[0, :, 0] = emitted[0, :, 0]
        alpha[0, :, 1:2] = xp.where(target_lengths[:, None] > 0, emitted[0, :, 1:2], -np.inf)
    for t in range(1, len(emitted)):
        a, b, c = _ways(xp, alpha[t - 1], skips, 1)
        alpha[t] = xp.logaddexp(xp.logaddexp(a, b), c) + emitted[t]
    return alpha


def _backward(xp, emitted, skips, ends, late):
    """Log-probability of all rests of paths, after each time and state: (t, n, l)."""
    beta = xp.full(emitted.shape, -np.inf, emitted.dtype)
    for t in reversed(range(len(emitted))):
        if t + 1 < len(emitted):
            a, b, c = _ways(xp, beta[t + 1] + emitted[t + 1], skips, -1)
            beta[t] = xp.logaddexp(xp.logaddexp(a, b), c)
        begins = xp.where(ends, 0, -np.inf)
        beta[t] = xp.where(late[t][:, None] == 0, begins, beta[t])
        beta[t] = xp.where(late[t][:, None] > 0, -np.inf, beta[t])
    return beta


def _likelihood(xp, alpha, ends, input_lengths, target_lengths):
    """Logarithm of the sum over all paths: (n,)."""
    if not len(alpha):
        return xp.where(target_lengths == 0, 0.0, -np.inf).astype(alpha.dtype)
    last = xp.take_along_axis(alpha, xp.maximum(input_lengths - 1, 0)[None, :, None], axis=0)[0]
    last = xp.where(ends, last, -np.inf)
    whole = _log_sum(xp, last)
    nothing = xp.where(target_lengths == 0, 0.0, -np.inf)
    return xp.where(input_lengths > 0, whole, nothing).astype(alpha.dtype)


def _log_sum(xp, x):
    top = x.max(axis=1, keepdims=True)
    top = xp.where(top == -np.inf, xp.zeros_like(top), top)
    total = xp.exp(x - top).sum(axis=1)
    return xp.where(total > 0, xp.log(xp.where(total > 0, total, 1)) + top[:, 0], -np.inf)


def _shares(xp, alpha, beta, likelihood):
    """The share of paths that are in each state at each time: (t, n, l); 0 where there is no path at all."""
    some = (likelihood > -np.inf)[None, :, None]
    whole = xp.where(some, likelihood[None, :, None], 0)
    return xp.where(some, xp.exp(alpha + beta - whole), 0)


def _by_class(xp, x, classes, c):
    """Sums of the states of one class: (t, n, l) -> (t, n, c)."""
    hot = (classes[:, :, None] == xp.arange(c)).astype(x.dtype)
    return xp.matmul(x.transpose(1, 0, 2), hot).transpose(1, 0, 2)


# the loss -----------------------------------------------------------------------------------------------------------
def _check_ctc(name, log_probs, targets, input_lengths, target_lengths, blank):
    floats = is_float(one_array(log_probs).dtype) and log_probs.dtype.kind != "c"
    check(floats and log_probs.ndim == 3, f"{name} needs log-probabilities (t, n, c)", log_probs=log_probs)
    n, whole = log_probs.shape[1:2], {"targets": targets, "input_lengths": input_lengths}
    for what, x in {**whole, "target_lengths": target_lengths}.items():
        check(one_array(x).dtype.kind in "iu", f"{name} needs whole numbers", **{what: x})
    check(targets.ndim == 2 and targets.shape[:1] == n, f"{name} needs a row of labels per sample", targets=targets)
    for what, x in (("input_lengths", input_lengths), ("target_lengths", target_lengths)):
        check(x.shape == n, f"{name} needs a length per sample", log_probs=log_probs, **{what: x})
    c = log_probs.shape[2]
    fine = isinstance(blank, int) and (not isinstance(c, int) or 0 <= blank < c)
    check(fine, f"{name} needs a blank that is a class", blank=blank, log_probs=log_probs)


def _alpha_spec(log_probs, targets):
    t, n, _ = log_probs.shape
    dtype = FLOAT32 if log_probs.dtype in HALVES else log_probs.dtype
    return Spec((t, n, targets.shape[1] * 2 + 1), dtype)


@op(outputs=("out", "alpha"))
def ctc(xp, log_probs, targets, input_lengths, target_lengths, *, blank=0, zero_infinity=False):
    """-log of the probability of each sample's labels, in nats: (t, n, c), (n, s), (n,), (n,) -> (n,).

    With zero_infinity it is 0, and so is its gradient, where no path gives the labels. Gives the log-probability of
    all beginnings of paths too, (t, n, 2 s + 1).
    """
    how = xp, log_probs, targets, input_lengths, target_lengths, blank
    _, emitted, skips, ends, _ = _states(*how)
    alpha = _forward(xp, emitted, skips, target_lengths)
    losses = -_likelihood(xp, alpha, ends, input_lengths, target_lengths)
    return (xp.where(losses == np.inf, 0, losses) if zero_infinity else losses).astype(log_probs.dtype), alpha


@ctc.spec
def ctc_spec(log_probs, targets, input_lengths, target_lengths, *, blank=0, zero_infinity=False):
    _check_ctc("ctc", log_probs, targets, input_lengths, target_lengths, blank)
    return Spec(log_probs.shape[1:2], log_probs.dtype), _alpha_spec(log_probs, targets)


@ctc.grad
def ctc_grad(g, log_probs, targets, input_lengths, target_lengths, alpha, blank, zero_infinity):
    how = {"blank": blank, "zero_infinity": zero_infinity}
    return ctc_back(g, log_probs, targets, input_lengths, target_lengths, alpha, **how), None, None, None


@op
def ctc_back(xp, g, log_probs, targets, input_lengths, target_lengths, alpha, *, blank=0, zero_infinity=False):
    """The gradient of ctc's log-probabilities, from its output's g and its alpha: minus each class's share of paths."""
    classes, emitted, skips, ends, late = _states(xp, log_probs, targets, input_lengths, target_lengths, blank)
    beta = _backward(xp, emitted, skips, ends, late)
    likelihood = _likelihood(xp, alpha, ends, input_lengths, target_lengths)
    shares = _shares(xp, alpha, beta, likelihood)
    out = _by_class(xp, shares, classes, log_probs.shape[2]) * -g[None, :, None]
    return _unless_impossible(xp, out, likelihood, late, zero_infinity).astype(log_probs.dtype)


def _unless_impossible(xp, out, likelihood, late, zero_infinity):
    """Where there is no path the gradient is 0 by zero_infinity, else NaN, as in PyTorch; after the end it is 0."""
    instead = 0 if zero_infinity else np.nan
    out = xp.where((likelihood == -np.inf)[None, :, None], instead, out)
    return xp.where((late > 0)[:, :, None], 0, out)


@ctc_back.spec
def ctc_back_spec(g, log_probs, targets, input_lengths, target_lengths, alpha, *, blank=0, zero_infinity=False):
    _check_ctc("ctc_back", log_probs, targets, input_lengths, target_lengths, blank)
    check(one_array(g).shape == log_probs.shape[1:2], "ctc_back needs a gradient for each loss", g=g)
    fits = one_array(alpha).shape == _alpha_spec(log_probs, targets).shape
    check(fits, "ctc_back needs an alpha for each time and state, (t, n, 2 s + 1)", alpha=alpha)
    return log_probs


@ctc_back.grad
def ctc_back_grad(u, g, log_probs, targets, input_lengths, target_lengths, alpha, blank, zero_infinity):
    """alpha counts as made of the log-probabilities, not as an input of its own."""
    labels, how = (targets, input_lengths, target_lengths), {"blank": blank, "zero_infinity": zero_infinity}
    ones = cast(eq(input_lengths, input_lengths), dtype=log_probs.dtype.name)
    to_g = sum(u * ctc_back(ones, log_probs, *labels, alpha, **how), axis=(0, 2))
    return to_g, ctc_curvature(u, g, log_probs, *labels, **how), None, None, None, None


@op
def ctc_curvature(xp, u, g, log_probs, targets, input_lengths, target_lengths, *, blank=0, zero_infinity=False):
    """How ctc_back changes as the log-probabilities move along u: (t, n, c), (n,), (t, n, c), … -> (t, n, c).

    Both recursions are differentiated along u, step by step. It has no gradient of its own.
    """
    classes, emitted, skips, ends, late = _states(xp, log_probs, targets, input_lengths, target_lengths, blank)
    moves = xp.take_along_axis(u, xp.broadcast_to(classes, (len(u), *classes.shape)), axis=2)
    alpha, beta = _forward(xp, emitted, skips, target_lengths), _backward(xp, emitted, skips, ends, late)
    d_alpha, d_beta = moves.copy(), xp.zeros_like(moves)
    for t in range(1, len(moves)):
        d_alpha[t] += _mixed(xp, alpha[t - 1], d_alpha[t - 1], skips, 1)
    for t in reversed(range(len(moves) - 1)):
        mixed = _mixed(xp, beta[t + 1] + emitted[t + 1], d_beta[t + 1] + moves[t + 1], skips, -1)
        d_beta[t] = xp.where(late[t][:, None] < 0, mixed, 0)
    likelihood = _likelihood(xp, alpha, ends, input_lengths, target_lengths)
    shares = _shares(xp, alpha, beta, likelihood)
    change = shares * (d_alpha + d_beta)
    change = change - shares * change.sum(axis=2, keepdims=True)  # the shares of one time are 1 together, and stay so
    out = _by_class(xp, change, classes, log_probs.shape[2]) * -g[None, :, None]
    return _unless_impossible(xp, out, likelihood, late, zero_infinity).astype(log_probs.dtype)


def _mixed(xp, x, moves, skips, on):
    """The slope of the logarithm of a sum: a mean of what flows in, weighed by its share."""
    ways = _ways(xp, x, skips, on)
    top = xp.maximum(xp.maximum(ways[0], ways[1]), ways[2])
    top = xp.where(top == -np.inf, 0, top)
    weights = [xp.exp(way - top) for way in ways]
    moved = [moves, _moved(xp, moves, on), _moved(xp, moves, 2 * on)]
    moved = [xp.where(w > 0, m, 0) for w, m in zip(weights, moved, strict=True)]
    total = weights[0] + weights[1] + weights[2]
    mixed = weights[0] * moved[0] + weights[1] * moved[1] + weights[2] * moved[2]
    return mixed / xp.where(total > 0, total, 1)


@ctc_curvature.spec
def ctc_curvature_spec(u, g, log_probs, targets, input_lengths, target_lengths, *, blank=0, zero_infinity=False):
    _check_ctc("ctc_curvature", log_probs, targets, input_lengths, target_lengths, blank)
    fits = one_array(u).shape == log_probs.shape and one_array(g).shape == log_probs.shape[1:2]
    check(fits, "ctc_curvature needs a direction like the log-probabilities, and a number for each loss", u=u, g=g)
    return log_probs


def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean", zero_infinity=False):
    """ctc by PyTorch's name; the mean is over the batch, of losses divided by the number of their labels."""
    check_reduction(reduction)
    how = {"blank": blank, "zero_infinity": zero_infinity}
    losses = ctc(log_probs, targets, input_lengths, target_lengths, **how)[0]
    if reduction == "mean":
        losses = div(losses, cast(clamp(target_lengths, min=1), dtype=losses.dtype.name))
    return reduced(losses, reduction)
