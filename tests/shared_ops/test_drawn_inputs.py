"""Elementwise ops on drawn inputs: shapes that broadcast, strides of every kind, NaN, infinities, signed zeros.

Each op gives what its plain kernel gives for contiguous copies, in the shape and dtype that its spec promises.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from cases import CASES, activation, elementwise, logic, rounding, transcendental
from shared_ops.ops import REGISTRY
from shared_ops.spec import SpecError, spec_of

FAMILIES = (elementwise, transcendental, rounding, logic, activation)
NAMES = [name for family in FAMILIES for name in family.CASES]
WHOLE = [name for name in logic.CASES if name.startswith(("bitwise", "left", "right"))]
DTYPES = ["float32", "float32", "float64", "int64", "int32", "uint8", "bool"]
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-30, -1e30, 100.0, -110.0]
NUMBERS = [2, 1.5, 0.25, 3]
TOLERANCE = {"float32": {"rtol": 2e-5, "atol": 1e-6}, "float64": {"rtol": 1e-12}}


def transposed(x):
    return np.ascontiguousarray(x.T).T


def reversed_(x):
    back = (slice(None, None, -1),) * x.ndim
    return np.ascontiguousarray(x[back])[back]


def stepped(x):
    every_second = np.zeros((*x.shape, 2), x.dtype)
    every_second[..., 0] = x
    return every_second[..., 0]


def repeated(x):
    """The first of the first axis all along it, in one place of memory."""
    return np.broadcast_to(x[:1], x.shape) if x.ndim and x.shape[0] else x


def within(x):
    """A part of a larger array."""
    larger = np.zeros([n + 2 for n in x.shape], x.dtype)
    part = larger[(..., *(slice(1, n + 1) for n in x.shape))]
    part[...] = x
    return part


LAYOUTS = [np.ascontiguousarray, transposed, reversed_, stepped, repeated, within]


@st.composite
def an_array(draw, shape, dtype):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if dtype == "bool":
        values = rng.random(shape) < 0.5
    elif dtype.startswith("float"):
        values = rng.normal(size=shape) * rng.choice([1.0, 5.0])
        values = np.where(rng.random(shape) < 0.25, rng.choice(SPECIAL, shape), values)
    else:
        values = rng.integers(1, 7, shape)
    return draw(st.sampled_from(LAYOUTS))(np.asarray(values).astype(dtype))


@st.composite
def a_call(draw, name):
    op = REGISTRY[name]
    sides = draw(st.sampled_from([(0, 5), (10, 30)]))  # small arrays and large ones go different ways
    shapes = mutually_broadcastable_shapes(num_shapes=len(op.inputs), max_dims=3, min_side=sides[0], max_side=sides[1])
    dtypes = st.sampled_from(DTYPES[3:] if name in WHOLE else DTYPES)
    args = []
    for place, shape in enumerate(draw(shapes).input_shapes):
        condition = name == "where" and place == 0
        if place and not condition and draw(st.integers(0, 4)) == 0:
            args.append(draw(st.sampled_from(NUMBERS)))
        else:
            args.append(draw(an_array(shape, "bool" if condition else draw(dtypes))))
    return tuple(args), draw(st.sampled_from([case.attrs for case in CASES[name]]))


@pytest.mark.parametrize("name", NAMES)
def test_drawn_inputs(name):
    op, computed = REGISTRY[name], []

    @settings(max_examples=40, derandomize=True, database=None, deadline=None)
    @given(call=a_call(name))
    def check(call):
        args, attrs = call
        try:
            (promised,) = op.infer(tuple(map(spec_of, args)), attrs)
        except SpecError:
            return
        copies = [np.array(a, order="C") if isinstance(a, np.ndarray) else a for a in args]
        with np.errstate(all="ignore"):
            want, got = op.kernel(np, *copies, **attrs), op(*args, **attrs)
        assert spec_of(np.asarray(want)) == promised
        assert spec_of(np.asarray(got)) == promised
        np.testing.assert_allclose(got, want, **TOLERANCE.get(promised.dtype.name, {"rtol": 0}))
        computed.append(promised)

    check()
    assert len(computed) > 10, f"{name} refused nearly all that was drawn"
