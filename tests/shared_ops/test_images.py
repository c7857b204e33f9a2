"""Convolution, pooling and resampling by PyTorch's names: what is chosen and added, and words for what does not fit."""

import types

import numpy as np
import pytest

import production as tf
import research
from shared_ops import conv as conv_module
from shared_ops import ops
from shared_ops.op import REGISTRY
from shared_ops.pool import add_at
from shared_ops.spec import SpecError

rng = np.random.default_rng(0)


def test_of_equal_values_the_first_is_chosen():
    out, indices = ops.max_pool2d(np.zeros((1, 1, 4, 4), "int32"), 2, return_indices=True)
    assert out.dtype == "int32"
    assert indices.tolist() == [[[[0, 2], [8, 10]]]]


def test_a_batch_too_large_for_its_columns_is_done_in_parts(monkeypatch):
    x, w = rng.normal(size=(5, 2, 4, 4)), rng.normal(size=(3, 2, 3, 3))
    how = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    calls = [
        (REGISTRY["conv"], (x, w), how),
        (REGISTRY["conv_input"], (rng.normal(size=(5, 3, 4, 4)), w), {"size": (4, 4), **how}),
        (REGISTRY["conv_weight"], (rng.normal(size=(5, 3, 4, 4)), x), {"kernel": (3, 3), **how}),
    ]
    whole = [op.kernel(np, *arrays, **settings) for op, arrays, settings in calls]
    monkeypatch.setattr(conv_module, "VALUES_AT_ONCE", 2 * x[0].size * 9)
    for (op, arrays, settings), expected in zip(calls, whole, strict=True):
        np.testing.assert_allclose(op.kernel(np, *arrays, **settings), expected, rtol=1e-12)


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("antialias", [False, True])
def test_large_images_are_resampled_as_small_ones(mode, antialias):
    """Enough of them that the fast form takes several threads, and blocks of rows."""
    images = rng.normal(size=(3, 9, 70, 30)).astype("float32")
    settings = {"mode": mode, "align_corners": False, "antialias": antialias, "scale": (None, None)}
    forward, backward = REGISTRY["resample"], REGISTRY["resample_input"]
    made = forward(images, size=(130, 17), **settings)
    np.testing.assert_array_equal(made, forward.kernel(np, images, size=(130, 17), **settings))
    back = backward(made, size=(70, 30), **settings)
    np.testing.assert_allclose(back, backward.kernel(np, made, size=(70, 30), **settings), rtol=1e-4, atol=1e-4)


x, w = np.ones((1, 2, 4, 4), "float32"), np.ones((4, 2, 3, 3), "float32")
CUBIC = {"mode": "cubic", "align_corners": False, "antialias": True, "scale": (None, 1.0)}
line, places = np.ones((1, 2, 4), "float32"), np.zeros((1, 2, 4), "int64")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: ops.conv1d(t(x), t(w)), r"conv1d needs images \(n, c, length\); got x: float32\[1, 2, 4, 4\]"),
        (lambda t: ops.conv3d(t(x), t(w)), r"conv3d needs images \(n, c, d, h, w\)"),
        (lambda t: ops.conv2d(t(x), t(line)), r"conv2d needs weights \(o, c/groups, \*kernel\); got w: float32\[1, 2"),
        (lambda t: ops.conv2d(t(x), t(w), groups=2), "conv needs x's channels to be w's times groups"),
        (lambda t: ops.conv2d(t(x), t(w[:3, :1]), groups=2), "output channels that groups divides"),
        (lambda t: ops.conv2d(t(x), t(w), groups=0), "conv needs at least one group; got groups: 0"),
        (lambda t: ops.conv2d(t(x), t(w), stride=(1, 2, 3)), r"needs stride as two whole numbers of at least 1; got"),
        (
            lambda t: ops.conv2d(t(x), t(w), dilation=0),
            r"dilation as two whole numbers of at least 1; got d",
        ),
        (lambda t: ops.conv2d(t(x), t(w), dilation=2), "conv needs images at least as large as its kernel"),
        (lambda t: ops.conv2d(t(x), t(w), padding="full"), "needs padding as numbers, 'same' or 'valid'; got padding"),
        (lambda t: ops.conv2d(t(x), t(w), padding="same", stride=2), "needs stride 1 where the padding is 'same'"),
        (lambda t: ops.conv2d(t(x), t(w), t(line[0, 0, :3])), "needs one bias for each output channel; got bias"),
        (lambda t: ops.conv2d(t(x > 0), t(w > 0)), "conv needs real numbers"),
        (lambda t: ops.conv2d(t(x), t(w[:, :, :0])), "conv needs a kernel with at least one value"),
        (lambda t: ops.conv_transpose2d(t(x), t(w)), "needs x's channels to be w's first size"),
        (lambda t: ops.conv_transpose1d(t(line), t(w[:2, 0]), output_padding=1), "output_padding below stride or dil"),
        (lambda t: ops.conv_transpose1d(t(line), t(w[:2, 0]), padding=3), "needs padding that leaves values; got x"),
        (lambda t: ops.max_pool1d(t(x), 2), r"max_pool1d needs images \(n, c, length\)"),
        (lambda t: ops.max_pool2d(t(x), 5), "max_pool needs images at least as large as its kernel"),
        (lambda t: ops.max_pool2d(t(x), 3, padding=2), "max_pool pads at most half its kernel"),
        (lambda t: ops.max_pool2d(t(x), 2, ceil_mode=1), "max_pool needs ceil_mode as True or False"),
        (lambda t: ops.max_pool1d(t(line), 2, 1, 1, 5), "max_pool needs a value of the image in each window"),
        (lambda t: ops.max_pool2d(t(x > 0), 2), "max_pool needs real numbers"),
        (lambda t: ops.avg_pool2d(t(x), 3, padding=2), "avg_pool pads at most half its kernel"),
        (lambda t: ops.avg_pool2d(t(x.astype(int)), 3), "avg_pool needs floats; got x: int64"),
        (lambda t: ops.avg_pool2d(t(x), 2, divisor_override=0), "needs divisor_override as a whole number but 0"),
        (lambda t: ops.lp_pool2d(t(x), 0, 2), "lp_pool2d needs norm_type as a finite number but 0"),
        (lambda t: ops.adaptive_avg_pool2d(t(x), (2, 0)), "adaptive_avg_pool needs output_size with a number of at le"),
        (lambda t: ops.adaptive_avg_pool2d(t(x), (2,)), "adaptive_avg_pool2d needs output_size with a number for each"),
        (lambda t: ops.adaptive_max_pool2d(t(x[:, :, :0]), 1), "adaptive_max_pool needs images with values"),
        (lambda t: ops.max_unpool1d(t(line), t(places[:, :, :3]), 2), "max_unpool needs an index for each value"),
        (lambda t: ops.max_unpool1d(t(line), t(line), 2), "max_unpool needs whole numbers as indices"),
        (lambda t: ops.unfold(t(line), 2), r"unfold needs images \(n, c, h, w\)"),
        (lambda t: ops.fold(t(line), (3, 3), 2), "col2im needs c.kernel rows; got y"),
        (lambda t: ops.fold(t(x), (3, 3), 2), r"col2im needs columns \(n, c\*kernel, windows\)"),
        (lambda t: ops.fold(t(np.ones((1, 4, 5))), (3, 3), 2), "col2im needs a column for each window; got y"),
        (lambda t: ops.interpolate(t(x)), "interpolate needs either size or scale_factor"),
        (
            lambda t: ops.interpolate(t(x), size=2, mode="linear"),
            r"needs images \(n, c, length\) for linear; got in",
        ),
        (lambda t: ops.interpolate(t(x), size=2, mode="best"), "interpolate needs mode as one of linear, bilinear"),
        (lambda t: ops.interpolate(t(x), size=0), "resample needs size with a number of at least 1"),
        (lambda t: ops.interpolate(t(x), scale_factor=-1), "interpolate needs scale_factor as positive numbers"),
        (lambda t: ops.interpolate(t(x), scale_factor=0.1), "resample needs size with a number of at least 1"),
        (lambda t: ops.interpolate(t(x), size=2, align_corners=True), "takes align_corners for the linear modes"),
        (lambda t: ops.interpolate(t(x), size=2, antialias=True), "takes antialias for bilinear and bicubic only"),
        (lambda t: ops.interpolate(t(x.astype(int)), size=2, mode="bilinear"), "needs floats but for nearest; got x"),
        (
            lambda t: ops.resample(t(x), size=(4, 9), **CUBIC),
            "needs a scale with which the outputs stay inside the ima",
        ),
        (lambda t: ops.pixel_shuffle(t(x), 2), "needs channels that the factor's square divides; got channels: 2"),
        (lambda t: ops.pixel_unshuffle(t(x), 3), "needs a height and a width that the factor divides"),
        (lambda t: ops.pixel_shuffle(t(x), 0), "pixel_shuffle needs a factor of at least 1; got factor: 0"),
    ],
)
def test_wrong_calls_teach(call, words):
    with pytest.raises(SpecError, match=words):
        call(research.tensor)
    with pytest.raises(SpecError, match=words), tf.Graph().as_default() as graph:
        call(lambda a: graph.placeholder(a.dtype, a.shape))


@pytest.mark.parametrize("bad", [-1, 4])
def test_indices_outside_a_plane_are_refused(bad):
    indices = np.full((1, 2, 4), bad)
    with pytest.raises(SpecError, match=f"pooling needs indices from 0 to 3, the values of a plane; got {bad}"):
        ops.max_pool_at(line, indices)
    with pytest.raises(SpecError, match=f"pooling needs indices from 0 to 3, the values of a plane; got {bad}"):
        ops.max_unpool(line, indices, size=(4,))


def test_sums_on_a_gpu_have_one_order():
    """There equal indices take turns. Here NumPy under another name goes that way."""
    like_cupy = types.SimpleNamespace(**vars(np))
    at, values = rng.integers(0, 5, 40), rng.normal(size=40)
    out, expected = np.zeros(7), np.zeros(7)
    add_at(like_cupy, out, at, values)
    np.add.at(expected, at, values)
    np.testing.assert_allclose(out, expected, rtol=1e-12)
