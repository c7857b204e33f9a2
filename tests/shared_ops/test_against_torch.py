"""Every op against its counterpart in PyTorch, results and gradients, over many samples; needs the extra `bench`."""

import numpy as np
import pytest

from cases import ALL, CASES, IDS, TORCH
from research.tensor import Tensor
from shared_ops.op import REGISTRY

torch = pytest.importorskip("torch")
SAMPLES = 12
TOLERANCE = {"float32": {"rtol": 2e-4, "atol": 2e-5}, "float64": {"rtol": 1e-7, "atol": 1e-9}}


def tolerance(computed, dtype):
    """Integers become float32, whatever the row's floats are."""
    return TOLERANCE["float32" if computed.dtype == "float32" else dtype]


def test_every_op_has_a_counterpart_or_none():
    assert set(TORCH) == set(CASES)


def sampled(array, rng, dtype):
    """The array's values shuffled and stretched a little: other values of the same kind."""
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
        return array
    shuffled = rng.permutation(array.reshape(-1)).reshape(array.shape)
    return np.asarray(shuffled * rng.uniform(0.9, 1.1), dtype)


def results(out):
    return tuple(out) if isinstance(out, tuple | list) else (out,)


def weighted(out, as_tensor):
    rng = np.random.default_rng(3)
    parts = [(o * as_tensor(np.asarray(rng.normal(size=tuple(o.shape))))).sum() for o in out if o.requires_grad]
    return sum(parts[1:], parts[0])


def smooth_inputs(op, case):
    if op.grad_rule is None:
        return []
    wanted = range(len(case.args)) if case.smooth is None else case.smooth
    return [i for i in wanted if isinstance(case.args[i], np.ndarray) and case.args[i].dtype.kind == "f"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "case"), ALL, ids=IDS)
def test_agrees_with_torch(name, case, dtype):
    op, twin = REGISTRY[name], TORCH[name]
    if twin is None:
        return
    at = smooth_inputs(op, case)
    for sample in range(SAMPLES):
        rng = np.random.default_rng(sample)
        args = [sampled(a, rng, dtype) for a in case.args]
        ours = [Tensor(a.copy(), requires_grad=i in at) if isinstance(a, np.ndarray) else a for i, a in enumerate(args)]
        theirs = [
            torch.tensor(a, requires_grad=i in at) if isinstance(a, np.ndarray) else a for i, a in enumerate(args)
        ]
        out, expected = results(op(*ours, **case.attrs)), results(twin(torch, *theirs, **case.attrs))
        for a, b in zip(out, expected, strict=False):
            assert a.shape == tuple(b.shape)
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), **tolerance(a, dtype))
        if at:
            took = out[: len(expected)] if op.takes_every_gradient else out[:1]
            weighted(took, lambda w: Tensor(w.astype(dtype))).backward()
            weighted(expected[: len(took)], lambda w: torch.tensor(w.astype(dtype))).backward()
            for i in at:
                ours_grad = np.zeros_like(args[i]) if ours[i].grad is None else ours[i].grad.numpy()
                their_grad = np.zeros_like(args[i]) if theirs[i].grad is None else theirs[i].grad.numpy()
                np.testing.assert_allclose(
                    ours_grad, their_grad, **tolerance(out[0], dtype), err_msg=f"gradient of input {i}"
                )
