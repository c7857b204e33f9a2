"""Programs as PyTorch and TensorFlow 1 users write them, with nothing of ours but the import."""

import numpy as np
import pytest

import production as tf
import research as torch
from research.autograd import Variable
from research.data import DataLoader, TensorDataset

ROWS, WIDE, HIDDEN, OUT = 64, 1000, 100, 10


@pytest.fixture
def data():
    draw = np.random.default_rng(0)
    return draw.normal(size=(ROWS, WIDE)), draw.normal(size=(ROWS, WIDE))


@pytest.fixture(autouse=True)
def _fresh():
    torch.manual_seed(0)
    with tf.Graph().as_default():
        yield


def test_placeholders_and_gradients(data):
    x, y = tf.placeholder(tf.float32, shape=(ROWS, WIDE)), tf.placeholder(tf.float32, shape=(ROWS, WIDE))
    w1, w2 = tf.placeholder(tf.float32, shape=(WIDE, HIDDEN)), tf.placeholder(tf.float32, shape=(HIDDEN, WIDE))
    prediction = tf.matmul(tf.maximum(tf.matmul(x, w1), 0), w2)
    loss = tf.reduce_mean(tf.reduce_sum((prediction - y) ** 2, axis=1))
    grads = tf.gradients(loss, [w1, w2])
    a, b = np.random.randn(WIDE, HIDDEN), np.random.randn(HIDDEN, WIDE)
    with tf.Session() as session:
        feeds = {x: data[0], y: data[1], w1: a, w2: b}
        value, g1, g2 = session.run([loss, *grads], feed_dict=feeds)
    h = np.maximum(data[0] @ a, 0)
    error = 2 * (h @ b - data[1]) / ROWS
    assert isinstance(g1, np.ndarray)
    np.testing.assert_allclose(value, ((h @ b - data[1]) ** 2).sum(1).mean(), rtol=1e-4)
    np.testing.assert_allclose(g2, h.T @ error, rtol=1e-2, atol=1e-1)
    np.testing.assert_allclose(g1, data[0].T @ ((error @ b.T) * (h > 0)), rtol=1e-2, atol=1)


def test_variables_assigned_in_a_group(data):
    x, y = tf.placeholder(tf.float32, shape=(ROWS, WIDE)), tf.placeholder(tf.float32, shape=(ROWS, WIDE))
    w1, w2 = tf.Variable(tf.random_normal((WIDE, HIDDEN))), tf.Variable(tf.random_normal((HIDDEN, WIDE)))
    prediction = tf.matmul(tf.maximum(tf.matmul(x, w1), 0), w2)
    loss = tf.reduce_mean(tf.reduce_sum((prediction - y) ** 2, axis=1))
    g1, g2 = tf.gradients(loss, [w1, w2])
    updates = tf.group(w1.assign(w1 - 1e-5 * g1), w2.assign(w2 - 1e-5 * g2))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        losses = []
        for _ in range(50):
            value, nothing = session.run([loss, updates], feed_dict={x: data[0], y: data[1]})
            losses.append(value)
    assert nothing is None
    assert losses[-1] < losses[0] / 100


def test_layers_and_an_optimizer(data):
    x, y = tf.placeholder(tf.float32, shape=(ROWS, WIDE)), tf.placeholder(tf.float32, shape=(ROWS, WIDE))
    start = tf.contrib.layers.xavier_initializer()
    h = tf.layers.dense(inputs=x, units=HIDDEN, activation=tf.nn.relu, kernel_initializer=start)
    prediction = tf.layers.dense(inputs=h, units=WIDE, kernel_initializer=start)
    loss = tf.losses.mean_squared_error(prediction, y)
    updates = tf.train.GradientDescentOptimizer(1.0).minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        losses = [session.run([loss, updates], feed_dict={x: data[0], y: data[1]})[0] for _ in range(50)]
    assert losses[-1] < losses[0] * 0.95


def test_weights_as_variables():
    x, y = Variable(torch.randn(ROWS, WIDE)), Variable(torch.randn(ROWS, OUT), requires_grad=False)
    w1 = Variable(torch.randn(WIDE, HIDDEN), requires_grad=True)
    w2 = Variable(torch.randn(HIDDEN, OUT), requires_grad=True)
    assert torch.cuda.FloatTensor is not None
    losses = []
    for _ in range(100):
        loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
        if w1.grad is not None:
            w1.grad.data.zero_()
            w2.grad.data.zero_()
        loss.backward()
        w1.data -= 1e-6 * w1.grad.data
        w2.data -= 1e-6 * w2.grad.data
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 100


def two_layers():
    return torch.nn.Sequential(torch.nn.Linear(WIDE, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, OUT))


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_sequential_updated_by_hand_or_by_adam(by_hand):
    x, y = Variable(torch.randn(ROWS, WIDE)), Variable(torch.randn(ROWS, OUT))
    model, loss_fn = two_layers(), torch.MSELoss(size_average=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    losses = []
    for _ in range(100):
        loss = loss_fn(model(x), y)
        model.zero_grad()
        loss.backward()
        if by_hand:
            for param in model.parameters():
                param.data -= 1e-4 * param.grad.data
        else:
            optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / (50 if by_hand else 2)


def test_a_module_of_ones_own_and_a_loader():
    class TwoLayerNet(torch.nn.Module):
        def __init__(self, d_in, h, d_out):
            super(TwoLayerNet, self).__init__()  # noqa: UP008 - as it was written then
            self.linear1 = torch.nn.Linear(d_in, h)
            self.linear2 = torch.nn.Linear(h, d_out)

        def forward(self, x):
            return self.linear2(self.linear1(x).clamp(min=0))

    x, y = Variable(torch.randn(ROWS, WIDE)), Variable(torch.randn(ROWS, OUT), requires_grad=False)
    loader = DataLoader(TensorDataset(x, y), batch_size=8)
    model, criterion = TwoLayerNet(WIDE, HIDDEN, OUT), torch.nn.MSELoss(size_average=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-4)
    seen = []
    for _ in range(10):
        for x_batch, y_batch in loader:
            loss = criterion(model(Variable(x_batch)), Variable(y_batch))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen.append(loss.item())
    assert len(seen) == 80
    assert sum(seen[-8:]) < sum(seen[:8]) / 2
