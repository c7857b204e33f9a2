"""Dtypes: PyTorch's promotion, and half floats in every op: stored in two bytes, computed in float32, rounded once."""

import itertools

import numpy as np
import pytest
import test_every_op

import production as tf
import research
from cases import ALL, CASES, IDS
from production.promote import promote
from research.tensor import Tensor
from shared_ops import half, ops
from shared_ops.op import REGISTRY
from shared_ops.spec import BFLOAT16, FLOAT16, Spec, SpecError, dtype_named, is_float, kind_of, result_dtype, spec_of

NAMES = ["bool", "uint8", "int8", "int16", "int32", "int64"]
NAMES += ["float16", "bfloat16", "float32", "float64", "complex64", "complex128"]
NUMBERS = [True, 2, 2.5]
HALVES = ["float16", "bfloat16"]
STEP = {"float16": 2.0**-10, "bfloat16": 2.0**-7}  # between 1 and the next number

in_halves = pytest.mark.parametrize("dtype", HALVES)


def results(out):
    return out if isinstance(out, tuple) else (out,)


def cast_floats(args, dtype):
    return tuple(a.astype(dtype) if isinstance(a, np.ndarray) and kind_of(a.dtype) == "f" else a for a in args)


WITH_FLOATS = [
    pytest.param(name, case, id=row)
    for (name, case), row in zip(ALL, IDS, strict=True)
    if any(isinstance(a, np.ndarray) and a.dtype.kind == "f" for a in case.args)
]
every_case = pytest.mark.parametrize(("name", "case"), WITH_FLOATS)


# promotion --------------------------------------------------------------------------------------------------------
def test_promotion_is_pytorchs():
    torch = pytest.importorskip("torch")
    for a, b in itertools.product(NAMES, NAMES):
        x, y = torch.ones(2, dtype=getattr(torch, a)), torch.ones(2, dtype=getattr(torch, b))
        want = str(torch.result_type(x, y)).removeprefix("torch.")
        if want != "complex32":  # which NumPy has not
            assert result_dtype(Spec((2,), dtype_named(a)), Spec((2,), dtype_named(b))).name == want, (a, b)
    for a, number in itertools.product(NAMES, NUMBERS):
        want = str(torch.result_type(torch.ones(2, dtype=getattr(torch, a)), number)).removeprefix("torch.")
        assert result_dtype(Spec((2,), dtype_named(a)), number).name == want, (a, number)
        assert result_dtype(number, Spec((2,), dtype_named(a))).name == want, (number, a)
    for a, b in itertools.product(NUMBERS, NUMBERS):
        want = str(torch.result_type(a, b)).removeprefix("torch.")
        assert result_dtype(a, b).name == want, (a, b)


@pytest.mark.parametrize("op", [ops.add, ops.mul, ops.maximum, ops.where, ops.div, ops.eq], ids=lambda op: op.name)
def test_kernels_promote_as_their_specs(op):
    """Every pair of dtypes, and every dtype beside a number."""
    beside = [*NAMES[:-2], *NUMBERS]
    for a, b in itertools.product(beside, beside):
        x, y = (np.ones((2, 2), n) if isinstance(n, str) else n for n in (a, b))
        args = (np.ones((2, 2), bool), x, y) if op is ops.where else (x, y)
        (promised,) = op.infer(tuple(map(spec_of, args)), {})
        assert spec_of(np.asarray(op(*args))) == promised, (a, b)


def test_names_of_dtypes():
    assert dtype_named("bfloat16") == BFLOAT16 == research.bfloat16 == tf.bfloat16
    assert is_float(BFLOAT16)
    assert kind_of(BFLOAT16) == kind_of(FLOAT16) == "f"
    for wrong in ("text", "V2", object, "datetime64[s]"):
        with pytest.raises(SpecError, match="a dtype is named like float32, int64 or bool"):
            dtype_named(wrong)
    state = np.zeros(2, "uint64")
    calls = [lambda: ops.random_normal(Tensor(state), shape=(2,), dtype="text"), lambda: Tensor(state).to("text")]
    calls += [lambda: ops.one_hot(Tensor([1]), num_classes=2, dtype="text"), lambda: tf.placeholder("text", (2,))]
    for call in calls:
        with pytest.raises(SpecError, match=r"a dtype is named like float32, int64 or bool; got dtype: text"):
            call()
    with pytest.raises(SpecError, match=r"no integer dtype holds both; cast one of them; got dtypes: \[uint64,"):
        ops.add(Tensor(np.ones(2, "uint64")), Tensor(np.ones(2, "int64")))
    with pytest.raises(SpecError, match="a number beside an array must fit into the array's dtype"):
        ops.add(Tensor(np.ones(2, "uint8")), 300)


# halves in every op -------------------------------------------------------------------------------------------------
@every_case
@in_halves
def test_half_floats(name, case, dtype):
    """The result is float32's for these inputs, rounded once to the dtype that the spec promises."""
    op, args = REGISTRY[name], cast_floats(case.args, dtype)
    promised = op.infer(tuple(map(spec_of, args)), case.attrs)
    got = results(op(*args, **case.attrs))
    assert tuple(spec_of(np.asarray(g)) for g in got) == promised
    want = results(op(*cast_floats(args, "float32"), **case.attrs))
    rtol = STEP[dtype] if name not in half.COMPARISONS else 0
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(np.asarray(g, "float64"), np.asarray(w, "float64"), rtol=rtol, atol=1e-6)


@every_case
@in_halves
def test_graph_gives_the_tapes_bits_in_halves(name, case, dtype):
    test_every_op.test_graph_gives_the_tapes_bits(name, case, dtype)


def test_only_known_ops_move_halves_as_they_are():
    assert CASES.keys() >= half.MOVES | half.COMPARISONS


@in_halves
def test_views_of_halves_are_views(dtype):
    x = np.arange(6).reshape(2, 3).astype(dtype)
    for view in (ops.reshape(x, shape=(3, 2)), ops.permute(x, dims=(1, 0)), ops.getitem(x, index=(0,))):
        assert np.shares_memory(view, x)


@in_halves
def test_numbers_beside_halves(dtype):
    """In arithmetic a number keeps its digits until the result is rounded; a comparison is with the nearest half."""
    x = np.array([0.1, 0.3], dtype)
    assert ops.eq(x, 0.1).tolist() == [True, False]
    np.testing.assert_array_equal(ops.mul(x, 0.1), (x.astype("float32") * np.float32(0.1)).astype(dtype))


@in_halves
def test_sums_of_many_halves_do_not_stall(dtype):
    """Added up in halves, 4096 ones would stop at 2048, or at 256."""
    ones = np.ones(4096, dtype)
    assert ops.sum(ones) == 4096
    assert ops.mean(ones) == 1


# halves in both worlds ------------------------------------------------------------------------------------------------
@in_halves
def test_a_model_learns_in_halves(dtype):
    research.manual_seed(0)
    x, w = research.randn(64, 3).to(dtype), research.tensor([[1.0], [-2.0], [0.5]]).to(dtype)
    y = x @ w
    v = Tensor(np.zeros((3, 1), dtype), requires_grad=True)
    optimizer = research.optim.SGD([v], lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        loss = ((x @ v - y) ** 2).mean()
        loss.backward()
        assert v.grad.dtype == v.dtype == loss.dtype == dtype_named(dtype)
        optimizer.step()
    np.testing.assert_allclose(v.detach().numpy().astype("float32"), w.numpy().astype("float32"), atol=0.03)


@in_halves
def test_a_graph_of_halves(dtype):
    with tf.Graph().as_default():
        x = tf.placeholder(dtype, (None, 2))
        y = tf.nn.relu(x * 2.0 + tf.constant([1.0, -1.0], dtype=dtype))
        (g,) = tf.gradients(y, x)
        out, slope = tf.Session().run([y, g], {x: np.array([[1.5, 0.25]], "float32")})
    assert out.dtype == slope.dtype == dtype_named(dtype)
    assert out.tolist() == [[4.0, 0.0]]
    assert slope.tolist() == [[2.0, 0.0]]


@in_halves
def test_halves_are_saved_and_loaded(tmp_path, dtype):
    saved = {"x": research.tensor([0.1, -2.0, float("inf")]).to(dtype)}
    research.save(saved, tmp_path / "state")
    loaded = research.load(tmp_path / "state")["x"]
    assert loaded.dtype == dtype_named(dtype)
    assert loaded.numpy().tobytes() == saved["x"].numpy().tobytes()


def test_half_and_bfloat16_print():
    x = research.tensor([0.1, 2.0])
    assert repr(x.half()) == "tensor([0.1, 2. ], dtype=float16)"
    assert repr(x.bfloat16()).startswith("tensor([0.1")
    assert "dtype=bfloat16" in repr(x.bfloat16())
    assert isinstance(x.bfloat16()[0].item(), float)


@in_halves
def test_a_model_of_halves_is_promoted(tmp_path, dtype):
    model = research.nn.Linear(4, 3)
    for p in model.parameters():
        p.data = p.data.to(dtype)
    batch = np.random.default_rng(0).normal(size=(5, 4)).astype(dtype)
    assert promote(model, batch, tmp_path / "saved").proof["bit_for_bit"]
