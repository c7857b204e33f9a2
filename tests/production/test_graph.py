import threading

import numpy as np
import pytest

import production as tf
from shared_ops.dim import Dim
from shared_ops.spec import SpecError


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def test_nothing_is_computed_while_a_graph_is_made():
    x = tf.placeholder(tf.float32, (None, 3), name="x")
    y = tf.reduce_sum(tf.square(x), axis=1)
    assert repr(y) == "<Node sum:0: float32[batch]>"
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(y, {x: [[1, 2, 3]]}), [14])


def test_only_what_a_fetch_needs_is_computed():
    x = tf.placeholder(tf.float32, (2,), name="x")
    unfed = tf.placeholder(tf.float32, (2,), name="unfed")
    doubled, other = x * 2, x + unfed
    assert tf.Session().run(doubled, {x: [1, 2]}).tolist() == [2, 4]
    with pytest.raises(tf.FeedError, match=r"the run needs a value for unfed:0, float32\[2\]"):
        tf.Session().run([doubled, other], {x: [1, 2]})
    assert tf.Session().run(other * 1, {other: [5, 6]}).tolist() == [5, 6]  # any node may be fed


def test_fetches_keep_their_nest_and_may_be_names(graph):
    x = tf.constant([1.0, 2.0], name="x")
    total = tf.reduce_sum(x, name="total")
    nest = {"a": [x, (total, "total:0")], "nothing": tf.group(total)}
    out = tf.Session().run(nest)
    assert out["a"][0].tolist() == [1, 2]
    assert out["a"][1] == (3, 3)
    assert out["nothing"] is None
    with pytest.raises(KeyError, match="the graph has no operation 'missing'"):
        tf.Session().run("missing:0")
    with pytest.raises(TypeError, match="run fetches nodes"):
        tf.Session().run(3)


def test_feeds_are_checked_in_words():
    x = tf.placeholder(tf.float32, (None, 3), name="x")
    y = tf.placeholder(tf.int64, (None,), name="y")
    out = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=x)
    session = tf.Session()
    for feeds, words in [
        ({x: np.ones((2, 4)), y: [0, 1]}, r"x:0 is float32\[batch, 3\]; it was fed float64\[2, 4\]: axis 1"),
        ({x: np.ones((2, 3)), y: [0, 1, 2]}, r"axis 0 does not fit \('batch' is 2 in another input\)"),
        ({x: np.ones(3), y: [0]}, r"x:0 is float32\[batch, 3\]; it was fed float64\[3\]"),
        ({x: np.ones((2, 3)), y: [0.5, 1]}, r"y:0 is int64\[batch\]; it was fed float64, which is another kind"),
        ({x: [["a", "b", "c"]], y: [0]}, "another kind of value"),
        ({"nope": 1}, "no operation 'nope'"),
    ]:
        with pytest.raises((tf.FeedError, KeyError), match=words):
            session.run(out, feeds)
    with pytest.raises(SpecError, match=r"labels from 0 to 2; got 7; in softmax_cross_entropy, made at test_gra"):
        session.run(out, {x: np.ones((1, 3)), y: [7]})


def test_variables_live_in_their_session():
    w = tf.Variable(np.float32([1, 2]), name="w")
    one, two = tf.Session(), tf.Session()
    with pytest.raises(tf.FeedError, match="variable w has no value yet; run global_variables_initializer"):
        one.run(w)
    for session in (one, two):
        session.run(tf.global_variables_initializer())
    grow = w.assign(w * 10)
    assert one.run(grow).tolist() == [10, 20]
    assert one.run(w).tolist() == [10, 20]
    assert two.run(w).tolist() == [1, 2]
    assert one.run([w, grow])[0].tolist() == [10, 20]  # read as it was before the run
    with pytest.raises(SpecError, match=r"assign needs a value of w's shape and dtype, float32\[2\]"):
        w.assign(np.float32([1, 2, 3]))


def test_a_run_that_fails_changes_nothing():
    w = tf.Variable(np.float32([1, 2]))
    labels = tf.placeholder(tf.int64, (1,))
    grow = w.assign(w * 10)
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=tf.reshape(grow, (1, 2)))
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    with pytest.raises(SpecError):
        session.run(loss, {labels: [9]})
    assert session.run(w).tolist() == [1, 2]


def test_values_handed_out_are_not_the_sessions_own():
    w = tf.Variable(np.float32([1, 2]))
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    session.run(w)[:] = 99
    assert session.run(w).tolist() == [1, 2]


def test_random_nodes_draw_anew_and_repeat_by_seed():
    def drawn():
        with tf.Graph().as_default():
            tf.set_random_seed(4)
            a, b = tf.random_normal((3,)), tf.random_uniform((3,), 2, 3)
            session = tf.Session()
            return [session.run([a, b]) for _ in range(2)]

    first, second = drawn()
    assert not np.array_equal(first[0], second[0])
    assert ((first[1] >= 2) & (first[1] < 3)).all()
    np.testing.assert_array_equal(drawn(), [first, second])


def test_gradients_are_nodes_and_may_be_taken_again():
    x = tf.placeholder(tf.float64, (None,))
    (first,) = tf.gradients(tf.reduce_sum(x**3), x)
    (second,) = tf.gradients(first, [x])
    (unconnected,) = tf.gradients(tf.reduce_sum(x), [tf.constant(1.0)])
    assert unconnected is None
    out = tf.Session().run([first, second], {x: [1, 2]})
    np.testing.assert_array_equal(out, [[3, 12], [6, 12]])
    z = tf.placeholder(tf.float64, (2,))
    weighted = tf.gradients(z * 2, z, grad_ys=tf.constant([5.0, 7.0], dtype="float64"))
    np.testing.assert_array_equal(tf.Session().run(weighted, {z: [0, 0]}), [[10, 14]])


def test_a_deep_graph_is_walked_without_recursion():
    x = tf.placeholder(tf.float32, ())
    y = x
    for _ in range(5000):
        y = y + 1
    (g,) = tf.gradients(y, x)
    assert tf.Session().run([y, g], {x: 0}) == [5000, 1]


@pytest.mark.parametrize("ask", [bool, int, float, lambda n: n.item(), np.asarray])
def test_a_node_has_no_value_and_says_on_which_line(ask):
    x = tf.placeholder(tf.float32, (), name="x")
    with pytest.raises(tf.GraphError, match=r"test_graph.py line \d+: .*known only when the graph runs"):
        ask(x)  # the line that is named


def test_unknown_sizes_are_counted_with():
    x = tf.placeholder(tf.float32, ("rows", 2, 3))
    flat = tf.reshape(x, (x.shape[0] * 2, 3))
    assert flat.shape == (Dim("rows") * 2, 3)
    assert tf.Session().run(flat, {x: np.ones((5, 2, 3))}).shape == (10, 3)
    assert tf.Session().run(tf.reduce_mean(x), {x: np.ones((4, 2, 3))}) == 1


def test_other_graphs_nodes_are_refused():
    x = tf.constant(1.0)
    with tf.Graph().as_default(), pytest.raises(ValueError, match="is not in this session's graph"):
        tf.Session().run(x)
    with tf.Graph().as_default(), pytest.raises(tf.GraphError, match="belongs to another graph"):
        tf.constant(1.0) + x


def test_default_graphs_are_a_threads_own_and_nest(graph):
    seen = []
    thread = threading.Thread(target=lambda: seen.append(tf.get_default_graph()))
    thread.start()
    thread.join()
    assert seen[0] is not graph
    with pytest.raises(tf.GraphError, match="cannot be used inside"):
        tf.reset_default_graph()


def test_threads_share_a_session():
    x = tf.placeholder(tf.float32, (None, 8))
    y = tf.nn.softmax(tf.layers.dense(x, 4))
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    batches = [np.random.default_rng(i).normal(size=(i + 1, 8)) for i in range(8)]
    want = [session.run(y, {x: b}) for b in batches]
    wrong = []

    def ask(i):
        for _ in range(50):
            if not np.array_equal(session.run(y, {x: batches[i]}), want[i]):
                wrong.append(i)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_gradients_through_pieces_of_an_unknown_size():
    x = tf.placeholder(tf.float64, (None, 2), name="x")
    w = tf.Variable(np.ones(2))
    both = tf.concat([x * w, x], axis=0)
    (g,) = tf.gradients(tf.reduce_mean(both[x.shape[0] // 2 :]), [w])
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    batch = np.arange(8.0).reshape(4, 2)
    np.testing.assert_allclose(session.run(g, {x: batch}), batch[2:].sum(0) / 12)


def test_images_of_unknown_size_have_the_right_gradient():
    x = tf.placeholder(tf.float64, (None, 1, None, None))
    w = tf.Variable(np.ones((1, 1, 2, 2)))
    from shared_ops import ops

    out = ops.conv2d(x, w, stride=(2, 2))
    (g,) = tf.gradients(tf.reduce_mean(ops.flatten(out, 1)), [w])
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    image = np.arange(35.0).reshape(1, 1, 5, 7)
    patches = np.stack([image[0, 0, i : i + 2, j : j + 2] for i in (0, 2) for j in (0, 2, 4)])
    np.testing.assert_allclose(session.run(g, {x: image})[0, 0], patches.mean(0))


def test_slices_whose_count_depends_on_the_size_are_refused():
    x = tf.placeholder(tf.float32, (None, 3))
    assert x[1:].shape == (Dim("batch") - 1, 3)
    assert x[:-1].shape == (Dim("batch") - 1, 3)
    for cut in (lambda: x[:2], lambda: x[-1:], lambda: x[::2]):
        with pytest.raises(SpecError, match="of an axis of unknown size batch has no size that is sure"):
            cut()


@pytest.mark.parametrize("name", ["my-input", "1x", "x y", "a/b"])
def test_placeholders_may_be_called_anything(name):
    x = tf.placeholder(tf.float64, (None, None), name=name)
    y = tf.placeholder(tf.float64, (None, None), name=name.replace("/", "_"))
    (g,) = tf.gradients(tf.reduce_mean(x) + tf.reduce_mean(y), [x])
    assert tf.Session().run(g, {x: np.ones((2, 5)), y: np.ones((2, 3))}).tolist() == [[0.1] * 5] * 2


@pytest.mark.parametrize("size", ["class", "", "n-1", -1])
def test_sizes_are_named_like_variables(size):
    with pytest.raises(SpecError, match=r"is named like a Python variable|is not negative"):
        tf.placeholder(tf.float32, (size,))


def test_feeds_in_the_middle_of_a_graph():
    from collections import namedtuple

    from shared_ops import ops

    x = tf.placeholder(tf.float32, (None, 1, 2, 2))
    pooled, chosen = ops.max_pool2d(x, 2, return_indices=True)
    pair = namedtuple("pair", "doubled chosen")(pooled * 2, chosen)
    out = tf.Session().run(pair, {pooled: np.full((1, 1, 1, 1), 100), x: np.zeros((1, 1, 2, 2))})
    assert (out.doubled.item(), out.chosen.item()) == (200, 0)
    twice = tf.concat([x, x], axis=0)
    with pytest.raises(tf.FeedError, match="axis 0 should be 4"):
        tf.Session().run(twice * 1, {twice: np.ones((3, 1, 2, 2)), x: np.ones((2, 1, 2, 2))})
    small = tf.placeholder("uint8", (1,), name="small")
    with pytest.raises(tf.FeedError, match="numbers that do not fit"):
        tf.Session().run(small * 1, {small: [300]})
    with tf.Graph().as_default(), pytest.raises(tf.FeedError, match="nodes of the session's graph"):
        tf.Session().run(tf.constant(1.0), {x: 1})
