"""Recurrent layers: the products with x in one, then all steps; the kernels of the steps are in `sequences`."""

from __future__ import annotations

from typing import Any

import numpy as np

from shared_ops.kernels.formula import F4
from shared_ops.kernels.gemm import CORES, product
from shared_ops.kernels.multiply import address
from shared_ops.kernels.packing import packed
from shared_ops.kernels.sequences import GRU, LSTM, RELU, TANH, backward, forward
from shared_ops.kernels.threads import PARALLEL
from shared_ops.recurrent import check_lengths, states_before

FEWEST = 8  # sequences that a core takes
WORTH_SPLITTING = 1 << 20  # multiplications


def _usable(*arrays: Any) -> bool:
    """Whether these are what the kernels are made for; a number stands for an array that is missing."""
    return all(a.dtype is F4 and a.size > 0 if type(a) is np.ndarray else not hasattr(a, "dtype") for a in arrays)


def _parts(x: Any, w_hh: Any) -> int:
    enough = PARALLEL and x.shape[1] * w_hh.size >= WORTH_SPLITTING
    return max(1, min(CORES, x.shape[1] // FEWEST)) if enough else 1


def _ends(x: Any, lengths: tuple) -> Any:
    return np.ascontiguousarray(lengths[0], np.int64) if lengths else np.full(x.shape[1], len(x), np.int64)


def _layer(
    kind: int, gates: int, x: Any, states: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, lengths: Any, reverse: bool
) -> Any:
    """out, the last states, the gates and the cells or inner products: shaped as the op's."""
    (t, n, features), h = x.shape, w_hh.shape[1]
    from_x = product(np.ascontiguousarray(x).reshape(t * n, features), w_ih.T)
    bias = np.zeros(gates * h, F4)
    if kind == GRU:
        if hasattr(b_ih, "dtype"):
            from_x += b_ih
        bias += b_hh
    else:
        bias += b_ih + b_hh
    states = [s.copy(order="C") for s in states]
    out, more = np.empty((t, n, h), F4), np.empty((t, n, h) if kind >= LSTM else (0, 0, 0), F4)
    split = from_x.reshape(t, n, gates, h)
    w, products = packed(w_hh.T), np.empty((n, gates * h), F4)
    arrays = split, more, out, states[0], states[-1], products, bias.reshape(gates, h), _ends(x, lengths)
    forward(address(), kind, w, *arrays, reverse, _parts(x, w_hh))
    return out, *states, from_x.reshape(t, n, gates * h), more


def rnn_layer(
    x: Any,
    h0: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any,
    b_hh: Any,
    *lengths: Any,
    nonlinearity: str = "tanh",
    reverse: bool = False,
) -> Any:
    if not _usable(x, h0, w_ih, w_hh, b_ih, b_hh):
        return NotImplemented
    check_lengths("rnn_layer", len(x), lengths)
    kind = RELU if nonlinearity == "relu" else TANH
    return _layer(kind, 1, x, [h0], w_ih, w_hh, b_ih, b_hh, lengths, reverse)[:2]


def lstm_layer(
    x: Any, h0: Any, c0: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, *lengths: Any, reverse: bool = False
) -> Any:
    if not _usable(x, h0, c0, w_ih, w_hh, b_ih, b_hh):
        return NotImplemented
    check_lengths("lstm_layer", len(x), lengths)
    return _layer(LSTM, 4, x, [h0, c0], w_ih, w_hh, b_ih, b_hh, lengths, reverse)


def gru_layer(x: Any, h0: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, *lengths: Any, reverse: bool = False) -> Any:
    if not _usable(x, h0, w_ih, w_hh, b_ih, b_hh):
        return NotImplemented
    check_lengths("gru_layer", len(x), lengths)
    return _layer(GRU, 3, x, [h0], w_ih, w_hh, b_ih, b_hh, lengths, reverse)


def _layer_back(
    kind: int, gates: int, g_out: Any, gs: Any, w_hh: Any, out: Any, kept: Any, before: Any, lengths: Any, reverse: bool
) -> Any:
    """dgates, the gradient of the products with h, those of the states."""
    t, n, h = out.shape
    nothing = np.empty((0, 0, 0), F4)
    g_out = np.ascontiguousarray(g_out) if hasattr(g_out, "dtype") else nothing
    ends = np.zeros((len(gs), n, h), F4)
    for end, g in zip(ends, gs, strict=True):
        end += g
    dgates = np.empty((t, n, gates, h), F4)
    from_h = np.empty_like(dgates) if kind == GRU else np.empty((0, 0, 0, 0), F4)
    values, more = [np.ascontiguousarray(a) for a in kept] or (nothing, nothing)
    split = values.reshape(t, n, gates, h) if kept else from_h
    w, products = packed(w_hh), np.empty((n, h), F4)
    arrays = g_out, dgates, from_h, split, more, np.ascontiguousarray(out), before, ends[0], ends[-1], products
    backward(address(), kind, w, *arrays, _ends(out, lengths), reverse, _parts(out, w_hh))
    flat = dgates.reshape(t, n, gates * h)
    return flat, from_h.reshape(t, n, gates * h) if kind == GRU else flat, *[end.copy() for end in ends]


def _of_weight(from_h: Any, before: Any) -> Any:
    return product(from_h.reshape(-1, from_h.shape[2]).T, before.reshape(-1, before.shape[2]))


def rnn_back(
    g_out: Any,
    g_h: Any,
    x: Any,
    h0: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any,
    b_hh: Any,
    out: Any,
    *lengths: Any,
    nonlinearity: str = "tanh",
    reverse: bool = False,
) -> Any:
    if not _usable(g_out, g_h, h0, w_hh, out):
        return NotImplemented
    before, kind = states_before(np, out, h0, lengths, reverse), RELU if nonlinearity == "relu" else TANH
    dgates, from_h, dh = _layer_back(kind, 1, g_out, [g_h], w_hh, out, (), before, lengths, reverse)
    return dgates, dh, _of_weight(from_h, before)


def lstm_back(
    g_out: Any,
    g_h: Any,
    g_c: Any,
    x: Any,
    h0: Any,
    c0: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any,
    b_hh: Any,
    out: Any,
    gates: Any,
    cells: Any,
    *lengths: Any,
    reverse: bool = False,
) -> Any:
    if not _usable(g_out, g_h, g_c, h0, c0, w_hh, out, gates, cells):
        return NotImplemented
    before = states_before(np, cells, c0, (), reverse)
    kept = gates, cells
    dgates, from_h, dh, dc = _layer_back(LSTM, 4, g_out, [g_h, g_c], w_hh, out, kept, before, lengths, reverse)
    return dgates, dh, dc, _of_weight(from_h, states_before(np, out, h0, lengths, reverse))


def gru_back(
    g_out: Any,
    g_h: Any,
    x: Any,
    h0: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any,
    b_hh: Any,
    out: Any,
    gates: Any,
    inner: Any,
    *lengths: Any,
    reverse: bool = False,
) -> Any:
    if not _usable(g_out, g_h, h0, w_hh, out, gates, inner):
        return NotImplemented
    before = states_before(np, out, h0, lengths, reverse)
    kept = gates, inner
    dgates, from_h, dh = _layer_back(GRU, 3, g_out, [g_h], w_hh, out, kept, before, lengths, reverse)
    return dgates, dh, _of_weight(from_h, before), from_h.reshape(-1, from_h.shape[2]).sum(axis=0)


KERNELS = {
    "rnn_layer": rnn_layer,
    "lstm_layer": lstm_layer,
    "gru_layer": gru_layer,
    "rnn_back": rnn_back,
    "lstm_back": lstm_back,
    "gru_back": gru_back,
}
