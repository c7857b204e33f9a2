"""Words and dispatch: what an op says when it is called wrongly, and who answers."""

import numpy as np
import pytest

import production as tf
import research
from shared_ops import ops
from shared_ops.device import Device, DeviceError
from shared_ops.dim import Dim
from shared_ops.op import op
from shared_ops.spec import Spec, SpecError

x, w = np.ones((5, 4), "float32"), np.ones((3, 2), "float32")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: ops.matmul(t(x), t(w)), r"matmul needs a's columns to match b's rows; got a: float32\[5, 4\], b"),
        (lambda t: ops.add(t(x), t(w)), r"add: shapes do not broadcast: \[5, 4\] and \[3, 2\]"),
        (lambda t: ops.sum(t(x), axis=2), r"sum needs axis between -2 and 1; got axis: 2"),
        (lambda t: ops.mean(t(x), axis=(0, -2)), r"mean needs each axis once"),
        (lambda t: ops.reshape(t(x), shape=(3, 7)), r"reshape needs as many values after as before"),
        (lambda t: ops.reshape(t(x), shape=(-1, -1)), r"reshape can work out one size"),
        (lambda t: ops.softmax(t(x), axis=5), r"softmax needs axis between"),
        (lambda t: t(x)[7], r"index 7 is out of range for an axis of size 5"),
        (lambda t: ops.linear(t(x), t(w), t(w[0])), r"linear needs x's last size to match w's columns"),
        (lambda t: ops.conv2d(t(x), t(w)), r"conv2d needs images \(n, c, h, w\); got x: float32\[5, 4\]"),
        (lambda t: ops.where(t(x), t(x), t(x)), r"where needs a boolean condition; got condition: float32\[5, 4\]"),
        (lambda t: ops.clamp(t(x)), r"clamp needs min or max"),
        (lambda t: ops.dropout(t(x), t(np.zeros(2, "uint64")), p=2), r"dropout needs a probability; got p: 2"),
        (lambda t: ops.sum(t(x), dim=1), r"sum has no setting 'dim'; it takes axis, keepdim"),
        (lambda t: ops.softmax_cross_entropy(t(x), t(np.array([1, 2]))), r"needs one label per row"),
        (lambda t: ops.matmul(t(x), 2), r"matmul needs two arrays"),
    ],
)
def test_wrong_calls_teach(call, words):
    with pytest.raises(SpecError, match=words):
        call(research.tensor)
    with pytest.raises(SpecError, match=words), tf.Graph().as_default() as graph:
        call(lambda a: graph.placeholder(a.dtype, a.shape))


def test_labels_out_of_range_raise():
    for bad in (-1, 4):
        with pytest.raises(SpecError, match=f"labels from 0 to 3; got {bad}"):
            ops.softmax_cross_entropy(research.tensor(x), research.tensor([0, 1, bad, 3, 0]))


def test_index_out_of_range_says_which():
    with pytest.raises(SpecError, match="index 9 is out of range for axis 0, which has 5 entries"):
        ops.take(x, np.array([0, 9]))


def test_the_two_worlds_do_not_mix():
    with tf.Graph().as_default() as graph, pytest.raises(TypeError, match="production Node and a research Tensor"):
        graph.placeholder("float32", (5, 4)) + research.tensor(x)


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match=r"op names are given once; add stands in shared_ops\.elementwise"):

        @op
        def add(xp, x):
            return x


def test_unknown_sizes_flow_through_specs():
    batch = Dim("batch")
    image = Spec((batch, 1, 8, 8), np.dtype("float32"))
    weight = Spec((4, 1, 3, 3), np.dtype("float32"))
    settings = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    (out,) = ops.conv.infer((image, weight), settings)
    assert out.shape == (batch, 4, 6, 6)
    (flat,) = ops.reshape.infer((out,), {"shape": (batch, -1)})
    assert flat.shape == (batch, 144)


def test_checks_are_remembered_but_not_for_other_shapes():
    ops.add(research.tensor(x), research.tensor(x))
    with pytest.raises(SpecError):
        ops.add(research.tensor(x), research.tensor(w))


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cpu:1", ""])
def test_devices_have_names(name):
    with pytest.raises(DeviceError, match="a device is 'cpu', 'cuda' or 'cuda:N'"):
        Device(name)


def test_a_gpu_that_is_not_there():
    if research.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(DeviceError, match=r"cuda:7.*use 'cpu'"):
        Device("cuda:7")
