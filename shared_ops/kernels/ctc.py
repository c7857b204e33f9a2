"""Fast forms of ctc and its gradient, for float32: each sample by one thread, its states side by side in vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from shared_ops.ctc import check_values
from shared_ops.kernels.loops import PARALLEL
from shared_ops.kernels.scalar import COMPILED, INLINE, expf, f4, logf

FLOAT32, INT64 = np.dtype("float32"), np.dtype("int64")
SERIAL_BELOW = 4096 if PARALLEL else 1 << 62  # states at all times: each takes three exponentials and a logarithm
LOW = f4(-np.inf)


@njit(**INLINE)
def _log_sum(a, b, c):
    """log(e**a + e**b + e**c), -inf for three times -inf."""
    top = a if a > b else b
    top = c if c > top else top
    top = f4(0) if top == LOW else top
    return top + logf(expf(a - top) + expf(b - top) + expf(c - top))


@njit(**COMPILED)
def _states(targets, length, blank, classes, skips):
    """Each state's class; and 0 where it is reached from two states before, else -inf."""
    for k in range(2 * length + 1):
        classes[k] = targets[k // 2] if k % 2 else blank
        skips[k] = f4(0) if k % 2 and k > 1 and classes[k] != classes[k - 2] and classes[k] != blank else LOW


@njit(**COMPILED)
def _impossible(count):
    """So many logarithms of nothing; np.full takes Numba longer to compile."""
    out = np.empty(count, np.float32)
    for k in range(count):
        out[k] = LOW
    return out


@njit(**COMPILED)
def _gather(x, classes, states, out):
    for k in range(states):
        out[k] = x[classes[k]]


@njit(**COMPILED)
def _step(before, skips, emitted, states, out):
    """`before` has two states more, -inf, at its start; so has `out`, which is its next."""
    for k in range(states):
        out[k + 2] = _log_sum(before[k + 2], before[k + 1], before[k] + skips[k]) + emitted[k]


@njit(**COMPILED)
def _step_back(after, skips, states, out):
    """`after` has two states more, -inf, at its end, and so do `skips`; it counts what they emit."""
    for k in range(states):
        out[k] = _log_sum(after[k], after[k + 1], after[k + 2] + skips[k + 2])


@njit(**COMPILED)
def _likelihood(alpha, time, length):
    """Logarithm of the sum over all paths, from the last time's alpha; of a time before the first, without states."""
    if time < 0:
        return f4(0) if length == 0 else LOW
    return _log_sum(alpha[time, 2 * length], alpha[time, 2 * length - 1] if length else LOW, LOW)


@njit(**COMPILED)
def _one(x, targets, time, length, blank, alpha):
    """Write a sample's alpha, (t, l), and give the logarithm of its likelihood."""
    states = 2 * length + 1
    classes, skips = np.empty(states, np.int64), np.empty(states, np.float32)
    emitted = np.empty(states, np.float32)
    before, after = _impossible(states + 2), _impossible(states + 2)
    _states(targets, length, blank, classes, skips)
    for t in range(len(x)):
        _gather(x[t], classes, states, emitted)
        if t == 0:
            for k in range(min(states, 2)):
                after[k + 2] = emitted[k]
        else:
            _step(before, skips, emitted, states, after)
        for k in range(states):
            alpha[t, k] = after[k + 2]
        before, after = after, before
    return _likelihood(alpha, time - 1, length)


@njit(**COMPILED)
def _one_back(x, targets, time, length, blank, alpha, times, out):
    """Write a sample's gradient, (t, c), which is 0 so far."""
    states = 2 * length + 1
    classes, skips = np.empty(states, np.int64), _impossible(states + 2)
    emitted, beta = np.empty(states, np.float32), _impossible(states)
    after = _impossible(states + 2)
    _states(targets, length, blank, classes, skips)
    whole = _likelihood(alpha, time - 1, length)
    for k in range(max(0, states - 2), states):
        beta[k] = f4(0)
    for back in range(time):
        t = time - 1 - back
        if back:
            _step_back(after, skips, states, beta)
        _gather(x[t], classes, states, emitted)
        for k in range(states):
            after[k] = beta[k] + emitted[k]
            emitted[k] = expf(alpha[t, k] + beta[k] - whole) * times
        for k in range(states):
            out[t, classes[k]] -= emitted[k]


@njit(**COMPILED)
def _some(g, x, targets, times, lengths, blank, alpha, zero, out, back, n):
    """A sample's loss into g, or its gradient, by g, into out."""
    if not back:
        g[n] = -_one(x[:, n], targets[n], times[n], lengths[n], blank, alpha[:, n])
    elif _likelihood(alpha[:, n], times[n] - 1, lengths[n]) > LOW:
        _one_back(x[:, n], targets[n], times[n], lengths[n], blank, alpha[:, n], g[n], out[:, n])
    elif not zero:
        for t in range(times[n]):
            for k in range(out.shape[2]):
                out[t, n, k] = f4(np.nan)


@njit(parallel=True, **COMPILED)
def _all(g, x, targets, times, lengths, blank, alpha, zero, out, back):
    if alpha.size < SERIAL_BELOW:
        for n in range(g.size):
            _some(g, x, targets, times, lengths, blank, alpha, zero, out, back, n)
    else:
        for n in prange(g.size):
            _some(g, x, targets, times, lengths, blank, alpha, zero, out, back, np.int64(n))


def _prepared(log_probs: Any, *labels: Any) -> Any:
    """The inputs as dense arrays; None where this is not made for them. Raises SpecError for values out of range."""
    whole = all(x.dtype.kind in "iu" for x in labels)
    n = log_probs.shape[1:2] if log_probs.ndim == 3 else None
    fits = whole and labels[0].ndim == 2 and all(x.shape[:1] == n for x in labels) and log_probs.dtype == FLOAT32
    if not fits or not log_probs.size or any(x.ndim != 1 for x in labels[1:]):
        return None
    check_values(np, log_probs, *labels)
    return np.ascontiguousarray(log_probs), *[np.ascontiguousarray(x, INT64) for x in labels]


def ctc(log_probs, targets, input_lengths, target_lengths, *, blank=0, zero_infinity=False):
    ready = _prepared(log_probs, targets, input_lengths, target_lengths)
    if ready is None or not 0 <= blank < log_probs.shape[2]:
        return NotImplemented
    t, n, _ = log_probs.shape
    alpha, out = np.full((t, n, 2 * targets.shape[1] + 1), LOW), np.empty(n, FLOAT32)
    _all(out, *ready, blank, alpha, zero_infinity, np.empty((1, 1, 1), FLOAT32), False)
    if zero_infinity:
        out[out == np.inf] = 0
    return out, alpha


def ctc_back(g, log_probs, targets, input_lengths, target_lengths, alpha, *, blank=0, zero_infinity=False):
    ready = _prepared(log_probs, targets, input_lengths, target_lengths)
    shape = (*log_probs.shape[:2], 2 * targets.shape[1] + 1)
    floats = g.dtype == alpha.dtype == FLOAT32 and alpha.shape == shape and g.shape == shape[1:2]
    if ready is None or not floats or not 0 <= blank < log_probs.shape[2]:
        return NotImplemented
    out = np.zeros(log_probs.shape, FLOAT32)
    alpha = np.ascontiguousarray(alpha)
    _all(np.ascontiguousarray(g), *ready, blank, alpha, zero_infinity, out, True)
    return out


KERNELS = {"ctc": ctc, "ctc_back": ctc_back}
