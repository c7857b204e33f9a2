"""Recurrent layers step by step, in ops: what the gradients of their gradients are made of.

It is slow beside the layers' own kernels, an op for each part of each step, but it has slopes of every order.
"""

from __future__ import annotations

from shared_ops.activation import relu, sigmoid
from shared_ops.arrange import chunk
from shared_ops.dim import Dim
from shared_ops.elementwise import gt, where
from shared_ops.linalg import linear
from shared_ops.shape import reshape, stack
from shared_ops.spec import check
from shared_ops.transcendental import tanh


def rnn_cell(w_hh, nonlinearity):
    """(n, h) of the input's products and a state (n, h) -> the next state."""
    activation = tanh if nonlinearity == "tanh" else relu
    return lambda from_x, h: (activation(from_x + linear(h, w_hh)),)


def lstm_cell(w_hh):
    """(n, 4h) of the input's products and two states (n, h) -> the next states."""

    def cell(from_x, h, c):
        i, f, g, o = chunk(from_x + linear(h, w_hh), 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c

    return cell


def gru_cell(w_hh, b_hh):
    """(n, 3h) of the input's products and a state (n, h) -> the next state."""

    def cell(from_x, h):
        x_r, x_z, x_n = chunk(from_x, 3, -1)
        h_r, h_z, h_n = chunk(linear(h, w_hh) + b_hh, 3, -1)
        z = sigmoid(x_z + h_z)
        return ((1 - z) * tanh(x_n + sigmoid(x_r + h_r) * h_n) + z * h,)

    return cell


def _unrolled(cell, from_x, states, lengths, reverse):
    """out (t, n, h) and the last states, by a cell applied t times."""
    steps, n = from_x.shape[:2]
    if steps == 0:
        return (from_x[:, :, : states[0].shape[1]], *states)
    outs = []
    for k in reversed(range(steps)) if reverse else range(steps):
        new = cell(from_x[k], *states)
        shown = new[0]
        if lengths:
            active = reshape(gt(lengths[0], k), shape=(n, 1))
            new = tuple(where(active, after, before) for after, before in zip(new, states, strict=True))
            shown = where(active, shown, 0.0)
        states = new
        outs.append(shown)
    return (stack(outs[::-1] if reverse else outs), *states)


def _back(layer, cell_of, gs, inputs, count, lengths, reverse):
    """The gradients of a layer's `…_back` op.

    inputs: the gradients of the layer's out and `count` last states, x, the `count` states, w_ih, b_ih, w_hh, b_hh.
    cell_of: the cell from w_hh and b_hh.
    """
    steps = inputs[count + 1].shape[0]
    known = not isinstance(steps, Dim)
    check(known, f"the gradient of {layer}'s gradient needs a known number of steps", steps=steps)

    def forward(from_x, *others):
        states, (w_hh, b_hh), lengths = others[:count], others[count : count + 2], others[count + 2 :]
        return _unrolled(cell_of(w_hh, b_hh), from_x, states, lengths, reverse)

    def back(*inputs):
        arrived, x, states = inputs[: count + 1], inputs[count + 1], inputs[count + 2 : 2 * count + 2]
        w_ih, b_ih, *others = inputs[2 * count + 2 :]
        from_x = linear(x, w_ih) + b_ih
        return _pullback(forward, (from_x, *states, *others), arrived)[: len(gs)]

    return _pullback(back, (*inputs, *lengths), gs)[: len(inputs)]


def _none(inputs):
    return (None for _ in inputs)


def rnn_back_grad(gs, g_out, g_h, x, h0, w_ih, w_hh, b_ih, b_hh, lengths, nonlinearity, reverse):
    """Those of g_out to b_hh; what the layer gave counts as made from these."""
    inputs = g_out, g_h, x, h0, w_ih, b_ih + b_hh, w_hh, 0.0
    *before, to_w_ih, to_b, to_w_hh, _ = _back(
        "rnn_layer", lambda w, b: rnn_cell(w, nonlinearity), gs, inputs, 1, lengths, reverse
    )
    return (*before, to_w_ih, to_w_hh, to_b, to_b, None, *_none(lengths))


def lstm_back_grad(gs, g_out, g_h, g_c, x, h0, c0, w_ih, w_hh, b_ih, b_hh, lengths, reverse):
    """Those of g_out to b_hh; what the layer gave counts as made from these."""
    inputs = g_out, g_h, g_c, x, h0, c0, w_ih, b_ih + b_hh, w_hh, 0.0
    *before, to_w_ih, to_b, to_w_hh, _ = _back("lstm_layer", lambda w, b: lstm_cell(w), gs, inputs, 2, lengths, reverse)
    return (*before, to_w_ih, to_w_hh, to_b, to_b, None, None, None, *_none(lengths))


def gru_back_grad(gs, g_out, g_h, x, h0, w_ih, w_hh, b_ih, b_hh, lengths, reverse):
    """Those of g_out to b_hh; what the layer gave counts as made from these."""
    inputs = g_out, g_h, x, h0, w_ih, b_ih, w_hh, b_hh
    *before, to_w_ih, to_b_ih, to_w_hh, to_b_hh = _back("gru_layer", gru_cell, gs, inputs, 1, lengths, reverse)
    return (*before, to_w_ih, to_w_hh, to_b_ih, to_b_hh, None, None, None, *_none(lengths))


def _pullback(*arguments, **settings):
    from shared_ops.pullback import pullback  # which needs the whole table, and so this file, to be there

    return pullback(*arguments, **settings)
