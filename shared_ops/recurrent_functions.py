"""Recurrent networks: layers on top of each other, in one direction or in both, with dropout between them."""

from __future__ import annotations

import functools

from shared_ops.dropout import dropout as dropout_op
from shared_ops.op import Op
from shared_ops.recurrent import gru_layer, lstm_layer, rnn_layer
from shared_ops.shape import cat, stack
from shared_ops.spec import check


def rnn(x, h0, layers, lengths=None, dropout=0.0, state=None, nonlinearity="tanh"):
    """Elman's networks: x, h0 -> out, h_n, the generator's next state. See `lstm`."""
    layer = functools.partial(rnn_layer, nonlinearity=nonlinearity)
    return _stacked("rnn", layer, x, (h0,), layers, lengths, dropout, state)


def lstm(x, h0, c0, layers, lengths=None, dropout=0.0, state=None):
    """Long short-term memory: x, h0, c0 -> out, h_n, c_n, the generator's next state.

    x is (t, n, i), the states are (layers * directions, n, h), out is (t, n, directions * h). layers: for each layer,
    for each of its one or two directions, w_ih, w_hh, b_ih, b_hh. lengths: (n,), how many steps each sequence has.
    dropout: the probability that a value between two layers is dropped, by the generator's `state`.
    """
    return _stacked("lstm", lstm_layer, x, (h0, c0), layers, lengths, dropout, state)


def gru(x, h0, layers, lengths=None, dropout=0.0, state=None):
    """Gated recurrent units: x, h0 -> out, h_n, the generator's next state. See `lstm`."""
    return _stacked("gru", gru_layer, x, (h0,), layers, lengths, dropout, state)


def _stacked(name, layer: Op | functools.partial, x, states, layers, lengths, dropout, state):
    directions = [len(layer_) for layer_ in layers]
    fine = len(directions) > 0 and len(set(directions)) == 1 and directions[0] in (1, 2)
    check(fine, f"{name} needs layers that all have one direction, or all two", directions=directions)
    check(not dropout or state is not None, f"{name} needs a generator's state to drop by", dropout=dropout)
    for s in states:
        fine = len(s.shape) == 3 and s.shape[0] == len(layers) * directions[0]
        check(fine, f"{name} needs states (layers * directions, n, h)", state=tuple(s.shape), directions=directions)
    lasts: list[list] = [[] for _ in states]
    for depth, weights in enumerate(layers):
        if depth and dropout:
            x, _, state = dropout_op(x, state, p=dropout)
        outs = []
        for at, w in enumerate(weights):
            first = [s[depth * len(weights) + at] for s in states]
            made = layer(x, *first, *w, *(() if lengths is None else (lengths,)), reverse=at == 1)
            outs.append(made[0])
            for last, s in zip(lasts, made[1:], strict=False):
                last.append(s)
        x = outs[0] if len(outs) == 1 else cat(*outs, axis=2)
    return x, *[stack(last) for last in lasts], state
