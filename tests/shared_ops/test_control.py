"""cond, while_loop and scan: on arrays and on a tape, with gradients."""

import numpy as np
import pytest

import production as tf
import research
from shared_ops.control import cond, scan, while_loop
from shared_ops.spec import SpecError


def leaf(*values):
    return research.tensor(np.array(values, "float32"), requires_grad=True)


def test_cond_takes_one_branch_and_its_gradient():
    x = leaf(2.0, 3.0)
    for flag, slope in ((True, [4.0, 6.0]), (False, [-1.0, -1.0])):
        x.grad = None
        out = cond(research.tensor(flag), lambda v: v * v, lambda v: -v, (x,))
        out.sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), slope)
    assert cond(np.array(1.0) > 0, lambda: 1, lambda: 2) == 1


def test_while_loop_and_its_gradient():
    x = leaf(1.5)
    count, out = while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v * x), (0, x))
    out.sum().backward()
    assert count == 3
    np.testing.assert_allclose(x.grad.numpy(), [4 * 1.5**3])


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_is_a_running_product_with_gradients(reverse):
    xs = leaf(2.0, 3.0, 4.0)
    carry, ys = scan(lambda c, x: (c * x, c * x), research.tensor(1.0), xs, reverse=reverse)
    order = [2.0, 3.0, 4.0][:: -1 if reverse else 1]
    np.testing.assert_array_equal(ys.detach().numpy(), np.cumprod(order)[:: -1 if reverse else 1])
    assert carry.item() == 24
    (first,) = research.autograd.grad(ys.sum(), xs, create_graph=True)
    (second,) = research.autograd.grad((first * first).sum(), xs)
    step = 1e-3
    for i in range(3):

        def total(delta, i=i):
            v = np.array([2.0, 3.0, 4.0])
            v[i] += delta
            return np.cumprod(v[:: -1 if reverse else 1]).sum()

        np.testing.assert_allclose(first.detach().numpy()[i], (total(step) - total(-step)) / (2 * step), rtol=1e-3)
    assert np.isfinite(second.numpy()).all()


def test_scan_over_several_arrays():
    carry, (sums, products) = scan(
        lambda c, x: (c + x[0], (x[0] + x[1], x[0] * x[1])), np.float64(0), (np.arange(3.0), np.arange(3.0) + 1)
    )
    assert carry == 3
    np.testing.assert_array_equal(sums, [1, 3, 5])
    np.testing.assert_array_equal(products, [0, 2, 6])


def test_what_does_not_fit_is_told():
    x = research.ones(2)
    with pytest.raises(SpecError, match="cond needs a single truth value"):
        cond(x > 0, lambda: 1, lambda: 2)
    with pytest.raises(SpecError, match=r"while_loop needs value 0 to keep its shape and dtype.*\[2\].*\[4\]"):
        while_loop(lambda v: True, lambda v: research.cat([v, v]), (x,))
    with pytest.raises(SpecError, match="scan needs arrays of one length"):
        scan(lambda c, v: (c, v), x, (research.ones(2), research.ones(3)))
    with tf.Graph().as_default() as graph, pytest.raises(SpecError, match="not recorded by graphs"):
        cond(graph.placeholder(np.bool_, ()), lambda: 1, lambda: 2)
