"""Recurrent layers: stacked, in both directions, over sequences of different lengths; and what they refuse."""

import numpy as np
import pytest

import research
from production.promote import promote
from research import nn
from research.nn.packing import pack_padded_sequence, pad_packed_sequence, pad_sequence
from shared_ops import ops
from shared_ops.bits import same_bits
from shared_ops.kernels import gemm, recurrent
from shared_ops.spec import SpecError

KINDS = ["RNN", "LSTM", "GRU"]
LENGTHS = [6, 4, 4, 1]
rng = np.random.default_rng(0)


def drawn(*shape):
    return rng.normal(size=shape).astype("float32")


def pair(kind, *args, **settings):
    """Our layer and PyTorch's, with the same weights."""
    torch = pytest.importorskip("torch")
    ours, theirs = getattr(nn, kind)(*args, **settings), getattr(torch.nn, kind)(*args, **settings)
    state = {name: p.detach().numpy() for name, p in theirs.state_dict().items()}
    assert list(state) == list(ours.state_dict())
    ours.load_state_dict(state)
    return torch, ours, theirs


def flat(found):
    out, last = found
    return [out, *(last if isinstance(last, tuple) else (last,))]


def agree(ours, theirs, x, y, got, want):
    """Results, and the gradients of the input and of every weight."""
    loss, their_loss = 0.0, 0.0
    for k, (a, b) in enumerate(zip(flat(got), flat(want), strict=True)):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-4, atol=1e-5)
        loss, their_loss = loss + ((k + 1) * a * a).sum(), their_loss + ((k + 1) * b * b).sum()
    loss.backward()
    their_loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-3, atol=1e-4)
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "settings",
    [{}, {"num_layers": 2, "bidirectional": True}, {"batch_first": True, "bias": False}, {"num_layers": 3}],
    ids=str,
)
def test_layers_agree_with_torch(kind, settings):
    torch, ours, theirs = pair(kind, 5, 7, **settings)
    data = drawn(6, 4, 5)
    x, y = research.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    agree(ours, theirs, x, y, ours(x), theirs(y))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", [[0, 1, 2, 3], [2, 0, 3, 1]], ids=["sorted", "unsorted"])
def test_packed_sequences_agree_with_torch(kind, order):
    torch, ours, theirs = pair(kind, 3, 40, num_layers=2, bidirectional=True)
    data, lengths = drawn(6, 4, 3), [LENGTHS[k] for k in order]
    x, y = research.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    utils, in_order = torch.nn.utils.rnn, order[0] == 0
    got, last = ours(pack_padded_sequence(x, lengths, enforce_sorted=in_order))
    want, their_last = theirs(utils.pack_padded_sequence(y, torch.tensor(lengths), enforce_sorted=in_order))
    padded, came = pad_packed_sequence(got)
    assert came.tolist() == lengths
    agree(ours, theirs, x, y, (padded, last), (utils.pad_packed_sequence(want)[0], their_last))


def test_padding_agrees_with_torch():
    torch = pytest.importorskip("torch")
    utils, data = torch.nn.utils.rnn, drawn(6, 4, 3)
    packed = pack_padded_sequence(research.tensor(data.swapaxes(0, 1).copy()), [5, 4, 4, 1], batch_first=True)
    theirs = utils.pack_padded_sequence(torch.tensor(data), [5, 4, 4, 1])
    for settings in ({}, {"batch_first": True, "padding_value": 2.5, "total_length": 8}):
        got, want = pad_packed_sequence(packed, **settings), utils.pad_packed_sequence(theirs, **settings)
        assert np.array_equal(got[0].numpy(), want[0].numpy())
        assert got[1].tolist() == want[1].tolist()
    parts = [data[:k, 0] for k in (3, 1, 6)]
    for batch_first in (False, True):
        got = pad_sequence([research.tensor(p) for p in parts], batch_first, -1.0)
        want = utils.pad_sequence([torch.tensor(p) for p in parts], batch_first, -1.0)
        assert np.array_equal(got.numpy(), want.numpy())


@pytest.mark.parametrize("kind", KINDS)
def test_first_states_and_one_sequence_alone(kind):
    torch, ours, theirs = pair(kind, 3, 4, bidirectional=True)
    for data, shape in ((drawn(5, 2, 3), (2, 2, 4)), (drawn(5, 3), (2, 4))):
        states = [drawn(*shape) for _ in range(2 if kind == "LSTM" else 1)]
        mine, others = [research.tensor(s) for s in states], [torch.tensor(s) for s in states]
        x, y = research.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
        got = ours(x, tuple(mine) if kind == "LSTM" else mine[0])
        want = theirs(y, tuple(others) if kind == "LSTM" else others[0])
        agree(ours, theirs, x, y, got, want)
        ours.zero_grad()
        theirs.zero_grad()


@pytest.mark.parametrize("kind", KINDS)
def test_cells_agree_with_torch(kind):
    torch, ours, theirs = pair(kind + "Cell", 3, 4)
    for data in (drawn(2, 3), drawn(3)):
        got, want = ours(research.tensor(data)), theirs(torch.tensor(data))
        for _ in range(2):
            for a, b in zip(*[s if isinstance(s, tuple) else (s,) for s in (got, want)], strict=True):
                np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-6)
            got, want = ours(research.tensor(data), got), theirs(torch.tensor(data), want)


def test_dropout_between_layers():
    layer, x = nn.LSTM(3, 8, num_layers=2, dropout=0.5), research.tensor(drawn(5, 2, 3))
    outs = [layer(x)[0].detach().numpy() for _ in range(2)]
    assert not np.array_equal(*outs)
    research.manual_seed(3)
    first = layer(x)[0].detach().numpy()
    research.manual_seed(3)
    assert np.array_equal(layer(x)[0].detach().numpy(), first)
    layer.eval()
    assert np.array_equal(layer(x)[0].detach().numpy(), layer(x)[0].detach().numpy())


class LastOutput(nn.Module):
    """A classifier of sequences."""

    def __init__(self, kind):
        super().__init__()
        self.layer = getattr(nn, kind)(3, 8, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        return self.head(self.layer(x)[0][:, -1])


@pytest.mark.parametrize("kind", KINDS)
def test_layers_are_promoted(kind, tmp_path):
    """A graph for batches of any size gives the bits of research, on infinities and NaN too."""
    promote(LastOutput(kind), drawn(4, 5, 3), tmp_path / "model")


# the kernels --------------------------------------------------------------------------------------------------------
def layer_inputs(gates, states, t, n, features, h):
    weights = drawn(gates * h, features), drawn(gates * h, h), drawn(gates * h), drawn(gates * h)
    return [0.3 * a for a in (drawn(t, n, features), *[drawn(n, h) for _ in range(states)], *weights)]


@pytest.mark.parametrize(("name", "gates", "states"), [("rnn", 1, 1), ("lstm", 4, 2), ("gru", 3, 1)])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("sizes", [(5, 37, 9, 64), (4, 40, 3, 33)])
def test_kernels_agree_with_the_reference(name, gates, states, reverse, sizes):
    """Over all cores, with lengths in no order, and with gradients of the last states alone."""
    layer, back = getattr(ops, f"{name}_layer"), getattr(ops, f"{name}_back")
    args, lengths = layer_inputs(gates, states, *sizes), rng.integers(0, sizes[0] + 1, sizes[1])
    for ends in ((), (lengths,)):
        got, want = layer(*args, *ends, reverse=reverse), layer.kernel(np, *args, *ends, reverse=reverse)
        for a, b in zip(got, want, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
        gs = drawn(*got[0].shape), *[drawn(*got[1].shape) for _ in range(states)]
        for g in (gs, (0.0, *gs[1:])):
            inputs = (*g, *args, want[0], *want[1 + states :], *ends)
            for a, b in zip(back(*inputs, reverse=reverse), back.kernel(np, *inputs, reverse=reverse), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_a_call_changes_none_of_its_inputs():
    args = layer_inputs(4, 2, 5, 16, 8, 32)
    copies = [a.copy() for a in args]
    made = ops.lstm_layer(*args)
    kept = [m.copy() for m in made]
    ops.lstm_back(drawn(5, 16, 32), 0.0, 0.0, *args, made[0], *made[3:])
    assert all(same_bits(a, b) for a, b in zip((*args, *made), (*copies, *kept), strict=True))


def test_bits_do_not_depend_on_the_number_of_threads():
    numba = pytest.importorskip("numba")
    args = layer_inputs(4, 2, 6, 48, 20, 160)
    many = ops.lstm_layer(*args)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        one = ops.lstm_layer(*args)
    finally:
        numba.set_num_threads(threads)
    assert all(same_bits(a, b) for a, b in zip(many, one, strict=True))
    assert recurrent.CORES == gemm.CORES


def test_gradient_of_a_last_state_alone():
    """out is 0 past a sequence's end, and its last state is that of its own last step."""
    args = layer_inputs(3, 1, 5, 2, 3, 4)
    out, h_n, *_ = ops.gru_layer(*args, np.array([5, 2]))
    assert np.array_equal(h_n[0], out[4, 0])
    assert np.array_equal(h_n[1], out[1, 1])
    assert not out[2:, 1].any()
    out, h_n, *_ = ops.gru_layer(*args, np.array([5, 2]), reverse=True)
    assert np.array_equal(h_n, out[0])
    none = ops.gru_layer(*args, np.array([0, 2]))
    assert np.array_equal(none[1][0], args[1][0])


# what they refuse -----------------------------------------------------------------------------------------------------
GOOD = layer_inputs(4, 2, 5, 2, 3, 4)


@pytest.mark.parametrize(
    ("at", "wrong", "words"),
    [
        (0, drawn(5, 3), r"lstm_layer needs x \(steps, sequences, features\); got x: float32\[5, 3\]"),
        (0, drawn(5, 2, 6), r"needs w_ih \(4 times h, x's features\); got w_ih: float32\[16, 3\]"),
        (1, drawn(3, 4), r"needs h0 \(sequences, h\); got h0: float32\[3, 4\]"),
        (2, drawn(2, 4).astype("float64"), r"needs one dtype; got"),
        (3, drawn(15, 3), r"needs w_ih \(4 times h, x's features\)"),
        (4, drawn(12, 4), r"needs w_hh \(4 times h, h\); got w_hh: float32\[12, 4\]"),
        (5, drawn(4), r"needs a bias for each of the weights' rows, or 0.0 for none; got b_ih: float32\[4\]"),
        (6, 1.0, r"or 0.0 for none; got b_hh: 1.0"),
        (0, np.ones((5, 2, 3), int), r"needs arrays of floats; got x: int64\[5, 2, 3\]"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(at, wrong, words):
    args = [research.tensor(a) for a in GOOD]
    args[at] = research.as_tensor(wrong) if isinstance(wrong, np.ndarray) else wrong
    with pytest.raises(SpecError, match=words):
        ops.lstm_layer(*args)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lengths_that_do_not_fit_are_refused_in_words(dtype):
    args = [research.tensor(a.astype(dtype)) for a in GOOD]
    with pytest.raises(SpecError, match=r"needs lengths as a whole number for each sequence; got lengths: int64\[3\]"):
        ops.lstm_layer(*args, research.tensor([1, 2, 3]))
    for wrong in (6, -1):
        with pytest.raises(SpecError, match=f"needs lengths between 0 and the 5 steps there are; got lengths: {wrong}"):
            ops.lstm_layer(*args, research.tensor([1, wrong]))


def test_words_of_layers():
    with pytest.raises(SpecError, match="LSTM needs input_size=3 features"):
        nn.LSTM(3, 4)(research.tensor(drawn(5, 2, 7)))
    with pytest.raises(ValueError, match="dropout needs a probability between 0 and 1"):
        nn.GRU(3, 4, dropout=2)
    with pytest.raises(ValueError, match="nonlinearity 'tanh' or 'relu'; got 'sin'"):
        nn.RNN(3, 4, nonlinearity="sin")
    with pytest.raises(SpecError, match="the longest sequence comes first"):
        pack_padded_sequence(research.tensor(drawn(5, 2, 3)), [2, 5])
    with pytest.raises(SpecError, match="lengths from 1 to the 5 steps"):
        pack_padded_sequence(research.tensor(drawn(5, 2, 3)), [6, 5])
    args = [research.tensor(a, requires_grad=True) for a in GOOD]
    with pytest.raises(RuntimeError, match="no gradient flows back from that"):
        ops.lstm_layer(*args)[3].sum().backward()
