"""Recurrent layers over whole sequences: one direction of one layer is one op, and its gradient another.

x is (t, n, i): t steps of n sequences. Weights stand as PyTorch's: w_ih (k*h, i), w_hh (k*h, h), the biases (k*h,) or
the number 0.0 for none; k is how many gates there are. With `lengths`, (n,) whole numbers, a sequence ends after so
many steps: its state stays then, and its outputs are 0. `reverse` goes from each sequence's last step to its first.
"""

from __future__ import annotations

from shared_ops.activation import sigmoid
from shared_ops.dim import Dim
from shared_ops.linalg import matmul
from shared_ops.op import op
from shared_ops.recurrent_steps import gru_back_grad, lstm_back_grad, rnn_back_grad
from shared_ops.shape import reshape, sum_to, transpose
from shared_ops.spec import Spec, SpecError, check, is_float


# what they share --------------------------------------------------------------------------------------------------
def _check_layer(name, gates, x, states, w_ih, w_hh, b_ih, b_hh, lengths, reverse):
    """The Specs of out and of a last state."""
    arrays = {"x": x, **states, "w_ih": w_ih, "w_hh": w_hh}
    for what, a in arrays.items():
        fine = isinstance(a, Spec) and is_float(a.dtype) and a.dtype.kind != "c"
        check(fine, f"{name} needs arrays of floats", **{what: a})
    biases = {what: b for what, b in {"b_ih": b_ih, "b_hh": b_hh}.items() if isinstance(b, Spec)}
    check(len({a.dtype for a in (*arrays.values(), *biases.values())}) == 1, f"{name} needs one dtype", **arrays)
    check(x.ndim == 3, f"{name} needs x (steps, sequences, features)", x=x)
    check(w_ih.ndim == 2 and w_hh.ndim == 2, f"{name} needs weights with two axes", w_ih=w_ih, w_hh=w_hh)
    (steps, n, features), h = x.shape, w_hh.shape[1]
    times = f"{gates} times " if gates > 1 else ""
    check(w_hh.shape[0] == h * gates, f"{name} needs w_hh ({times}h, h)", w_hh=w_hh)
    check(w_ih.shape == (h * gates, features), f"{name} needs w_ih ({times}h, x's features)", w_ih=w_ih, x=x, h=h)
    for what, b in {"b_ih": b_ih, "b_hh": b_hh}.items():
        fine = b.shape == (h * gates,) if isinstance(b, Spec) else not isinstance(b, Dim) and b == 0
        check(fine, f"{name} needs a bias for each of the weights' rows, or 0.0 for none", **{what: b})
    for what, state in states.items():
        check(state.shape == (n, h), f"{name} needs {what} (sequences, h)", **{what: state}, x=x, h=h)
    check(len(lengths) < 2, f"{name} takes lengths once", lengths=lengths)
    for a in lengths:
        fine = isinstance(a, Spec) and a.dtype.kind in "iu" and a.shape == (n,)
        check(fine, f"{name} needs lengths as a whole number for each sequence", lengths=a, x=x)
    check(isinstance(reverse, bool), f"{name} needs reverse as True or False", reverse=reverse)
    return Spec((steps, n, h), x.dtype), Spec((n, h), x.dtype)


def _check_back(name, out, state, gs, kept):
    """What the layer gave, and the gradients, a number for one that did not come."""
    for what, (a, shape) in {
        **{what: (g, out.shape if what == "g_out" else state.shape) for what, g in gs.items()},
        **{what: (a, shape) for what, (a, shape) in kept.items()},
    }.items():
        fine = isinstance(a, Spec) and a.shape == shape and is_float(a.dtype)
        fine = fine or (what in gs and not isinstance(a, Spec | Dim) and a == 0)
        check(fine, f"{name} needs {what} of shape {list(shape)}", **{what: a})


def check_lengths(name, steps, lengths):
    """Raise SpecError for a length that is not there."""
    for a in lengths:
        if a.size and not 0 <= int(a.min()) <= int(a.max()) <= steps:
            wrong = next(n for n in a.tolist() if not 0 <= n <= steps)
            raise SpecError(f"{name} needs lengths between 0 and the {steps} steps there are; got lengths: {wrong}")


def _order(x, reverse):
    return range(len(x) - 1, -1, -1) if reverse else range(len(x))


def _where_active(xp, lengths, k, new, old):
    """The new values for the sequences that have a step k, the old ones for the others."""
    return xp.where((k < lengths[0])[:, None], new, old) if lengths else new


def states_before(xp, out, h0, lengths, reverse):
    """The state that each step started from; past a sequence's end, anything."""
    before = xp.empty_like(out)
    if reverse:
        before[:-1], before[-1:] = out[1:], h0
        for a in lengths:
            some = xp.nonzero(a > 0)[0]
            before[a[some] - 1, some] = h0[some]
    else:
        before[1:], before[:1] = out[:-1], h0
    return before


def _rows(x):
    """(t, n, k) -> (t*n, k)."""
    return x.reshape(x.shape[0] * x.shape[1], x.shape[2])


def _from_x(x, w_ih, b_ih, b_hh=0.0):
    """All steps' products in one."""
    t, n, _ = x.shape
    return (_rows(x) @ w_ih.T + (b_ih + b_hh)).reshape(t, n, w_ih.shape[0])


def _at(g, k):
    """Step k of a gradient, or the number that stands for none."""
    return g[k] if hasattr(g, "dtype") else g


def _gradient_of_input(dgates, x, w_ih, wants):
    """Those of x, w_ih and b_ih, by wish, from the gradient of the products with x."""
    count = dgates.shape[0] * dgates.shape[1]
    flat = reshape(dgates, shape=(count, dgates.shape[2]))
    to_w = matmul(transpose(flat), reshape(x, shape=(count, x.shape[2]))) if wants[1] else None
    return matmul(dgates, w_ih) if wants[0] else None, to_w, sum_to(flat, shape=w_ih.shape[:1]) if wants[2] else None


def _arrived(name, gs, count):
    """The gradients of out and the last states, 0.0 for one that did not come."""
    if any(g is not None for g in gs[count:]):
        raise RuntimeError(f"{name} gives what its gradient needs too, but no gradient flows back from that")
    return tuple(0.0 if g is None else g for g in gs[:count])


# Elman's ------------------------------------------------------------------------------------------------------------
@op(outputs=("out", "h_n"))
def rnn_layer(xp, x, h0, w_ih, w_hh, b_ih, b_hh, *lengths, nonlinearity="tanh", reverse=False):
    """h' = tanh(w_ih x + b_ih + w_hh h + b_hh), or relu: (t, n, i), (n, h), weights -> (t, n, h), (n, h)."""
    check_lengths("rnn_layer", len(x), lengths)
    from_x, h = _from_x(x, w_ih, b_ih, b_hh), h0
    out = xp.empty((*x.shape[:2], h0.shape[1]), x.dtype)
    for k in _order(x, reverse):
        new = from_x[k] + h @ w_hh.T
        new = xp.tanh(new) if nonlinearity == "tanh" else xp.maximum(new, 0)
        out[k] = _where_active(xp, lengths, k, new, 0)
        h = _where_active(xp, lengths, k, new, h)
    return out, h.copy()


@rnn_layer.spec
def rnn_layer_spec(x, h0, w_ih, w_hh, b_ih, b_hh, *lengths, nonlinearity="tanh", reverse=False):
    check(nonlinearity in ("tanh", "relu"), "rnn_layer needs nonlinearity tanh or relu", nonlinearity=nonlinearity)
    return _check_layer("rnn_layer", 1, x, {"h0": h0}, w_ih, w_hh, b_ih, b_hh, lengths, reverse)


@rnn_layer.grad
def rnn_layer_grad(gs, x, h0, w_ih, w_hh, b_ih, b_hh, lengths, out, nonlinearity, reverse, wants):
    arrived = _arrived("rnn_layer", gs, 2)
    settings = {"nonlinearity": nonlinearity, "reverse": reverse}
    dgates, dh0, dw_hh = rnn_back(*arrived, x, h0, w_ih, w_hh, b_ih, b_hh, out, *lengths, **settings)
    dx, dw_ih, db = _gradient_of_input(dgates, x, w_ih, (wants[0], wants[2], wants[4] or wants[5]))
    return dx, dh0, dw_ih, dw_hh, db, db, *[None for _ in lengths]


@op(outputs=("dgates", "dh0", "dw_hh"))
def rnn_back(xp, g_out, g_h, x, h0, w_ih, w_hh, b_ih, b_hh, out, *lengths, nonlinearity="tanh", reverse=False):
    """rnn_layer's gradients, from those of out and h_n: of the products with x, (t, n, h), of h0 and of w_hh."""
    dgates, dh = xp.zeros_like(out), xp.zeros_like(h0) + g_h
    for k in _order(x, not reverse):
        slope = 1 - out[k] * out[k] if nonlinearity == "tanh" else out[k] > 0
        dgates[k] = _where_active(xp, lengths, k, (dh + _at(g_out, k)) * slope, 0)
        dh = _where_active(xp, lengths, k, dgates[k] @ w_hh, dh)
    return dgates, dh, _rows(dgates).T @ _rows(states_before(xp, out, h0, lengths, reverse))


@rnn_back.spec
def rnn_back_spec(g_out, g_h, x, h0, w_ih, w_hh, b_ih, b_hh, out, *lengths, nonlinearity="tanh", reverse=False):
    settings = {"nonlinearity": nonlinearity, "reverse": reverse}
    made, state = rnn_layer_spec(x, h0, w_ih, w_hh, b_ih, b_hh, *lengths, **settings)
    _check_back("rnn_back", made, state, {"g_out": g_out, "g_h": g_h}, {"out": (out, made.shape)})
    return made, state, w_hh


rnn_back.grad(rnn_back_grad)


# long short-term memory ---------------------------------------------------------------------------------------------
@op(outputs=("out", "h_n", "c_n", "gates", "cells"))
def lstm_layer(xp, x, h0, c0, w_ih, w_hh, b_ih, b_hh, *lengths, reverse=False):
    """Long short-term memory: (t, n, i), (n, h), (n, h), weights -> (t, n, h), (n, h), (n, h).

    i, f, g, o = the parts of w_ih x + b_ih + w_hh h + b_hh; c' = sigmoid(f) c + sigmoid(i) tanh(g); h' = sigmoid(o)
    tanh(c') (Gers et al. 2000). Gives the gates (t, n, 4h) and the cells' states after each step (t, n, h) too.
    """
    check_lengths("lstm_layer", len(x), lengths)
    from_x, (h, c), size = _from_x(x, w_ih, b_ih, b_hh), (h0, c0), h0.shape[1]
    gates, out = xp.empty_like(from_x), xp.empty((*x.shape[:2], size), x.dtype)
    cells = xp.empty_like(out)
    for k in _order(x, reverse):
        now = from_x[k] + h @ w_hh.T
        now = [now[:, size * at : size * (at + 1)] for at in range(4)]
        i, f, g, o = (xp.tanh(v) if at == 2 else sigmoid.kernel(xp, v) for at, v in enumerate(now))
        c = cells[k] = _where_active(xp, lengths, k, f * c + i * g, c)
        new = o * xp.tanh(c)
        gates[k] = _where_active(xp, lengths, k, xp.concatenate([i, f, g, o], axis=1), 0)
        out[k] = _where_active(xp, lengths, k, new, 0)
        h = _where_active(xp, lengths, k, new, h)
    return out, h.copy(), c.copy(), gates, cells


@lstm_layer.spec
def lstm_layer_spec(x, h0, c0, w_ih, w_hh, b_ih, b_hh, *lengths, reverse=False):
    out, state = _check_layer("lstm_layer", 4, x, {"h0": h0, "c0": c0}, w_ih, w_hh, b_ih, b_hh, lengths, reverse)
    return out, state, state, Spec((*out.shape[:2], w_hh.shape[0]), x.dtype), out


@lstm_layer.grad
def lstm_layer_grad(gs, x, h0, c0, w_ih, w_hh, b_ih, b_hh, lengths, out, gates, cells, reverse, wants):
    inputs = x, h0, c0, w_ih, w_hh, b_ih, b_hh, out, gates, cells, *lengths
    dgates, dh0, dc0, dw_hh = lstm_back(*_arrived("lstm_layer", gs, 3), *inputs, reverse=reverse)
    dx, dw_ih, db = _gradient_of_input(dgates, x, w_ih, (wants[0], wants[3], wants[5] or wants[6]))
    return dx, dh0, dc0, dw_ih, dw_hh, db, db, *[None for _ in lengths]


@op(outputs=("dgates", "dh0", "dc0", "dw_hh"))
def lstm_back(xp, g_out, g_h, g_c, x, h0, c0, w_ih, w_hh, b_ih, b_hh, out, gates, cells, *lengths, reverse=False):
    """lstm_layer's gradients, from those of out, h_n and c_n: of the sums in the gates, (t, n, 4h), h0, c0 and w_hh."""
    dgates, size = xp.empty_like(gates), h0.shape[1]
    dh, dc = xp.zeros_like(h0) + g_h, xp.zeros_like(c0) + g_c
    cells_before = states_before(xp, cells, c0, (), reverse)  # cells are not 0 past the end
    for k in _order(x, not reverse):
        i, f, g, o = (gates[k, :, size * at : size * (at + 1)] for at in range(4))
        dhidden, tanh_c = dh + _at(g_out, k), xp.tanh(cells[k])
        dcell = dc + dhidden * o * (1 - tanh_c * tanh_c)
        of_sums = [dcell * g * i * (1 - i), dcell * cells_before[k] * f * (1 - f), dcell * i * (1 - g * g)]
        of_sums = xp.concatenate([*of_sums, dhidden * tanh_c * o * (1 - o)], axis=1)
        dgates[k] = _where_active(xp, lengths, k, of_sums, 0)
        dh = _where_active(xp, lengths, k, dgates[k] @ w_hh, dh)
        dc = _where_active(xp, lengths, k, dcell * f, dc)
    return dgates, dh, dc, _rows(dgates).T @ _rows(states_before(xp, out, h0, lengths, reverse))


@lstm_back.spec
def lstm_back_spec(g_out, g_h, g_c, x, h0, c0, w_ih, w_hh, b_ih, b_hh, out, gates, cells, *lengths, reverse=False):
    layer = lstm_layer_spec(x, h0, c0, w_ih, w_hh, b_ih, b_hh, *lengths, reverse=reverse)
    gs = {"g_out": g_out, "g_h": g_h, "g_c": g_c}
    kept = {"out": (out, layer[0].shape), "gates": (gates, layer[3].shape), "cells": (cells, layer[0].shape)}
    _check_back("lstm_back", layer[0], layer[1], gs, kept)
    return layer[3], layer[1], layer[1], w_hh


lstm_back.grad(lstm_back_grad)


# gated recurrent units ----------------------------------------------------------------------------------------------
@op(outputs=("out", "h_n", "gates", "inner"))
def gru_layer(xp, x, h0, w_ih, w_hh, b_ih, b_hh, *lengths, reverse=False):
    """Gated recurrent units: (t, n, i), (n, h), weights -> (t, n, h), (n, h).

    With xr, xz, xn the parts of w_ih x + b_ih, and hr, hz, hn those of w_hh h + b_hh: r = sigmoid(xr + hr), z =
    sigmoid(xz + hz), n = tanh(xn + r hn), h' = (1 - z) n + z h (Cho et al. 2014, with the reset after the product, as
    in PyTorch). Gives r, z, n (t, n, 3h) and hn (t, n, h) too.
    """
    check_lengths("gru_layer", len(x), lengths)
    from_x, h, size = _from_x(x, w_ih, b_ih), h0, h0.shape[1]
    gates, out = xp.empty_like(from_x), xp.empty((*x.shape[:2], size), x.dtype)
    inner = xp.empty_like(out)
    for k in _order(x, reverse):
        from_h = h @ w_hh.T + b_hh
        rz = sigmoid.kernel(xp, from_x[k, :, : 2 * size] + from_h[:, : 2 * size])
        r, z, hn = rz[:, :size], rz[:, size:], from_h[:, 2 * size :]
        n = xp.tanh(from_x[k, :, 2 * size :] + r * hn)
        new = (1 - z) * n + z * h
        gates[k] = _where_active(xp, lengths, k, xp.concatenate([rz, n], axis=1), 0)
        inner[k] = _where_active(xp, lengths, k, hn, 0)
        out[k] = _where_active(xp, lengths, k, new, 0)
        h = _where_active(xp, lengths, k, new, h)
    return out, h.copy(), gates, inner


@gru_layer.spec
def gru_layer_spec(x, h0, w_ih, w_hh, b_ih, b_hh, *lengths, reverse=False):
    out, state = _check_layer("gru_layer", 3, x, {"h0": h0}, w_ih, w_hh, b_ih, b_hh, lengths, reverse)
    return out, state, Spec((*out.shape[:2], w_hh.shape[0]), x.dtype), out


@gru_layer.grad
def gru_layer_grad(gs, x, h0, w_ih, w_hh, b_ih, b_hh, lengths, out, gates, inner, reverse, wants):
    inputs = x, h0, w_ih, w_hh, b_ih, b_hh, out, gates, inner, *lengths
    dgates, dh0, dw_hh, db_hh = gru_back(*_arrived("gru_layer", gs, 2), *inputs, reverse=reverse)
    dx, dw_ih, db_ih = _gradient_of_input(dgates, x, w_ih, (wants[0], wants[2], wants[4]))
    return dx, dh0, dw_ih, dw_hh, db_ih, db_hh if wants[5] else None, *[None for _ in lengths]


@op(outputs=("dgates", "dh0", "dw_hh", "db_hh"))
def gru_back(xp, g_out, g_h, x, h0, w_ih, w_hh, b_ih, b_hh, out, gates, inner, *lengths, reverse=False):
    """gru_layer's gradients, from those of out and h_n: of the products with x, (t, n, 3h), of h0, w_hh and b_hh."""
    dgates, size, dh = xp.empty_like(gates), h0.shape[1], xp.zeros_like(h0) + g_h
    from_h = xp.empty_like(gates)  # the gradient of w_hh h + b_hh
    before = states_before(xp, out, h0, lengths, reverse)
    for k in _order(x, not reverse):
        r, z, n = (gates[k, :, size * at : size * (at + 1)] for at in range(3))
        dhidden = dh + _at(g_out, k)
        dn = dhidden * (1 - z) * (1 - n * n)
        of_rz = [dn * inner[k] * r * (1 - r), dhidden * (before[k] - n) * z * (1 - z)]
        dgates[k] = _where_active(xp, lengths, k, xp.concatenate([*of_rz, dn], axis=1), 0)
        from_h[k] = _where_active(xp, lengths, k, xp.concatenate([*of_rz, dn * r], axis=1), 0)
        dh = _where_active(xp, lengths, k, from_h[k] @ w_hh + dhidden * z, dh)
    return dgates, dh, _rows(from_h).T @ _rows(before), _rows(from_h).sum(axis=0)


@gru_back.spec
def gru_back_spec(g_out, g_h, x, h0, w_ih, w_hh, b_ih, b_hh, out, gates, inner, *lengths, reverse=False):
    made, state, of_gates, _ = gru_layer_spec(x, h0, w_ih, w_hh, b_ih, b_hh, *lengths, reverse=reverse)
    kept = {"out": (out, made.shape), "gates": (gates, of_gates.shape), "inner": (inner, made.shape)}
    _check_back("gru_back", made, state, {"g_out": g_out, "g_h": g_h}, kept)
    return of_gates, state, w_hh, Spec(w_hh.shape[:1], w_hh.dtype)


gru_back.grad(gru_back_grad)
