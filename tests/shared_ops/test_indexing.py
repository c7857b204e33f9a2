"""What may stand in brackets, against NumPy, on drawn indices; and choosing and writing by index and by mask."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import production as tf
import research
from research import Tensor
from shared_ops import ops
from shared_ops.select import write
from shared_ops.spec import SpecError

quick = settings(max_examples=150, derandomize=True, database=None, deadline=None)


def a_slice(n):
    bound = st.none() | st.integers(-n - 2, n + 2)
    return st.builds(slice, bound, bound, st.sampled_from([None, 1, 2, -1, -2]))


@st.composite
def an_array(draw, n, together, as_list):
    """Places of an axis of size n, in the shape `together` or the end of it."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    places = rng.integers(-n, n, together[draw(st.integers(0, len(together) - 1)) :])
    return places.tolist() if as_list else places


@st.composite
def an_index(draw):
    """A shape and an index for it that NumPy takes, and PyTorch reads in the same way."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    kind = draw(st.sampled_from(["int", "array", "list", "mask"]))
    together = draw(st.sampled_from([(1,), (3,), (2, 3), (0,)]))
    entries, axis = [], 0
    while axis < len(shape):
        n = shape[axis]
        if kind == "slice" or draw(st.booleans()):
            entries.append(draw(a_slice(n)))
        elif kind == "int":
            entries.append(draw(st.integers(-n, n - 1)))
        elif kind == "mask":
            sizes = shape[axis : axis + draw(st.integers(1, 2))]
            entries.append(np.random.default_rng(draw(st.integers(0, 2**32 - 1))).random(sizes) < 0.5)
            axis += len(sizes) - 1
            kind = "slice"  # another mask would have to hold as often
        else:
            entries.append(draw(an_array(n, together, kind == "list")))
        axis += 1
    if draw(st.booleans()):  # leave some out
        first = draw(st.integers(0, len(entries)))
        last = draw(st.integers(first, len(entries)))
        entries[first:last] = [...] if last < len(entries) or draw(st.booleans()) else []
    for place in draw(st.lists(st.integers(0, len(entries)), max_size=2)):
        entries.insert(place, None)
    return shape, tuple(entries)


def values(shape):
    return np.arange(1, 1 + np.prod(shape), dtype="float32").reshape(shape)


@quick
@given(an_index())
def test_an_index_means_what_it_means_to_numpy(drawn):
    shape, index = drawn
    x = values(shape)
    want = x[index]
    got = Tensor(x)[index]
    assert got.shape == want.shape
    np.testing.assert_array_equal(got.numpy(), want)
    np.testing.assert_array_equal(ops.index(x, index), want)

    leaf = Tensor(x, requires_grad=True)
    leaf[index].sum().backward()
    counted = np.zeros_like(x)
    np.add.at(counted, index, 1)
    np.testing.assert_array_equal(leaf.grad.numpy(), counted)

    with tf.Graph().as_default() as graph:
        node = graph.placeholder("float32", shape)
        np.testing.assert_array_equal(tf.Session().run(node[index], {node: x}), want)


@quick
@given(an_index(), st.booleans())
def test_a_part_is_written_as_in_numpy(drawn, one):
    shape, index = drawn
    want, got = values(shape), Tensor(values(shape))
    value = np.float32(-1) if one else -np.ones_like(want[index])
    want[index] = value
    got[index] = Tensor(value)
    np.testing.assert_array_equal(got.numpy(), want)


@quick
@given(st.data())
def test_an_index_out_of_range_is_refused(data):
    shape = data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=3))
    axis = data.draw(st.integers(0, len(shape) - 1))
    n = shape[axis]
    bad = data.draw(st.sampled_from([n, -n - 1, n + 7, 2**40]))
    before = [data.draw(st.sampled_from([slice(None), 0, slice(0, 1), [0]])) for _ in range(axis)]
    entry = data.draw(st.sampled_from([bad, [0, bad], np.array([[bad]])]))
    x, index = values(shape), (*before, entry)
    words = rf"index {bad} is out of range for .*axis {axis}\b"
    for call in (lambda: Tensor(x)[index], lambda: ops.index(x, index), lambda: write(x, index, 0)):
        with pytest.raises(SpecError, match=words):
            call()
    np.testing.assert_array_equal(x, values(shape))


OUT_OF_RANGE = {
    "take": lambda x, i: ops.take(x, i),
    "take_add": lambda x, i: ops.take_add(x, i, shape=x.shape),
    "index_put": lambda x, i: ops.index_put(x, 0, i),
    "embedding": lambda x, i: ops.embedding(i, x),
    "embedding_weight": lambda x, i: ops.embedding_weight(x, i, count=4),
    "gather": lambda x, i: ops.gather(x, i[:, None], axis=0),
    "gather_add": lambda x, i: ops.gather_add(x, np.stack([i] * 4, 1), shape=(4, 4), axis=0),
    "scatter": lambda x, i: ops.scatter(x, i[:, None], 0.0, axis=0),
    "scatter_add": lambda x, i: ops.scatter_add(x, i[:, None], x, axis=0),
    "take, by index_select": lambda x, i: ops.index_select(x, 0, i),
    "take_add, by index_add": lambda x, i: ops.index_add(x, 0, i, x),
    "gather, last axis": lambda x, i: ops.gather(x, np.stack([i] * 4), axis=-1),
    "gather_add, last axis": lambda x, i: ops.gather_add(x, np.stack([i] * 4), shape=(4, 4), axis=-1),
    "scatter_add, last axis": lambda x, i: ops.scatter_add(x, np.stack([i] * 4), x, axis=-1),
}
FROM_THE_END = ("take", "take_add", "index_put")  # all others take no numbers below 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])  # the fast forms, and the plain ones
@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_every_op_refuses_what_is_out_of_range(name, dtype):
    x = np.ones((4, 4), dtype)
    for bad in (4, -5, 2**40, *([] if name in FROM_THE_END else [-1])):
        words = rf"{name.split(',')[0]}: index {bad} is out of range for axis \d, which has 4 entries"
        with pytest.raises(SpecError, match=words):
            OUT_OF_RANGE[name](x, np.array([0, 1, bad, 2]))
    with pytest.raises(SpecError, match="one_hot needs labels from 0 to 3; got 4"):
        ops.one_hot(np.array([0, 4]), num_classes=4)


@pytest.mark.parametrize("size", [(2048, 1024), (40, 16)])
def test_large_tables_on_many_threads(size):
    """Large enough for threads, with rows that are hit by all of them; and an error in the last place."""
    rng = np.random.default_rng(0)
    count, width = size
    table = rng.normal(size=(50, width)).astype("float32")
    i = rng.integers(-50, 50, count)
    np.testing.assert_array_equal(ops.take(table, i), table[i])
    rows = rng.integers(-8, 8, (count, width)).astype("float32")  # whole numbers add up without rounding
    want = np.zeros_like(table)
    np.add.at(want, i, rows)
    np.testing.assert_array_equal(ops.take_add(rows, i, shape=table.shape), want)
    i[-1] = 50
    for call in (lambda: ops.take(table, i), lambda: ops.take_add(rows, i, shape=table.shape)):
        with pytest.raises(SpecError, match="index 50 is out of range for axis 0, which has 50 entries"):
            call()
    places = rng.integers(0, width, (count, 200))
    np.testing.assert_array_equal(ops.gather(rows, places, axis=1), np.take_along_axis(rows, places, 1))
    want = rows.copy()
    np.add.at(want, (np.arange(count)[:, None], places), 1)
    np.testing.assert_array_equal(ops.scatter_add(rows, places, np.ones(places.shape, "float32"), axis=1), want)


def test_whole_numbers_pick_before_arrays_do():
    """As in PyTorch; NumPy would count 0 among the arrays."""
    x = values((2, 3, 4))
    for zero in (0, Tensor(0), np.int64(0), np.array(0)):
        np.testing.assert_array_equal(Tensor(x)[zero, :, [0, 1]].numpy(), x[0][:, [0, 1]])
    np.testing.assert_array_equal(Tensor(x)[[0, 1], Tensor(-1), np.array([1, 2])].numpy(), x[:, -1][[0, 1], [1, 2]])
    t = Tensor(x.copy())
    t[0, :, [0, 1]] = np.zeros((3, 2))
    assert not t.numpy()[0, :, :2].any()
    assert t.numpy()[0, :, 2:].all()
    with tf.Graph().as_default() as graph:
        which = graph.placeholder("int64", ())
        got = tf.Session().run(graph.constant(x)[which, :, [0, 1]], {which: np.array(1)})
    np.testing.assert_array_equal(got, x[1][:, [0, 1]])


def test_slices_of_tensors():
    x = values((5,))
    assert Tensor(x)[Tensor(1) : np.int64(3)].shape == (2,)
    with tf.Graph().as_default() as graph:
        node = graph.placeholder("float32", (None, 3))
        assert node[::-1].shape == node.shape
        assert node[:, [0, 2]].shape == (node.shape[0], 2)
        with pytest.raises(SpecError, match="has no size that is sure"):
            node[:2]


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (1.5, "an index is whole numbers"),
        (True, "an index is whole numbers"),
        ("a", "an index is whole numbers"),
        (slice(1.5), "a slice is made of whole numbers"),
        (slice(None, None, 0), "an index is whole numbers"),
        (np.array([0.5]), "an index array holds whole numbers, or is a mask with axes"),
        (np.array(True), "an index array holds whole numbers, or is a mask with axes"),
        ((..., ...), "an index has at most one"),
        ((0, 0, 0), "an index has at most one entry for each axis"),
        (np.ones((2, 3, 1), bool), "an index has at most one entry for each axis"),
        (np.ones(3, bool), "a mask has the sizes of the axes it stands for, here 2 on axis 0"),
        ((slice(None), np.ones(2, bool)), "a mask has the sizes of the axes it stands for, here 3 on axis 1"),
        (([0, 1], [0, 1, 2]), "shapes do not broadcast"),
        ((0, 3), "index 3 is out of range for an axis of size 3, axis 1"),
        ((0, [3]), "index 3 is out of range for axis 1, which has 3 entries"),
    ],
)
def test_what_is_no_index_is_refused(index, words):
    with pytest.raises(SpecError, match=words):
        Tensor(values((2, 3)))[index]
    with pytest.raises(SpecError, match=words), tf.Graph().as_default() as graph:
        graph.placeholder("float32", (2, 3))[index]


def test_masks_in_a_graph():
    x = values((3,))
    with tf.Graph().as_default() as graph:
        node = graph.placeholder("float32", (3,))
        with pytest.raises(SpecError, match=r"no sure size; choose with where\(mask, x, y\) or masked_fill"):
            node[node > 1]
        filled = ops.masked_fill(node, node > 1, 0.5)
        known = node[np.array([True, False, True])]
        got = tf.Session().run([filled, known], {node: x})
    np.testing.assert_array_equal(got[0], [1, 0.5, 0.5])
    np.testing.assert_array_equal(got[1], [1, 3])


def test_writing_that_cannot_be():
    t = Tensor(values((2, 3)))
    with pytest.raises(SpecError, match="what is written must fit into the part"):
        t[[0, 1]] = np.ones(2)
    before = t * 1
    t.requires_grad_()
    with pytest.raises(RuntimeError, match="a leaf that requires a gradient cannot be changed in place"):
        t[0] = 0
    with research.no_grad():
        t[:, 1] = 7
    assert t.detach().numpy()[:, 1].tolist() == [7, 7]
    assert before.numpy()[0, 1] == 2


def test_a_write_is_noticed_by_backward():
    t = Tensor(values((2, 3)), requires_grad=True)
    out = (t * t).sum()
    with research.no_grad():
        t[0, [1, 2]] = 0
    with pytest.raises(RuntimeError, match="changed"):
        out.backward()


def test_padding_row_gets_no_gradient():
    for dtype in ("float32", "float64"):
        weight = Tensor(np.ones((4, 2), dtype), requires_grad=True)
        out = ops.embedding(Tensor([1, 3, 1, 0]), weight, padding_idx=-3)
        out.sum().backward()
        assert weight.grad.tolist() == [[1, 1], [0, 0], [0, 0], [1, 1]]


def test_choosing_against_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, mask, i = rng.normal(size=(3, 4)).astype("float32"), rng.random((3, 4)) < 0.5, rng.integers(0, 4, (3, 2))
    source = rng.normal(size=(3, 4)).astype("float32")
    calls = {
        "index_select": lambda t, s: t.index_select(1, s(i[0])),
        "index_add": lambda t, s: t.index_add(0, s(np.array([2, 0, 2])), s(source), alpha=0.5),
        "masked_fill": lambda t, s: t.masked_fill(s(mask[0]), -1),
        "masked_fill by a tensor": lambda t, s: t.masked_fill(s(mask), s(np.array(2.0, "float32"))),
        "masked_select": lambda t, s: t.masked_select(s(mask[:1])),
        "masked_scatter": lambda t, s: t.masked_scatter(s(mask), s(source)),
        "take_along_dim": lambda t, s: t.take_along_dim(s(i[:1] - 4), 1),
        "take_along_dim of all": lambda t, s: t.take_along_dim(s(i)),
        "gather": lambda t, s: t.gather(1, s(i)),
        "scatter": lambda t, s: t.scatter(1, s(i[:, :1]), 5.0),
        "scatter_add": lambda t, s: t.scatter_add(1, s(i), s(source)),
    }
    for name, call in calls.items():
        ours, theirs = Tensor(x.copy(), requires_grad=True), torch.tensor(x, requires_grad=True)
        got, want = call(ours, Tensor), call(theirs, torch.tensor)
        np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), rtol=1e-6, err_msg=name)
        (got * got).sum().backward()
        (want * want).sum().backward()
        np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-5, err_msg=name)
