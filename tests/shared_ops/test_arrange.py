"""Arrangements that are made of other ops: against PyTorch, with sizes that are not known, and what they refuse."""

import numpy as np
import pytest

import production as tf
from research import Tensor
from shared_ops import ops
from shared_ops.spec import SpecError


def drawn(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


PADS = [
    ((2, 3, 4), (1, 2)),
    ((2, 3, 4), (3, 0, 1, 1)),
    ((1, 2, 4, 5), (2, 1, 0, 2)),
    ((2, 3, 4), (-1, 2)),
    ((2, 3), (2, 2)),
]
METHODS = {
    "view": ((2, 6), lambda x: x.view(3, -1)),
    "swapaxes": ((2, 3, 4), lambda x: x.swapaxes(0, -1)),
    "movedim": ((2, 3, 4), lambda x: x.movedim(0, -1)),
    "movedim of several": ((2, 3, 4, 5), lambda x: x.movedim((0, 3), (2, 0))),
    "squeeze": ((1, 2, 1, 3), lambda x: x.squeeze()),
    "squeeze one": ((1, 2, 1, 3), lambda x: x.squeeze(-2)),
    "squeeze some": ((1, 2, 1, 3), lambda x: x.squeeze((0, 1))),
    "unsqueeze": ((2, 3), lambda x: x.unsqueeze(-1)),
    "flatten": ((2, 3, 4), lambda x: x.flatten(1)),
    "unflatten": ((2, 12), lambda x: x.unflatten(1, (3, -1))),
    "flip": ((2, 3), lambda x: x.flip(0, 1)),
    "roll": ((2, 3), lambda x: x.roll(1)),
    "repeat": ((2, 3), lambda x: x.repeat(2, 1, 3)),
    "repeat to nothing": ((2, 3), lambda x: x.repeat(0, 1)),
    "repeat of a scalar": ((), lambda x: x.repeat(3)),
    "tile": ((2, 3), lambda x: x.tile((2,))),
    "tile with more": ((2, 3), lambda x: x.tile(2, 1, 2)),
    "repeat_interleave": ((2, 3), lambda x: x.repeat_interleave(2, 1)),
    "repeat_interleave of all": ((2, 3), lambda x: x.repeat_interleave(3)),
    "narrow": ((4, 3), lambda x: x.narrow(0, -3, 2)),
    "split": ((5, 2), lambda x: x.split(2)),
    "split in sizes": ((2, 5), lambda x: x.split([1, 0, 4], -1)),
    "chunk": ((7, 2), lambda x: x.chunk(3)),
    "chunk in fewer": ((4, 2), lambda x: x.chunk(3)),
    "chunk of nothing": ((0, 2), lambda x: x.chunk(2)),
    "unbind": ((3, 2), lambda x: x.unbind(1)),
    "tril": ((3, 4), lambda x: x.tril(1)),
    "triu": ((3, 4), lambda x: x.triu(-1)),
    "diagonal": ((2, 3, 4), lambda x: x.diagonal(1, -1, 0)),
    "diag": ((3,), lambda x: x.diag(-1)),
    "diag of a matrix": ((3, 4), lambda x: x.diag(1)),
}
FUNCTIONS = {
    "stack": ((2, 3), lambda t, x: t.stack([x, x * 2], -1)),
    "meshgrid": ((3,), lambda t, x: t.meshgrid(x, x[:2], x * 2, indexing="ij")),
    "meshgrid xy": ((3,), lambda t, x: t.meshgrid(x, x[:2], x * 2, indexing="xy")),
    "broadcast_to": ((3,), lambda t, x: t.broadcast_to(x, (2, 3))),
    "diag_embed": ((2, 3), lambda t, x: t.diag_embed(x, 1)),
    "diag_embed on axes": ((2, 3), lambda t, x: t.diag_embed(x, -1, 0, -1)),
}


class Ours:
    """The functions with PyTorch's way of taking several arrays."""

    def __getattr__(self, name):
        return getattr(ops, name)

    @staticmethod
    def meshgrid(*xs, indexing):
        return ops.meshgrid(xs, indexing=indexing)


def compare(call, shape):
    """Results and gradients of call(a module, a tensor)."""
    torch = pytest.importorskip("torch")
    x = drawn(*shape)
    ours, theirs = Tensor(x.copy(), requires_grad=True), torch.tensor(x, requires_grad=True)
    got, want = call(Ours(), ours), call(torch, theirs)
    got, want = (out if isinstance(out, tuple | list) else (out,) for out in (got, want))
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        assert a.shape == tuple(b.shape)
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    for outs in (got, want):
        total = outs[0].sum() * 0
        for k, out in enumerate(outs):
            total = total + (out * out).sum() * (k + 1)
        total.backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_methods_against_torch(name):
    shape, call = METHODS[name]
    compare(lambda _, x: call(x), shape)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_against_torch(name):
    shape, call = FUNCTIONS[name]
    compare(call, shape)


@pytest.mark.parametrize(("shape", "pad"), PADS)
@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_pad_against_torch(shape, pad, mode):
    if mode != "constant" and (len(pad) // 2 < len(shape) - 2 or min(pad) < 0):
        pytest.skip("PyTorch does not do these")
    compare(lambda t, x: (ops.pad if isinstance(t, Ours) else t.nn.functional.pad)(x, pad, mode), shape)


def test_pad_in_every_mode_along_one_axis():
    """As NumPy does it, where PyTorch has no such mode for these axes."""
    x = drawn(4, 3)
    for mode, theirs in (("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")):
        np.testing.assert_array_equal(ops.pad(x, (0, 0, 3, 1), mode), np.pad(x, ((3, 1), (0, 0)), theirs))
        np.testing.assert_array_equal(ops.pad(x, (1, -1), mode)[:, 1:], x[:, :-1])


def test_arrangements_of_unknown_sizes():
    x = drawn(4, 6)
    calls = [
        lambda n: ops.repeat(n, (2, 1, 2)),
        lambda n: ops.repeat_interleave(n, 2, 0),
        lambda n: ops.flip(n, axis=0),
        lambda n: ops.roll(n, shifts=1, axis=0),
        lambda n: ops.pad(n, (1, 1, 2, 0)),
        lambda n: ops.pad(n, (1, 2), "reflect"),
        lambda n: ops.pad(n, (0, 0, 1, 2), "replicate"),
        lambda n: ops.split(n, [2, 4], 1)[1],
        lambda n: ops.chunk(n, 2, 1)[0],
        lambda n: ops.narrow(n, 0, 1, n.shape[0] - 1),
        lambda n: ops.unflatten(n, 1, (2, -1)),
        lambda n: ops.movedim(n, 0, 1),
        lambda n: ops.tril(n),
        lambda n: ops.stack([n, n], 1),
        lambda n: ops.diag_embed(n),
        lambda n: ops.meshgrid([n[:, 0], n[:, 1]])[0],
    ]
    for call in calls:
        with tf.Graph().as_default() as graph:
            node = graph.placeholder("float32", (None, 6))
            out = call(node)
            (grad,) = tf.gradients((out * out).sum(), [node])
            got, got_grad = tf.Session().run([out, grad], {node: x})
        leaf = Tensor(x.copy(), requires_grad=True)
        want = call(leaf)
        (want * want).sum().backward()
        np.testing.assert_array_equal(got, want.detach().numpy())
        np.testing.assert_array_equal(got_grad, leaf.grad.numpy())


x = Tensor(drawn(2, 3))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ops.reshape(x, shape=(-2, -3)), "reshape needs a shape of whole numbers, none below -1"),
        (lambda: ops.reshape(x, shape=(2.0, 3)), "reshape needs a shape of whole numbers"),
        (lambda: ops.reshape(x, shape=(-1, 4)), "reshape needs as many values after as before"),
        (lambda: ops.reshape(Tensor(drawn(0, 3)), shape=(0, -1)), "cannot work out a size .* beside one that is 0"),
        (lambda: ops.permute(x, dims=(0,)), "permute needs every axis once"),
        (lambda: ops.permute(x, dims=(0, 2)), "permute needs axis between -2 and 1; got axis: 2"),
        (lambda: ops.expand(x, shape=(4, 3)), "expand needs each size to be 1 or the new one"),
        (lambda: ops.cat(x, Tensor(drawn(2, 2))), "cat needs equal sizes but along axis 0"),
        (lambda: ops.stack([x, Tensor(drawn(2, 2))]), "stack needs arrays of one shape"),
        (lambda: ops.stack([]), "stack needs at least one array"),
        (lambda: ops.movedim(x, (0, 1), (0,)), "movedim needs a place for each axis"),
        (lambda: ops.flip(x, axis=2), "flip needs axis between -2 and 1; got axis: 2"),
        (lambda: ops.flip(x, axis=(0, 0)), "flip needs each axis once"),
        (lambda: ops.roll(x, shifts=(1, 2), axis=0), "roll needs a shift for each axis"),
        (lambda: ops.roll(x, shifts=1.5), "roll needs whole numbers as shifts"),
        (lambda: ops.pad(x, (1,)), "pad needs a number before and one after"),
        (lambda: ops.pad(x, (1, 1) * 3), "pad needs a number before and one after"),
        (lambda: ops.pad(x, (-2, -2)), "pad cannot cut off more than there is"),
        (lambda: ops.pad(x, (1, 1), "mirror"), "pad needs a mode of constant, reflect, replicate, circular"),
        (lambda: ops.pad(x, (3, 0), "reflect"), "pad in mode 'reflect' takes at most 2 values from an axis of 3"),
        (lambda: ops.pad(x, (4, 0), "circular"), "pad in mode 'circular' takes at most 3 values"),
        (lambda: ops.pad(x, (1, 1), "circular", 2), "pad takes a value in mode 'constant', not in 'circular'"),
        (lambda: ops.pad(Tensor([1, 2]), (1, 1), value=0.5), "pad needs a number that x's dtype holds as value"),
        (lambda: ops.narrow(x, 1, 2, 2), "narrow needs a part of an axis of 3"),
        (lambda: ops.split(x, [1, 1], 1), "split needs sizes that add up to 3"),
        (lambda: ops.split(x, 0), "split needs a size above 0"),
        (lambda: ops.chunk(x, 0), "chunk needs a number of parts above 0"),
        (lambda: ops.repeat(x, (2,)), "repeat needs a number for each axis"),
        (lambda: ops.repeat(x, (2, -1)), "repeat needs a shape of whole numbers, none below 0"),
        (lambda: ops.repeat_interleave(x, 2, 2), "repeat_interleave needs axis between -2 and 1"),
        (lambda: ops.meshgrid([x]), "meshgrid needs vectors"),
        (lambda: ops.meshgrid([x[0]], indexing="ji"), "meshgrid needs indexing 'ij' or 'xy'"),
        (lambda: ops.tril(x[0]), r"tril needs matrices, \(..., n, m\)"),
        (lambda: ops.triu(x, diagonal=0.5), "triu needs a whole number as diagonal"),
        (lambda: ops.diagonal(x, dim1=0, dim2=-2), "diagonal needs each axis once"),
        (lambda: ops.diag(Tensor(1.0)), "diag needs a vector or a matrix"),
        (lambda: ops.gather(x, Tensor([[0.5]]), axis=0), "gather needs an array of whole numbers as index"),
        (lambda: ops.gather(x, Tensor([0]), axis=0), "gather needs an index with as many axes as x"),
        (lambda: ops.gather(x, Tensor([[0]] * 3), axis=1), "gather needs an index no larger than x on the other axes"),
        (
            lambda: ops.scatter(x, Tensor([[0, 1]]), Tensor(drawn(1, 1)), axis=0),
            "a source at least as large as its index",
        ),
        (lambda: ops.scatter(Tensor([1]), Tensor([0]), 0.5, axis=0), "scatter needs a number that x's dtype holds"),
        (lambda: ops.embedding(x, x), "embedding needs whole numbers as indices"),
        (lambda: ops.embedding(Tensor([0]), x, padding_idx=2), "embedding needs a padding_idx that is a row"),
        (lambda: ops.take(x, Tensor([0]), axis=(0, 1)), "take needs an index for each axis it names"),
        (lambda: ops.take(x, 1), "take needs arrays of whole numbers as indices"),
        (lambda: ops.index_put(x, Tensor(drawn(2)), Tensor([0])), "broadcast"),
        (lambda: ops.masked_fill(x, x, 0), "masked_fill needs a boolean mask"),
        (lambda: ops.masked_scatter(x, x > -9, x[0]), "masked_scatter needs a source of 6 values"),
        (lambda: ops.cat(x, 2), "cat: it needs an array, not a Python number"),
    ],
)
def test_wrong_calls_are_refused_in_words(call, words):
    with pytest.raises(SpecError, match=words):
        call()
