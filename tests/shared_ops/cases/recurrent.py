"""Recurrent layers."""

import numpy as np

from cases.draw import Case, n
from shared_ops.recurrent import gru_layer, lstm_layer, rnn_layer

LENGTHS = np.array([3, 1])


def weights(gates, features, h, bias=True):
    biases = (n(gates * h), n(gates * h)) if bias else (0.0, 0.0)
    return n(gates * h, features), n(gates * h, h), *biases


def layer(gates, states, t=3, batch=2, features=3, h=2, bias=True):
    """x, the states, the weights."""
    return n(t, batch, features), *[n(batch, h) for _ in range(states)], *weights(gates, features, h, bias)


def rows(gates, states):
    return [
        Case(layer(gates, states)),
        Case(layer(gates, states), {"reverse": True}),
        Case((*layer(gates, states), LENGTHS)),
        Case((*layer(gates, states), LENGTHS), {"reverse": True}),
        Case(layer(gates, states, bias=False)),
        Case(layer(gates, states, t=1, batch=1, features=1, h=1)),
        Case(layer(gates, states, batch=0)),
        Case(layer(gates, states, t=0)),
        Case((*layer(gates, states, t=2, batch=9, features=2, h=5), 1 + np.arange(9) % 2)),
    ]


def back_rows(op, gates, states, *settings):
    """The gradient of a call of which all gradients came, and of one where the last states' did not.

    What the layer gave counts as made from the inputs: their slopes are checked by the second order of the layer.
    """
    out = []
    for attrs in settings:
        for full in (True, False):
            args, lengths = layer(gates, states), (LENGTHS,) if full else ()
            made = op.kernel(np, *args, *lengths, **attrs)
            gs = n(3, 2, 2), *[n(2, 2) if full else 0.0 for _ in range(states)]
            kept = made[0], *made[1 + states :]
            out.append(Case((*gs, *args, *kept, *lengths), attrs, tuple(range(len(gs) if full else 1))))
    return out


PLAIN, REVERSE = {}, {"reverse": True}

CASES: dict[str, list[Case]] = {
    "rnn_layer": [*rows(1, 1), Case(layer(1, 1), {"nonlinearity": "relu"})],
    "lstm_layer": rows(4, 2),
    "gru_layer": rows(3, 1),
    "rnn_back": back_rows(rnn_layer, 1, 1, PLAIN, {"reverse": True, "nonlinearity": "relu"}),
    "lstm_back": back_rows(lstm_layer, 4, 2, PLAIN, REVERSE),
    "gru_back": back_rows(gru_layer, 3, 1, PLAIN, REVERSE),
}


def _sequences(run, t, x, states, lengths, reverse):
    """Each sequence alone, as long as it is: out and the last states, by run(x, states)."""
    if len(x) == 0:
        return (x.new_zeros(0, 1, 1) + 0 * states[0], *states)
    if not lengths:
        out, *last = run(x.flip(0) if reverse else x, states)
        return (out.flip(0) if reverse else out, *last)
    found = []
    for at, length in enumerate(lengths[0].tolist()):
        alone = x[:length, at : at + 1], [s[at : at + 1].contiguous() for s in states]
        out, *last = _sequences(run, t, *alone, (), reverse)
        found.append((t.nn.functional.pad(out, (0, 0, 0, 0, 0, len(x) - length)), *last))
    outs, *lasts = zip(*found, strict=True)
    return (t.cat(outs, 1), *[t.cat(last, 0) for last in lasts])


def _twin(kind, states):
    def twin(t, x, *inputs, nonlinearity="tanh", reverse=False):
        weights, lengths = inputs[states : states + 4], inputs[states + 4 :]
        biased = isinstance(weights[2], t.Tensor)
        call = getattr(t._VF, f"rnn_{nonlinearity}" if kind == "rnn" else kind)

        def run(x, states):
            states = [s[None] for s in states]
            flat = list(weights if biased else weights[:2])
            out, *last = call(x, states if len(states) > 1 else states[0], flat, biased, 1, 0.0, True, False, False)
            return (out, *[s[0] for s in last])

        return _sequences(run, t, x, inputs[:states], lengths, reverse)

    return twin


TORCH = {
    "rnn_layer": _twin("rnn", 1),
    "lstm_layer": _twin("lstm", 2),
    "gru_layer": _twin("gru", 1),
    "rnn_back": None,
    "lstm_back": None,
    "gru_back": None,
}
