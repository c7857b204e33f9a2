"""Fast forms of dropout for float32: mask, product and scale in one pass over the random bits."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from shared_ops.dropout import drawn_bits, kept_scale, threshold_of
from shared_ops.kernels.loops import CHUNK, SERIAL_BELOW
from shared_ops.kernels.norm import fits, flat
from shared_ops.kernels.scalar import COMPILED, f4
from shared_ops.random import next_state


@njit(**COMPILED)
def _drop(x, bits, out, mask, last, scale):
    for i in range(x.size):
        keep = bits[i] > last
        mask[i] = keep
        out[i] = x[i] * (f4(1) if keep else f4(0)) * scale


@njit(parallel=True, **COMPILED)
def _drop_all(x, bits, out, mask, last, scale):
    if x.size < SERIAL_BELOW:
        _drop(x, bits, out, mask, last, scale)
    else:
        for chunk in prange((x.size + CHUNK - 1) // CHUNK):
            part = slice(chunk * CHUNK, min(x.size, (chunk + 1) * CHUNK))
            _drop(x[part], bits[part], out[part], mask[part], last, scale)


@njit(**COMPILED)
def _scale(x, mask, out, scale):
    for i in range(x.size):
        out[i] = x[i] * (f4(1) if mask[i] else f4(0)) * scale


@njit(parallel=True, **COMPILED)
def _scale_all(x, mask, out, scale):
    if x.size < SERIAL_BELOW:
        _scale(x, mask, out, scale)
    else:
        for chunk in prange((x.size + CHUNK - 1) // CHUNK):
            part = slice(chunk * CHUNK, min(x.size, (chunk + 1) * CHUNK))
            _scale(x[part], mask[part], out[part], scale)


def dropout(x, state, *, p=0.5, leading=None):
    if not (fits(x) and leading is None and 0 < p < 1 and 0 < threshold_of(p) < 2**32):
        return NotImplemented
    out, mask = np.empty(x.shape, x.dtype), np.empty(x.shape, bool)
    last = np.uint32(threshold_of(p) - 1)  # the greatest number that does not stay
    _drop_all(flat(x), drawn_bits(state, x.size), out.reshape(-1), mask.reshape(-1), last, f4(kept_scale(p)))
    return out, mask, next_state(state)


def masked_scale(x, mask, *, scale):
    if not fits(x) or mask.shape != x.shape:
        return NotImplemented
    out = np.empty(x.shape, x.dtype)
    _scale_all(flat(x), flat(mask), out.reshape(-1), f4(scale))
    return out


KERNELS = {"dropout": dropout, "masked_scale": masked_scale}
