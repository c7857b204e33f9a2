"""Methods and functions under PyTorch's names: each beside PyTorch's own, as method, function and in place."""

import numpy as np
import pytest

import research
from research.functions import ONLY_METHODS

words = str.split
X = np.random.default_rng(0).uniform(0.1, 0.9, (3, 4))
Y = np.random.default_rng(1).uniform(0.1, 0.9, (3, 4))
SQUARE = X[:, :3] + 3 * np.eye(3)
COLUMN = np.array([0, 2])
MASK = X > 0.5

ALONE = words(
    "abs neg sign square exp exp2 expm1 log log1p log2 log10 sqrt rsqrt reciprocal sin cos tan asin acos atan sinh "
    "cosh tanh sigmoid relu erf erfc floor ceil trunc frac isnan isinf isfinite logical_not negative absolute round "
    "sum mean prod amax amin any all count_nonzero max min median norm var std ravel t flatten isfinite argmax "
    "nan_to_num unique"
)
WITH_ANOTHER = words(
    "pow atan2 remainder maximum minimum floor_divide eq ne lt le gt ge logical_and logical_or logical_xor add sub "
    "mul div multiply subtract divide true_divide isclose max min dist"
)
CALLS = [
    *[(name, (X,), {}) for name in ALONE],
    *[(name, (X, Y), {}) for name in WITH_ANOTHER if name != "dist"],
    ("round", (X,), {"decimals": 1}),
    ("add", (X, Y), {"alpha": 3}),
    ("sub", (X, Y), {"alpha": 0.5}),
    ("div", (X, Y), {"rounding_mode": "floor"}),
    ("div", (-X, Y), {"rounding_mode": "trunc"}),
    ("addcmul", (X, Y, Y), {"value": 2}),
    ("addcdiv", (X, Y, Y), {"value": 2}),
    ("lerp", (X, Y, 0.3), {}),
    ("clamp", (X, 0.3, 0.6), {}),
    ("clamp", (X,), {"max": 0.5}),
    ("clamp", (X,), {"min": Y}),
    ("clamp_min", (X, 0.3), {}),
    ("clamp_max", (X, 0.3), {}),
    ("clip", (X, 0.3, 0.6), {}),
    *[
        (name, (X, 1), {})
        for name in words("sum mean prod max min median amax amin argmax argmin any all cumsum cumprod")
    ],
    *[(name, (X,), {"dim": (0, 1), "keepdim": True}) for name in words("sum mean amax amin logsumexp")],
    *[(name, (X,), {"dim": 1, "keepdim": True}) for name in words("sum max min median prod argmin var std")],
    ("sum", (MASK,), {}),
    ("logsumexp", (X, 1), {}),
    ("softmax", (X, 1), {}),
    ("log_softmax", (X,), {"dim": 0}),
    ("var", (X, 1), {"correction": 0}),
    ("norm", (X,), {"p": 1, "dim": 1}),
    ("sort", (X,), {"dim": 1, "descending": True}),
    ("argsort", (X,), {"dim": 0}),
    ("topk", (X, 2), {}),
    ("topk", (X, 2), {"dim": 0, "largest": False}),
    ("matmul", (X, Y.T), {}),
    ("mm", (X, Y.T), {}),
    ("bmm", (X[None], Y.T[None]), {}),
    ("mv", (X, Y[0]), {}),
    ("dot", (X[0], Y[0]), {}),
    ("outer", (X[0], Y[0]), {}),
    ("addmm", (X[:, :3], X, Y.T), {}),
    ("inverse", (SQUARE,), {}),
    ("det", (SQUARE,), {}),
    ("slogdet", (SQUARE,), {}),
    ("reshape", (X, (2, 6)), {}),
    ("view", (X, 2, -1), {}),
    ("view_as", (X, Y.reshape(6, 2)), {}),
    ("expand", (X[:, :1], -1, 5), {}),
    ("expand", (X[0], 2, -1), {}),
    ("expand_as", (X[:1], Y), {}),
    ("broadcast_to", (X[:1], (3, 4)), {}),
    ("permute", (X, (1, 0)), {}),
    ("transpose", (X, 0, 1), {}),
    ("swapaxes", (X, 0, 1), {}),
    ("movedim", (X, 0, 1), {}),
    ("unflatten", (X, 1, (2, 2)), {}),
    ("squeeze", (X[:1], 0), {}),
    ("unsqueeze", (X, -1), {}),
    ("narrow", (X, 1, 1, 2), {}),
    ("split", (X, 2, 1), {}),
    ("chunk", (X, 2, 1), {}),
    ("unbind", (X,), {}),
    ("tril", (X, -1), {}),
    ("triu", (X,), {"diagonal": 1}),
    ("diag", (X[0],), {}),
    ("diagonal", (X, 1), {}),
    ("diag_embed", (X,), {}),
    ("repeat_interleave", (X, 2, 1), {}),
    ("flip", (X, (0, 1)), {}),
    ("roll", (X, 1, 0), {}),
    ("repeat", (X, 2, 1), {}),
    ("tile", (X, (2,)), {}),
    ("gather", (X, 1, np.array([[0], [2], [1]])), {}),
    ("scatter", (X, 1, np.array([[0], [2], [1]]), Y), {}),
    ("scatter_add", (X, 1, np.array([[0], [2], [1]]), Y), {}),
    ("index_select", (X, 1, COLUMN), {}),
    ("index_add", (X, 0, COLUMN, Y[:2]), {}),
    ("index_fill", (X, 0, COLUMN, 7.0), {}),
    ("index_copy", (X, 0, COLUMN, Y[:2]), {}),
    ("masked_fill", (X, MASK, 0.0), {}),
    ("masked_select", (X, MASK), {}),
    ("masked_scatter", (X, MASK, Y), {}),
    *[(name, (X,), {}) for name in words("float double half bfloat16 long int bool")],
    ("bitwise_and", (MASK, ~MASK), {}),
    ("bitwise_not", (MASK,), {}),
]
FUNCTIONS = [
    ("cat", ([X, Y], 1), {}),
    ("stack", ([X, Y],), {"dim": 1}),
    ("einsum", ("ij,kj->ik", X, Y), {}),
    ("tensordot", (X, Y), {"dims": ([0, 1], [0, 1])}),
    ("tensordot", (X, Y.T), {"dims": 1}),
    ("where", (MASK, X, Y), {}),
    ("where", (MASK,), {}),
    ("nonzero", (MASK,), {}),
    ("bincount", (np.array([0, 2, 2]),), {"minlength": 5}),
    ("cross", (X[:, :3], Y[:, :3]), {"dim": 1}),
    ("dist", (X, Y), {}),
    ("meshgrid", (X[0], Y[0]), {"indexing": "xy"}),
]
IN_PLACE = words("exp add mul sub div clamp sqrt neg round pow lerp masked_fill tril addcdiv index_fill cumsum")


def name_of(call):
    return call[0] + ("" if not call[2] else "-" + "-".join(map(str, call[2])))


def given(kind, values):
    def one(v):
        if isinstance(v, np.ndarray):
            return kind(v)
        return [one(w) for w in v] if isinstance(v, list) and isinstance(v[0], np.ndarray) else v

    return [one(v) for v in values] if not isinstance(values, dict) else {k: one(v) for k, v in values.items()}


def compare(ours, theirs):
    if isinstance(theirs, tuple | list):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            compare(a, b)
        if hasattr(theirs, "indices"):
            assert ours.values.shape == ours.indices.shape
        return
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    ours, theirs = (np.asarray(t.double() if "bfloat" in str(t.dtype) else t) for t in (ours, theirs))
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("call", CALLS, ids=name_of)
def test_a_method_gives_what_pytorchs_gives(call):
    torch = pytest.importorskip("torch")
    name, args, settings = call
    first, *rest = given(research.Tensor, args)
    ours = getattr(first, name)(*rest, **given(research.Tensor, settings))
    first, *rest = given(torch.tensor, args)
    theirs = getattr(first, name)(*rest, **given(torch.tensor, settings))
    compare(ours, theirs)


@pytest.mark.parametrize("call", [c for c in CALLS if c[0] not in ONLY_METHODS] + FUNCTIONS, ids=name_of)
def test_a_function_gives_what_pytorchs_gives(call):
    torch = pytest.importorskip("torch")
    name, args, settings = call
    ours = getattr(research, name)(*given(research.Tensor, args), **given(research.Tensor, settings))
    theirs = getattr(torch, name)(*given(torch.tensor, args), **given(torch.tensor, settings))
    compare(ours, theirs)


@pytest.mark.parametrize("call", [c for c in CALLS if c[0] in IN_PLACE and c[1][0].dtype == float], ids=name_of)
def test_in_place_writes_the_methods_result(call):
    name, args, settings = call
    first, *rest = given(lambda a: research.Tensor(a.copy()), args)
    settings = given(research.Tensor, settings)
    expected, array = getattr(first, name)(*rest, **settings), first.array
    out = getattr(first, name + "_")(*rest, **settings)
    assert out is first
    assert first.array is array
    assert first.tolist() == expected.tolist()


@pytest.mark.parametrize("call", [c for c in CALLS if c[0] in IN_PLACE and c[1][0].dtype == float], ids=name_of)
def test_in_place_on_a_computed_tensor_is_recorded(call):
    name, args, settings = call

    def gradient(suffix):
        leaf = research.Tensor(args[0].copy(), requires_grad=True)
        out = getattr(leaf * 1, name + suffix)(*given(research.Tensor, args[1:]), **given(research.Tensor, settings))
        (out * research.Tensor(Y)).sum().backward()
        return leaf.grad.tolist()

    assert gradient("_") == gradient("")


def test_assignment_into_a_tensor_with_history_is_recorded():
    for index in [0, (slice(None), 1), (slice(0, 2), slice(1, None)), MASK, (..., COLUMN)]:
        x = research.Tensor(X, requires_grad=True)
        y = x * 2
        part = y[index].shape
        value = research.Tensor(np.full(part, 3.0), requires_grad=True)
        y[index] = value
        expected, weight = X * 2, np.array(Y)
        expected[index] = 3.0
        assert y.tolist() == expected.tolist()
        (y * research.Tensor(Y)).sum().backward()
        weight[index] = 0
        np.testing.assert_allclose(x.grad.array, 2 * weight)
        np.testing.assert_allclose(value.grad.array, Y[index])


def test_a_leaf_is_not_changed_while_the_tape_records():
    x = research.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf that requires a gradient cannot be changed in place"):
        x.exp_()
    with pytest.raises(RuntimeError, match="a leaf"):
        x[0] = 1.0
    with research.no_grad():
        x[0] = 5.0
    assert x.tolist() == [5.0, 1.0]


def test_a_change_in_place_keeps_shape_and_kind():
    with pytest.raises(RuntimeError, match=r"keeps shape .* float32\[2\]; the result is float32\[3, 2\]"):
        research.ones(2).add_(research.ones(3, 2))
    with pytest.raises(RuntimeError, match="keeps shape and kind"):
        research.ones(2).long().add_(0.5)


def test_what_needs_values_is_a_method_of_tensors():
    x = research.tensor([0, 2, 2])
    assert x.nonzero().tolist() == [[1], [2]]
    assert x.bincount().tolist() == [1, 0, 2]
    assert x.equal(research.tensor([0, 2, 2]))
    assert x.float().allclose(x.float() + 1e-9)
    assert x.type() == "int64"
    assert x.type(research.float32).dtype == np.float32
    assert x.float().multinomial(1).item() in (1, 2)


def test_unknown_settings_are_named():
    with pytest.raises(TypeError, match="tril takes diagonal; got 'diag'"):
        research.ones(2, 2).tril(diag=1)
    with pytest.raises(TypeError, match="tril takes diagonal; got 2 after the tensor"):
        research.ones(2, 2).tril(1, 2)
