"""Elementwise ops where numbers end: NaN, infinities, signed zeros, kinks and overflow, as PyTorch has them."""

import numpy as np
import pytest

from cases import CASES, activation, elementwise, logic, rounding, transcendental
from research.tensor import Tensor
from shared_ops import ops
from shared_ops.op import REGISTRY
from shared_ops.spec import SpecError

FAMILIES = (elementwise, transcendental, rounding, logic, activation)
EDGES = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-18, -1e-18, 1.0, -1.0, 3.0, -3.0, 6.0, 30.0, -30.0, 1e18, -1e18]
OF_ONE = [name for f in FAMILIES for name in f.CASES if len(REGISTRY[name].inputs) == 1]
OF_TWO = [name for f in FAMILIES for name in f.CASES if len(REGISTRY[name].inputs) == 2]
WHOLE = {name for name in logic.CASES if name.startswith(("bitwise", "left", "right"))}
# where PyTorch gives NaN for a limit that is there, or where its vectorised and its scalar loop disagree
UNDECIDED = {"elu", "selu", "celu", "gelu", "softsign", "hardswish"}

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def compare(name, arrays, attrs):
    torch = pytest.importorskip("torch")
    family = next(f for f in FAMILIES if name in f.CASES)
    grad = REGISTRY[name].grad_rule is not None
    ours = [Tensor(a.copy(), requires_grad=grad) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=grad) for a in arrays]
    out, expected = REGISTRY[name](*ours, **attrs), family.TORCH[name](torch, *theirs, **attrs)
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-6)
    if grad and expected.requires_grad:
        out.sum().backward()
        expected.sum().backward()
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            got = np.zeros_like(arrays[i]) if a.grad is None else a.grad.numpy()
            np.testing.assert_allclose(got, b.grad.numpy(), rtol=1e-5, atol=1e-6, err_msg=f"gradient of input {i}")


@pytest.mark.parametrize("name", [name for name in OF_ONE if name not in WHOLE])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_edges_of_one_value(name, dtype):
    attrs = {"max": 1.0, "min": -1.0} if name == "clamp" else {"dtype": "float32"} if name == "cast" else {}
    values = [v for v in EDGES if np.isfinite(v) or name not in UNDECIDED]
    compare(name, [np.array(values, dtype)], attrs)


@pytest.mark.parametrize("name", [name for name in OF_TWO if name not in WHOLE])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_edges_of_two_values(name, dtype):
    x, y = (a.reshape(-1) for a in np.meshgrid(np.array(EDGES, dtype), np.array(EDGES, dtype)))
    compare(name, [x, y], {})


def test_whole_numbers_are_not_divided_by_zero():
    for op in (ops.floor_div, ops.remainder):
        with pytest.raises(SpecError, match=f"{op.name} needs integers to be divided by other numbers than 0"):
            op(np.array([1, 2]), np.array([1, 0]))


def test_whole_numbers_have_no_negative_powers():
    with pytest.raises(SpecError, match="pow needs the powers of integers to be at least 0; got y: -1"):
        ops.pow(np.array([1, 2]), np.array([2, -1]))
    with pytest.raises(SpecError, match="pow needs the powers of integers to be at least 0"):
        ops.pow(np.array([1, 2]), -1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: ops.neg(t(np.ones(2, bool))), r"neg: it needs numbers, not booleans; got input: bool\[2\]"),
        (lambda t: ops.sub(t(np.ones(2, bool)), True), r"sub: it needs numbers, not booleans alone"),
        (lambda t: ops.bitwise_and(t(np.ones(2)), 1), r"bitwise_and: it needs whole numbers or booleans; got inputs"),
        (lambda t: ops.bitwise_not(t(np.ones(2))), r"bitwise_not needs whole numbers or booleans; got x: float64"),
        (lambda t: ops.left_shift(t(np.ones(2, bool)), True), r"left_shift: it needs whole numbers to shift"),
        (lambda t: ops.gelu(t(np.ones(2)), approximate="erf"), r"gelu's approximate is 'none' or 'tanh'; got .*'erf'"),
        (lambda t: ops.celu(t(np.ones(2)), alpha=0), r"celu needs an alpha that is not 0; got alpha: 0"),
        (lambda t: ops.hardtanh(t(np.ones(2)), min_val=2.0), r"hardtanh needs min_val not above max_val"),
        (lambda t: ops.cast(t(np.ones(2)), dtype="text"), r"a dtype is named like float32, int64 or bool; got .*text"),
        (lambda t: ops.add(t(np.ones(2, "uint64")), t(np.ones(2, int))), r"add: no integer dtype holds both; cast one"),
    ],
)
def test_wrong_calls_teach(call, words):
    with pytest.raises(SpecError, match=words):
        call(Tensor)


def test_pythons_operators():
    x, mask = Tensor(np.array([-7, 5])), Tensor(np.array([True, False]))
    assert (x // 3).tolist() == [-3, 1]
    assert (17 // x).tolist() == [-3, 3]
    assert (x % 3).tolist() == [2, 2]
    assert (17 % x).tolist() == [-4, 2]
    assert (x & 6).tolist() == [-7 & 6, 4]
    assert (x | 8).tolist() == [-7 | 8, 13]
    assert (x ^ 1).tolist() == [-7 ^ 1, 4]
    assert (x << 1).tolist() == [-14, 10]
    assert (x >> 1).tolist() == [-4, 2]
    assert (1 << x % 3).tolist() == [4, 4]
    assert (~x).tolist() == [6, -6]
    assert (~mask & True).tolist() == [False, True]
    assert (True ^ mask | mask).tolist() == [True, True]


def test_erf_is_right_to_the_last_digits():
    """Against the C library's, in float64: within a few units of the last place."""
    import math

    x = np.concatenate([np.linspace(-28, 28, 20001), np.logspace(-300, 0, 2000)])
    for op, exact in ((ops.erf, math.erf), (ops.erfc, math.erfc)):
        want = np.array([exact(v) for v in x])
        sure = np.abs(want) > 1e-300
        np.testing.assert_allclose(op(x)[sure], want[sure], rtol=2e-15)


def test_every_case_of_these_families_is_compared_with_torch():
    assert all(f.TORCH[name] is not None for f in FAMILIES for name in f.CASES)
    assert {name for f in FAMILIES for name in f.CASES} <= CASES.keys()
