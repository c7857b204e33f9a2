"""Every op of the table answers the same questions, on every row of cases."""

import numpy as np
import pytest

import production as tf
import research
from cases import ALL, CASES, IDS
from research.tensor import Tensor
from shared_ops.bits import same_bits
from shared_ops.op import REGISTRY
from shared_ops.spec import SpecError, kind_of, spec_of

every_case = pytest.mark.parametrize(("name", "case"), ALL, ids=IDS)


def results(out):
    return out if isinstance(out, tuple) else (out,)


def is_float(x):
    return isinstance(x, np.ndarray) and kind_of(x.dtype) == "f"


def smooth_inputs(op, case):
    if op.grad_rule is None:
        return []
    wanted = range(len(case.args)) if case.smooth is None else case.smooth
    return [i for i in wanted if is_float(case.args[i])]


def with_leaves(case, at):
    """The arguments with tensors that require gradients at some places; and those tensors."""
    args = [Tensor(a.copy(), requires_grad=True) if i in at else a for i, a in enumerate(case.args)]
    return args, [args[i] for i in at]


def weighted(out):
    """A number made of all of the first output's values, each with another weight."""
    out = results(out)[0]
    weights = np.random.default_rng(1).normal(size=out.shape).astype(out.dtype)
    return (out * weights).sum()


def test_every_op_has_a_case():
    assert set(CASES) == set(REGISTRY)


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_spec_tells_the_truth(name, case, dtype):
    op = REGISTRY[name]
    args = tuple(a.astype(dtype) if is_float(a) else a for a in case.args)
    promised = op.infer(tuple(map(spec_of, args)), case.attrs)
    came = tuple(spec_of(np.asarray(r)) for r in results(op(*args, **case.attrs)))
    assert came == promised
    assert len(came) == len(op.outputs)
    assert op.__doc__, f"{name} has no docstring"


@every_case
def test_gradient_is_the_slope(name, case):
    """Along a random direction, in float64, to second order."""
    op = REGISTRY[name]
    at = smooth_inputs(op, case)
    directions = [np.random.default_rng(2 + i).normal(size=case.args[i].shape) for i in at]

    def slope(step):
        args = list(case.args)
        for i, d in zip(at, directions, strict=True):
            args[i] = args[i] + step * d
        return float(weighted(op(*args, **case.attrs)))

    for order in range(1, 3) if at else ():
        args, leaves = with_leaves(case, at)
        value = weighted(op(*args, **case.attrs))
        for _ in range(order):
            grads = [None] * len(leaves)  # a derivative that is constant has none of its own
            if value.requires_grad:
                grads = research.autograd.grad(value, leaves, create_graph=True, allow_unused=True)
            value = sum(((g * d).sum() for g, d in zip(grads, directions, strict=True) if g is not None), Tensor(0.0))
        h, rtol, atol = [(1e-6, 1e-6, 1e-7), (1e-4, 1e-4, 1e-5)][order - 1]
        differences = [(slope(h) - slope(-h)) / (2 * h), (slope(h) - 2 * slope(0.0) + slope(-h)) / h**2]
        np.testing.assert_allclose(value.item(), differences[order - 1], rtol=rtol, atol=atol)


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_graph_gives_the_tapes_bits(name, case, dtype):
    """The same call as numbers, on the tape and in a graph: results and gradients have the same bits."""
    op = REGISTRY[name]
    case = case._replace(args=tuple(a.astype(dtype) if is_float(a) else a for a in case.args))
    at = smooth_inputs(op, case)
    args, leaves = with_leaves(case, at)
    if not leaves:
        args = [Tensor(a) if isinstance(a, np.ndarray) else a for a in args]
    outs = results(op(*args, **case.attrs))
    grads = research.autograd.grad(weighted(outs), leaves, allow_unused=True) if leaves else ()

    with tf.Graph().as_default() as graph:
        nodes = [graph.placeholder(a.dtype, a.shape) if isinstance(a, np.ndarray) else a for a in case.args]
        feeds = {n: a for n, a in zip(nodes, case.args, strict=True) if isinstance(a, np.ndarray)}
        node_outs = results(op(*nodes, **case.attrs))
        node_grads = tf.gradients(weighted(node_outs), [nodes[i] for i in at]) if at else []
        got_outs, got_grads = tf.Session().run([node_outs, [g for g in node_grads if g is not None]], feeds)
    assert all(same_bits(t.array, v) for t, v in zip(outs, got_outs, strict=True))
    assert [g is None for g in grads] == [g is None for g in node_grads]
    for tape, node in zip([g for g in grads if g is not None], got_grads, strict=True):
        assert same_bits(tape.array, node)


@every_case
def test_strides_do_not_matter(name, case):
    """Reversed and transposed views hold the same values, and give the same results."""
    op = REGISTRY[name]
    args = [a[::-1][::-1] if isinstance(a, np.ndarray) and a.ndim else a for a in case.args]
    args = [np.asfortranarray(a) if isinstance(a, np.ndarray) and a.ndim > 1 else a for a in args]
    for got, want in zip(results(op(*args, **case.attrs)), results(op(*case.args, **case.attrs)), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_too_many_inputs_are_refused_in_words(name):
    op = REGISTRY[name]
    if op.variadic is None:
        with pytest.raises(SpecError, match=f"{name} takes {len(op.inputs)} inputs"):
            op.infer((spec_of(np.ones(1)),) * (len(op.inputs) + 1), {})
    with pytest.raises(SpecError, match="has no setting 'nonsense'"):
        op.infer((), {"nonsense": 1})
