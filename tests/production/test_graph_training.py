import numpy as np
import pytest

import production as tf
import research as torch

OPTIMIZERS = {
    "sgd": (lambda p: torch.optim.SGD(p, lr=0.1), lambda: tf.train.GradientDescentOptimizer(0.1)),
    "momentum": (lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.5), lambda: tf.train.MomentumOptimizer(0.1, 0.5)),
    "adam": (lambda p: torch.optim.Adam(p, lr=0.1), lambda: tf.train.AdamOptimizer(0.1)),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_two_hundred_steps_give_researchs_very_losses(optimizer):
    """The same net from the same weights, trained on the tape and in the graph: every loss has the same bits."""
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(32, 6)).astype("float32"), draw.integers(0, 3, 32)
    w1, w2 = (draw.normal(size=s).astype("float32") for s in ((6, 8), (8, 3)))

    a, b = (torch.tensor(w, requires_grad=True) for w in (w1, w2))
    steps = OPTIMIZERS[optimizer][0]([a, b])
    eager = []
    for _ in range(200):
        loss = torch.nn.CrossEntropyLoss()(torch.relu(torch.tensor(x) @ a) @ b, torch.tensor(y))
        steps.zero_grad()
        loss.backward()
        steps.step()
        eager.append(loss.item())

    with tf.Graph().as_default():
        px, py = tf.placeholder(tf.float32, (None, 6)), tf.placeholder(tf.int64, (None,))
        v1, v2 = tf.Variable(w1), tf.Variable(w2)
        loss = tf.losses.sparse_softmax_cross_entropy(labels=py, logits=tf.matmul(tf.nn.relu(tf.matmul(px, v1)), v2))
        update = OPTIMIZERS[optimizer][1]().minimize(loss)
        session = tf.Session()
        session.run(tf.global_variables_initializer())
        static = [float(session.run([loss, update], {px: x, py: y})[0]) for _ in range(200)]
    assert static == eager
    assert static[-1] < static[0] / 5


def test_global_step_counts_and_rates_may_be_fed():
    with tf.Graph().as_default():
        w = tf.Variable(np.float32(1))
        step = tf.Variable(np.int64(0), trainable=False)
        rate = tf.placeholder(tf.float32, ())
        update = tf.train.GradientDescentOptimizer(rate).minimize(w * w, global_step=step)
        session = tf.Session()
        session.run(tf.global_variables_initializer())
        session.run(update, {rate: 0.5})
        session.run(update, {rate: 0.25})
        assert session.run([w, step]) == [0.0, 2]


def test_words_for_a_loss_without_variables():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, ())
        with pytest.raises(ValueError, match="at least one trainable variable"):
            tf.train.GradientDescentOptimizer(0.1).minimize(x)
        tf.Variable(np.float32(1))
        with pytest.raises(ValueError, match="the loss does not depend on any"):
            tf.train.GradientDescentOptimizer(0.1).minimize(x * 2)


def test_layers_and_initializers():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, (None, 300))
        for make in (tf.contrib.layers.xavier_initializer, tf.glorot_normal_initializer):
            tf.layers.dense(x, 300, kernel_initializer=make(seed=1))
        out = tf.layers.dense(tf.layers.flatten(x), 2, activation=tf.nn.tanh, use_bias=False, name="head")
        names = [v.operation.name for v in tf.global_variables()]
        session = tf.Session()
        session.run(tf.global_variables_initializer())
        assert names == ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias", "head/kernel"]
        for kernel in tf.global_variables()[:4:2]:
            assert abs(session.run(kernel).std() / (2 / 600) ** 0.5 - 1) < 0.02
        assert session.run(out, {x: np.ones((5, 300))}).shape == (5, 2)
        with pytest.raises(TypeError, match="dense needs inputs whose last size is known"):
            tf.layers.dense(tf.placeholder(tf.float32, (2, None)), 3)
