"""Fast forms of attention and its gradients, for float32: a head at a time, from scores to result in the core's cache.

Under a causal mask the half of each product that is zero is left out. A thread takes a head.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from shared_ops.kernels.norm import FLOAT32, fits, flat
from shared_ops.kernels.planes import COMPILED, LANES, sum_of
from shared_ops.kernels.scalar import expf, f4
from shared_ops.kernels.vector import fused, larger, largest, load, load_16, spread, stay_alone, store, store_16, total

i8 = np.int64  # a constant, or a parallel loop's number, as itself would have functions compiled anew
ROWS, COLUMNS = 4, 2 * LANES  # of the part of a product that stays in registers
ALL, LOWER, UPPER, LOWER_OUT = 0, 1, 2, 3  # which part of the first factor, or of the product, is not zero


@njit(**COMPILED)
def _corner(a, a_first, a_row, a_column, b, b_first, b_row, out, o_first, rows, width, low, high, j):
    """The same as below for what is less than 4 rows or 32 columns: row by row."""
    stay_alone()
    for i in range(rows):
        for at in range(j, min(j + COLUMNS, width), LANES):
            s = spread(f4(0))
            for k in range(low, high):
                x, row = spread(a[a_first + i * a_row + k * a_column]), b_first + k * b_row
                s = fused(x, load(b, row + at, row + width, f4(0)), s)
            store(out, o_first + i * width + at, o_first + (i + 1) * width, s)


@njit(**COMPILED)
def _product(a, a_first, a_row, a_column, b, b_first, out, o_first, m, n, inner, part):
    """out = a b, (m, inner), (inner, n) -> (m, n); b and out are dense, a may be turned by its steps."""
    stay_alone()
    for i in range(0, m, ROWS):
        low = min(i, inner) if part == UPPER else 0
        high = min(inner, i + ROWS) if part == LOWER else inner
        wide = min(n, i + ROWS) if part == LOWER_OUT else n
        here, there = a_first + i * a_row, o_first + i * n
        for j in range(0, wide, COLUMNS):
            if i + ROWS > m or j + COLUMNS > n:
                rows = min(ROWS, m - i)
                _corner(a, here, a_row, a_column, b, b_first, n, out, there, rows, n, low, high, j)
                continue
            zero = spread(f4(0))
            s00, s01, s10, s11, s20, s21, s30, s31 = zero, zero, zero, zero, zero, zero, zero, zero
            for k in range(low, high):
                x, y = load_16(b, b_first + k * n + j), load_16(b, b_first + k * n + j + LANES)
                at = here + k * a_column
                r = spread(a[at])
                s00, s01 = fused(r, x, s00), fused(r, y, s01)
                r = spread(a[at + a_row])
                s10, s11 = fused(r, x, s10), fused(r, y, s11)
                r = spread(a[at + 2 * a_row])
                s20, s21 = fused(r, x, s20), fused(r, y, s21)
                r = spread(a[at + 3 * a_row])
                s30, s31 = fused(r, x, s30), fused(r, y, s31)
            at = there + j
            store_16(out, at, s00)
            store_16(out, at + LANES, s01)
            store_16(out, at + n, s10)
            store_16(out, at + n + LANES, s11)
            store_16(out, at + 2 * n, s20)
            store_16(out, at + 2 * n + LANES, s21)
            store_16(out, at + 3 * n, s30)
            store_16(out, at + 3 * n + LANES, s31)


@njit(**COMPILED)
def _turned(x, first, rows, columns):
    """A dense matrix with its rows as columns."""
    stay_alone()
    out = np.empty(rows * columns, np.float32)
    for i in range(rows):
        for j in range(columns):
            out[j * rows + i] = x[first + i * columns + j]
    return out


@njit(**COMPILED)
def _shares(x, mask, first, mask_first, count, s, scale):
    """softmax in place of the first `count` of a row of s scores, times scale, plus the mask; the others become 0."""
    stay_alone()
    end, factor = first + count, spread(scale)
    top = spread(f4(-np.inf))
    for i in range(first, end, LANES):
        y = load(x, i, end, f4(-np.inf)) * factor
        if mask.size:
            y = y + load(mask, mask_first + i - first, mask_first + count, f4(-np.inf))
        store(x, i, end, y)
        top = larger(load(x, i, end, f4(-np.inf)), top)
    peak = largest(top)
    peak = f4(0) if peak == f4(-np.inf) else peak
    row = x[first:end]  # from 0 on: no index can be negative, which lets LLVM vectorise
    for i in range(row.size):
        row[i] = expf(row[i] - peak)
    whole = sum_of(x, first, end)
    factor = spread(f4(1) / (f4(1) if whole == f4(0) else whole))
    for i in range(first, end, LANES):
        store(x, i, end, load(x, i, end, f4(0)) * factor)
    for i in range(end, first + s):
        x[i] = f4(0)


@njit(**COMPILED)
def _head(q, k, v, mask, out, weights, l, s, e, d, scale, causal, head):
    stay_alone()
    one, none = i8(1), i8(0)
    at = head * l * s
    turned = _turned(k, head * s * e, s, e)
    _product(q, head * l * e, e, one, turned, none, weights, at, l, s, e, LOWER_OUT if causal else ALL)
    mask_first = at if mask.size > l * s else 0
    for i in range(l):
        count = min(i + 1, s) if causal else s
        _shares(weights, mask, at + i * s, mask_first + i * s, count, s, scale)
    _product(weights, at, s, one, v, head * s * d, out, head * l * d, l, d, s, LOWER if causal else ALL)


@njit(parallel=True, **COMPILED)
def _heads(q, k, v, mask, out, weights, heads, l, s, e, d, scale, causal):
    for head in prange(heads):
        _head(q, k, v, mask, out, weights, l, s, e, d, scale, causal, i8(head))


@njit(**COMPILED)
def _slopes(x, weights, first, at, count, s, scale):
    """Gradients of a row's weights into those of its scores, in place."""
    stay_alone()
    end, a = first + count, spread(f4(0))
    for i in range(first, end, LANES):
        a = a + load(x, i, end, f4(0)) * load(weights, at + i - first, at + count, f4(0))
    mean, factor = spread(total(a)), spread(scale)
    for i in range(first, end, LANES):
        y = (load(x, i, end, f4(0)) - mean) * load(weights, at + i - first, at + count, f4(0))
        store(x, i, end, y * factor)
    for i in range(end, first + s):
        x[i] = f4(0)


@njit(**COMPILED)
def _head_back(g, q, k, v, weights, dq, dk, dv, l, s, e, d, scale, causal, head):
    stay_alone()
    one, none = i8(1), i8(0)
    at, slopes = head * l * s, np.empty(l * s, np.float32)
    lower, upper = (LOWER, UPPER) if causal else (ALL, ALL)
    of_g, of_q, of_k, of_v = head * l * d, head * l * e, head * s * e, head * s * d
    turned = _turned(v, of_v, s, d)
    _product(g, of_g, d, one, turned, none, slopes, none, l, s, d, LOWER_OUT if causal else ALL)
    for i in range(l):
        _slopes(slopes, weights, i * s, at + i * s, min(i + 1, s) if causal else s, s, scale)
    _product(slopes, none, s, one, k, of_k, dq, of_q, l, e, s, lower)
    _product(slopes, none, one, s, q, of_q, dk, of_k, s, e, l, upper)
    _product(weights, at, one, s, g, of_g, dv, of_v, s, d, l, upper)


@njit(parallel=True, **COMPILED)
def _heads_back(g, q, k, v, weights, dq, dk, dv, heads, l, s, e, d, scale, causal):
    for head in prange(heads):
        _head_back(g, q, k, v, weights, dq, dk, dv, l, s, e, d, scale, causal, i8(head))


def _added(mask, shape):
    """The mask as numbers to add: none, one for all heads, or one for each; None where it does not fit."""
    if not hasattr(mask, "dtype"):
        return np.empty(0, FLOAT32) if mask == 0 else None
    if not 2 <= mask.ndim <= len(shape):
        return None
    if mask.dtype.kind == "b":
        mask = np.where(mask, f4(0), f4(-np.inf))
    alone = math.prod(mask.shape[:-2]) == 1
    return flat(np.broadcast_to(mask.reshape(mask.shape[-2:]), shape[-2:]) if alone else np.broadcast_to(mask, shape))


def _usable(q, k, v):
    """Whether the heads are the same, and keys fit queries and values."""
    heads = q.ndim >= 2 and q.shape[:-2] == k.shape[:-2] == v.shape[:-2]
    return heads and q.shape[-1] == k.shape[-1] and k.shape[-2] == v.shape[-2] and fits(q, k, v) and k.size and v.size


def _sizes(q, k, v):
    return math.prod(q.shape[:-2]), q.shape[-2], k.shape[-2], q.shape[-1], v.shape[-1]


def attention(q, k, v, mask, *, is_causal=False, scale=None):
    floats = getattr(mask, "dtype", None) in (None, bool, FLOAT32)
    if not (floats and _usable(q, k, v)):
        return NotImplemented
    sizes = _sizes(q, k, v)
    out = np.empty((*q.shape[:-1], v.shape[-1]), FLOAT32)
    weights = np.empty((*q.shape[:-1], k.shape[-2]), FLOAT32)
    added = _added(mask, weights.shape)
    if added is None:
        return NotImplemented
    scale = f4(1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    _heads(flat(q), flat(k), flat(v), added, out.reshape(-1), weights.reshape(-1), *sizes, scale, is_causal)
    return out, weights


def attention_back(g, q, k, v, mask, weights, *, is_causal=False, scale=None):
    rows = q.shape[:-1]
    if not (_usable(q, k, v) and g.shape == (*rows, v.shape[-1]) and weights.shape == (*rows, k.shape[-2])):
        return NotImplemented
    if not fits(g, weights):
        return NotImplemented
    sizes = _sizes(q, k, v)
    dq, dk, dv = (np.empty(x.shape, FLOAT32) for x in (q, k, v))
    scale = f4(1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    arrays = flat(g), flat(q), flat(k), flat(v), flat(weights), dq.reshape(-1), dk.reshape(-1), dv.reshape(-1)
    _heads_back(*arrays, *sizes, scale, is_causal)
    return dq, dk, dv


KERNELS = {"attention": attention, "attention_back": attention_back}
