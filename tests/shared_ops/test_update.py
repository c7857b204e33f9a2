"""Updates in place: the ops' very bits, for any arrays; and clipping of gradients."""

import numpy as np
import pytest

from cases.update import CASES
from shared_ops import update
from shared_ops.bits import same_bits
from shared_ops.op import REGISTRY
from shared_ops.spec import SpecError

numba = pytest.importorskip("numba")

SHAPES = [(), (0,), (3,), (7, 11), (16384,), (40001,), (100, 1000)]
EVERY = [(name, case) for name, cases in CASES.items() for case in cases]
IDS = [f"{name}-{k}" for name, cases in CASES.items() for k in range(len(cases))]


def rows_like(case, shapes=SHAPES, seed=0):
    """A row (p, g, *state) of float32 arrays for each shape; and the op's other inputs."""
    width = sum(isinstance(a, np.ndarray) and a.ndim > 0 for a in case.args) or 2
    rng = np.random.default_rng(seed)
    draws = [rng.normal, rng.normal, lambda size: rng.random(size) + 2, rng.random, rng.random][:width]
    rows = [tuple(np.asarray(make(size=shape), "float32") for make in draws) for shape in shapes]
    return rows, case.args[width:]


def copied(rows):
    return [tuple(a.copy() for a in row) for row in rows]


def results(out):
    return out if isinstance(out, tuple) else (out,)


def in_place(name, case, rows, scalars):
    update.apply_updates(REGISTRY[name], rows, scalars, case.attrs)
    return [(row[0], *row[2:]) for row in rows]


def assert_same(got, want):
    assert all(same_bits(a, b) for left, right in zip(got, want, strict=True) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize(("name", "case"), EVERY, ids=IDS)
def test_in_place_gives_the_ops_bits_at_any_number_of_threads(name, case):
    rows, scalars = rows_like(case)
    want = [results(REGISTRY[name](*row, *scalars, **case.attrs)) for row in copied(rows)]
    threads = numba.get_num_threads()
    try:
        for count in {1, threads}:
            numba.set_num_threads(count)
            assert_same(in_place(name, case, copied(rows), scalars), want)
    finally:
        numba.set_num_threads(threads)


@pytest.mark.parametrize("name", CASES)
def test_nothing_but_parameter_and_state_changes(name):
    case = CASES[name][0]
    (row, *_), scalars = rows_like(case, [(5,)])
    around = np.full((len(row), 32), 7, "float32")  # each array is the middle of a longer one
    inside = tuple(np.copyto(around[i, 8:13], a) or around[i, 8:13] for i, a in enumerate(row))
    in_place(name, case, [inside], scalars)
    assert (around[:, :8] == 7).all()
    assert (around[:, 13:] == 7).all()
    assert same_bits(inside[1], row[1])


ODD = {
    "transposed gradient": lambda row: (row[0], np.asfortranarray(row[1]), *row[2:]),
    "all transposed": lambda row: tuple(map(np.asfortranarray, row)),
    "parameter with gaps": lambda row: (np.repeat(row[0], 2, axis=1)[:, ::2], *row[1:]),
    "parameter backwards": lambda row: (row[0][::-1].copy()[::-1], *row[1:]),
    "float64": lambda row: tuple(a.astype("float64") for a in row),
    "gradient float64": lambda row: (row[0], row[1].astype("float64"), *row[2:]),
    "gradient read-only": lambda row: (row[0], np.broadcast_to(row[1][:1], row[0].shape), *row[2:]),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", CASES)
def test_odd_arrays_give_the_ops_bits_too(name, odd):
    case = CASES[name][0]
    rows, scalars = rows_like(case, [(4, 6), (3, 2), (4, 6)])
    rows[1] = ODD[odd](rows[1])
    want = [results(REGISTRY[name](*row, *scalars, **case.attrs)) for row in copied(rows)]
    assert_same(in_place(name, case, rows, scalars), want)


def test_a_gradient_that_lies_over_its_parameter_is_read_first():
    memory = np.arange(12, dtype="float32")
    p, g = memory[:8], memory[4:]
    want = REGISTRY["sgd"](p.copy(), g.copy(), 0.5)
    update.apply_updates(REGISTRY["sgd"], [(p, g)], (0.5,), {})
    assert same_bits(p, want)


def test_one_gradient_for_two_parameters():
    p, q, g = np.ones(3, "float32"), np.zeros(3, "float32"), np.ones(3, "float32")
    update.apply_updates(REGISTRY["sgd"], [(p, g), (q, g)], (0.5,), {})
    assert p.tolist() == [0.5] * 3
    assert q.tolist() == [-0.5] * 3


def test_wrong_updates_are_refused_in_words():
    ones = np.ones((2, 3), "float32")
    with pytest.raises(SpecError, match="have the parameter's shape; got p: "):
        update.apply_updates(REGISTRY["sgd"], [(ones, np.ones((3, 2), "float32"))], (0.1,), {})
    with pytest.raises(SpecError, match="lion takes 4 inputs"):
        update.apply_updates(REGISTRY["lion"], [(ones, ones)], (0.1,), {})
    with pytest.raises(SpecError, match="sgd has no setting 'momentum'"):
        update.apply_updates(REGISTRY["sgd"], [(ones, ones)], (0.1,), {"momentum": 0.9})
    with pytest.raises(SpecError, match="a parameter of floats"):
        update.apply_updates(REGISTRY["sgd"], [(np.ones(3, int), np.ones(3, int))], (0.1,), {})
    frozen = ones.copy()
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        update.apply_updates(REGISTRY["sgd"], [(frozen, ones)], (0.1,), {})
    assert (frozen == 1).all()


# gradient norm ------------------------------------------------------------------------------------------------------
def by_hand(grads, max_norm, norm_type):
    every = np.concatenate([np.ravel(g).astype("float64") for g in grads])
    norm = np.linalg.norm(every, norm_type)
    factor = min(max_norm / (norm + 1e-6), 1)
    return norm, [g * factor for g in grads]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("max_norm", [0.5, 1e6])
@pytest.mark.parametrize("norm_type", [2, float("inf"), 1, 3.5])
def test_clipping_keeps_the_norm_below(norm_type, max_norm, dtype):
    grads = [np.asarray(np.random.default_rng(0).normal(size=shape), dtype) for shape in SHAPES]
    norm, want = by_hand(grads, max_norm, norm_type)
    np.testing.assert_allclose(update.clip_grad_norm(grads, max_norm, norm_type), norm, rtol=1e-6)
    for got, wanted in zip(grads, want, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_clipping_odd_gradients():
    memory = np.full((4, 6), 2, "float32")
    grads = [memory[::2, ::2].T, np.ones(0, "float32"), np.ones(3, "float64")]
    norm = update.clip_grad_norm(grads, 1.0)
    assert norm == pytest.approx(27**0.5)
    np.testing.assert_allclose(grads[0], 2 / 27**0.5, rtol=1e-6)
    assert memory.sum() == pytest.approx(36 + 12 / 27**0.5)
    assert update.clip_grad_norm([], 1.0) == 0
    assert np.isnan(update.clip_grad_norm([np.array([1, np.nan], "float32")], 1.0, float("inf")))
    with pytest.raises(SpecError, match="norm_type above 0; got norm_type: -1"):
        update.clip_grad_norm(grads, 1.0, -1)
