"""Gradients that one kernel gives: the very bits that the rule gives op by op, for any settings, sizes and layouts."""

import numpy as np
import pytest

import research
from research.tensor import Tensor
from shared_ops import ops
from shared_ops.bits import same_bits
from shared_ops.kernels.elementwise import KERNELS
from shared_ops.op import REGISTRY

SETTINGS = {
    "clamp": [{"min": 0.0}, {"max": 0.25}, {"min": -0.5, "max": 0.5}],
    "leaky_relu": [{}, {"negative_slope": 0.3}],
    "gelu": [{}, {"approximate": "tanh"}],
    "elu": [{}, {"alpha": 0.5}],
}
UNARY = sorted(name for name in KERNELS if len(REGISTRY[name].inputs) == 1 and REGISTRY[name].grad_rule)
DRAW = np.random.default_rng(4)
ARRAYS = {
    "few": DRAW.normal(size=(3, 5)),
    "many": DRAW.normal(size=(70, 600)),
    "transposed": DRAW.normal(size=(60, 70)).T,
    "stepped": DRAW.normal(size=(90, 80))[::2, ::-3],
}


def by_the_rule(op, x, g, settings):
    """The gradient as the rule gives it, each op by itself."""
    known = {"x": x, "out": op(x, **settings)}
    wanted = {name: known[name] for name, _, _ in op.kept}
    return op.backward({0: g}, op.with_facts(wanted, settings, (), (True,)))[0]


@pytest.mark.parametrize("layout", ARRAYS)
@pytest.mark.parametrize("name", UNARY)
def test_fused_equals_the_rule(name, layout):
    op = REGISTRY[name]
    for settings in SETTINGS.get(name, [{}]):
        x = ARRAYS[layout].astype("float32")
        if name in ("log", "log2", "log10", "sqrt", "rsqrt"):
            x = np.abs(x) + np.float32(0.1)
        elif name in ("asin", "acos"):
            x = x / np.abs(x).max()
        g = DRAW.normal(size=x.shape).astype("float32")
        tensor = Tensor(x, requires_grad=True)
        op(tensor, **settings).backward(Tensor(g))
        assert same_bits(tensor.grad.array, np.asarray(by_the_rule(op, x, g, settings))), settings


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "maximum", "minimum"])
@pytest.mark.parametrize("size", [7, 50_000])
@pytest.mark.parametrize("wants", [(True, True), (True, False), (False, True)])
def test_of_two_operands(name, size, wants):
    op = REGISTRY[name]
    x, y, g = (DRAW.normal(size=size).astype("float32") for _ in range(3))
    tensors = [Tensor(a, requires_grad=w) for a, w in zip((x, y), wants, strict=True)]
    op(*tensors).backward(Tensor(g))
    known = {"x": x, "y": y, "out": op(x, y)}
    rule = op.backward({0: g}, op.with_facts({n: known[n] for n, _, _ in op.kept}, {}, (), wants))
    for tensor, wanted, w in zip(tensors, rule, wants, strict=True):
        assert (tensor.grad is None) == (not w)
        assert not w or same_bits(tensor.grad.array, np.asarray(wanted))


def test_two_settings_are_two_kernels():
    """A rule with `min` and one with `max` ask for as many numbers, but not for the same."""
    x = np.linspace(-1, 1, 9, dtype="float32")
    low, high = Tensor(x, requires_grad=True), Tensor(x, requires_grad=True)
    ops.clamp(low, min=0.0).sum().backward()
    ops.clamp(high, max=0.0).sum().backward()
    np.testing.assert_array_equal(low.grad.array, x >= 0)
    np.testing.assert_array_equal(high.grad.array, x <= 0)


def test_second_order_still_goes_by_the_rule():
    x = Tensor(np.linspace(0.5, 2, 7, dtype="float32"), requires_grad=True)
    (first,) = research.autograd.grad(ops.tanh(x).sum(), x, create_graph=True)
    (second,) = research.autograd.grad(first.sum(), x)
    t = np.tanh(x.detach().numpy().astype("float64"))
    np.testing.assert_allclose(second.array, -2 * t * (1 - t * t), rtol=1e-4, atol=1e-6)


def test_repeated_values_are_read_where_they_stand():
    """An expanded array says where its values are by strides of 0, along any axis."""
    row, column = np.array([1.0, 2, 3], "float32"), np.array([[4.0], [5]], "float32")
    for x in (np.broadcast_to(row, (2, 3)), np.broadcast_to(column, (2, 3)), np.broadcast_to(np.float32(7), (2, 3))):
        np.testing.assert_array_equal(ops.exp(x), ops.exp(x.copy()))
    for leaf in (row, column):
        x = Tensor(leaf, requires_grad=True)
        out = ops.expand(x, shape=(2, 3))
        ops.mul(out, out).sum().backward()
        np.testing.assert_array_equal(x.grad.array, leaf * 2 * (6 / leaf.size))
