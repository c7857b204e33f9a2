"""The steps of recurrent layers: each core goes through all of them with its share of the sequences.

Sequences know nothing of each other, so the cores never wait. A step is one product and one pass over the gates. Each
loop here writes one array, for LLVM makes no vectors of a loop over many arrays that might overlap.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from shared_ops.kernels.multiply import PACKED, multiply
from shared_ops.kernels.scalar import COMPILED, sigmoidf, tanhf
from shared_ops.kernels.vector import stay_alone

f4 = np.float32
TANH, RELU, LSTM, GRU = range(4)
INLINE = {"inline": "always", "error_model": "numpy"}  # or each would be compiled alone, and again in its callers


@njit(**INLINE)
def _copy(x, to):
    for j in range(to.size):
        to[j] = x[j]


@njit(**INLINE)
def _clear(x):
    for j in range(x.size):
        x[j] = f4(0.0)


# forward ----------------------------------------------------------------------------------------------------------
@njit(**INLINE)
def _lstm_step(gates, from_h, bias, cells, out, h, c):
    """One sequence's step; gates (4, h) come as the products with x."""
    for at in range(4):
        now, add, shift = gates[at], from_h[at * h.size : (at + 1) * h.size], bias[at]
        if at == 2:
            for j in range(now.size):
                now[j] = tanhf(now[j] + (add[j] + shift[j]))
        else:
            for j in range(now.size):
                now[j] = sigmoidf(now[j] + (add[j] + shift[j]))
    i, f, g, o = gates[0], gates[1], gates[2], gates[3]
    for j in range(c.size):
        c[j] = f[j] * c[j] + i[j] * g[j]
    for j in range(c.size):
        h[j] = o[j] * tanhf(c[j])
    _copy(c, cells)
    _copy(h, out)


@njit(**INLINE)
def _gru_step(gates, from_h, bias, inner, out, h):
    """One sequence's step; gates (3, h) come as the products with x."""
    for at in range(2):
        now, add, shift = gates[at], from_h[at * h.size : (at + 1) * h.size], bias[at]
        for j in range(now.size):
            now[j] = sigmoidf(now[j] + (add[j] + shift[j]))
    r, z, n, add, shift = gates[0], gates[1], gates[2], from_h[2 * h.size : 3 * h.size], bias[2]
    for j in range(h.size):
        inner[j] = add[j] + shift[j]
    for j in range(h.size):
        n[j] = tanhf(n[j] + r[j] * inner[j])
    for j in range(h.size):
        h[j] = (f4(1.0) - z[j]) * n[j] + z[j] * h[j]
    _copy(h, out)


@njit(**INLINE)
def _rnn_step(gates, from_h, bias, out, h, relu):
    """One sequence's step."""
    if relu:
        for j in range(h.size):
            v = gates[j] + (from_h[j] + bias[j])
            h[j] = f4(0.0) if v < f4(0.0) else v
    else:
        for j in range(h.size):
            h[j] = tanhf(gates[j] + (from_h[j] + bias[j]))
    _copy(h, out)


@njit(**INLINE)
def _last_active(lengths, k, first, end):
    """One past the last of these sequences that has a step k."""
    while end > first and lengths[end - 1] <= k:
        end -= 1
    return end


@njit(**COMPILED)
def _forward_rows(code, kind, w, gates, more, out, h, c, from_h, bias, lengths, reverse, first, end):
    """The sequences from first to end. w: w_hh's transpose, packed. more: the cells, or GRU's inner products."""
    stay_alone()
    steps, size, wide = gates.shape[0], h.shape[1], from_h.shape[1]
    for step in range(steps):
        k = steps - 1 - step if reverse else step
        rows = _last_active(lengths, k, first, end) - first
        if rows > 0:
            a, to = h.ctypes.data + 4 * size * first, from_h.ctypes.data + 4 * wide * first
            multiply(code, a, 4 * size, 4, w.ctypes.data, PACKED, 4, 0, 0, to, 4 * wide, rows, wide, size)
        for row in range(first, end):
            if k >= lengths[row]:
                for at in range(gates.shape[2]):
                    _clear(gates[k, row, at])
                _clear(out[k, row])
                if kind == LSTM:
                    _copy(c[row], more[k, row])
                elif kind == GRU:
                    _clear(more[k, row])
            elif kind == LSTM:
                _lstm_step(gates[k, row], from_h[row], bias, more[k, row], out[k, row], h[row], c[row])
            elif kind == GRU:
                _gru_step(gates[k, row], from_h[row], bias, more[k, row], out[k, row], h[row])
            else:
                _rnn_step(gates[k, row, 0], from_h[row], bias[0], out[k, row], h[row], kind == RELU)


@njit(parallel=True, **COMPILED)
def forward(code, kind, w, gates, more, out, h, c, from_h, bias, lengths, reverse, parts):
    """All sequences, in parts. The states h and c become the last ones."""
    n = h.shape[0]
    arrays = gates, more, out, h, c, from_h, bias, lengths
    for p in prange(parts):
        _forward_rows(code, kind, w, *arrays, reverse, n * p // parts, n * (p + 1) // parts)


# backward ---------------------------------------------------------------------------------------------------------
@njit(**INLINE)
def _lstm_back_step(dgates, gates, cells, cells_before, dh, dc, tanh_c):
    """One sequence's step. dh: the gradient of its output; dc becomes that of the state before."""
    i, f, g, o = gates[0], gates[1], gates[2], gates[3]
    di, df, dg, do = dgates[0], dgates[1], dgates[2], dgates[3]
    for j in range(dh.size):
        tanh_c[j] = tanhf(cells[j])
    for j in range(dh.size):
        do[j] = dh[j] * tanh_c[j] * o[j] * (f4(1.0) - o[j])
    for j in range(dh.size):
        dc[j] = dc[j] + dh[j] * o[j] * (f4(1.0) - tanh_c[j] * tanh_c[j])
    for j in range(dh.size):
        di[j] = dc[j] * g[j] * i[j] * (f4(1.0) - i[j])
    for j in range(dh.size):
        df[j] = dc[j] * cells_before[j] * f[j] * (f4(1.0) - f[j])
    for j in range(dh.size):
        dg[j] = dc[j] * i[j] * (f4(1.0) - g[j] * g[j])
    for j in range(dh.size):
        dc[j] = dc[j] * f[j]


@njit(**INLINE)
def _gru_back_step(dgates, from_h, gates, inner, before, dh):
    """One sequence's step. dh: the gradient of its output, and then the part of the state before that z let through."""
    r, z, n = gates[0], gates[1], gates[2]
    dr, dz, dn, of_inner = dgates[0], dgates[1], dgates[2], from_h[2]
    for j in range(dh.size):
        dn[j] = dh[j] * (f4(1.0) - z[j]) * (f4(1.0) - n[j] * n[j])
    for j in range(dh.size):
        dr[j] = dn[j] * inner[j] * r[j] * (f4(1.0) - r[j])
    for j in range(dh.size):
        dz[j] = dh[j] * (before[j] - n[j]) * z[j] * (f4(1.0) - z[j])
    for j in range(dh.size):
        of_inner[j] = dn[j] * r[j]
    _copy(dr, from_h[0])
    _copy(dz, from_h[1])
    for j in range(dh.size):
        dh[j] = dh[j] * z[j]


@njit(**INLINE)
def _rnn_back_step(dgates, out, dh, relu):
    """One sequence's step."""
    if relu:
        for j in range(dh.size):
            dgates[j] = dh[j] if out[j] > f4(0.0) else dh[j] * f4(0.0)
    else:
        for j in range(dh.size):
            dgates[j] = dh[j] * (f4(1.0) - out[j] * out[j])


@njit(**COMPILED)
def _back_rows(
    code, kind, w, g_out, dgates, from_h, gates, more, out, before, dh, dc, products, lengths, reverse, first, end
):
    """The sequences from first to end. w: w_hh, packed.

    from_h: for GRU the gradient of the products with h; for the others that is dgates itself.
    before: the states before each step, h's for GRU, c's for LSTM.
    """
    stay_alone()
    steps, size = dgates.shape[0], dh.shape[1]
    deep = dgates.shape[2] * size
    factors = from_h if kind == GRU else dgates
    spare = np.empty(size, np.float32)
    for step in range(steps):
        k = step if reverse else steps - 1 - step
        for row in range(first, end):
            if k >= lengths[row]:
                for at in range(dgates.shape[2]):
                    _clear(dgates[k, row, at])
                    _clear(factors[k, row, at])
                continue
            if g_out.shape[0]:
                arrived, total = g_out[k, row], dh[row]
                for j in range(size):
                    total[j] = total[j] + arrived[j]
            if kind == LSTM:
                _lstm_back_step(dgates[k, row], gates[k, row], more[k, row], before[k, row], dh[row], dc[row], spare)
            elif kind == GRU:
                _gru_back_step(dgates[k, row], from_h[k, row], gates[k, row], more[k, row], before[k, row], dh[row])
            else:
                _rnn_back_step(dgates[k, row, 0], out[k, row], dh[row], kind == RELU)
        rows = _last_active(lengths, k, first, end) - first
        if rows > 0:
            a = factors.ctypes.data + 4 * deep * (k * dh.shape[0] + first)
            to = products.ctypes.data + 4 * size * first
            multiply(code, a, 4 * deep, 4, w.ctypes.data, PACKED, 4, 0, 0, to, 4 * size, rows, size, deep)
        for row in range(first, first + rows):
            if k < lengths[row]:
                total, add = dh[row], products[row]
                if kind == GRU:
                    for j in range(size):
                        total[j] = total[j] + add[j]
                else:
                    _copy(add, total)


@njit(parallel=True, **COMPILED)
def backward(code, kind, w, g_out, dgates, from_h, gates, more, out, before, dh, dc, products, lengths, reverse, parts):
    """All sequences, in parts. dh and dc become the gradients of the first states."""
    n = dh.shape[0]
    arrays = g_out, dgates, from_h, gates, more, out, before, dh, dc, products, lengths
    for p in prange(parts):
        _back_rows(code, kind, w, *arrays, reverse, n * p // parts, n * (p + 1) // parts)
