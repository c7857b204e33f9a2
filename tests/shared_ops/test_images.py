"""Convolution, pooling, resampling by PyTorch's names: its settings, its results, and words for what does not fit."""

import types

import numpy as np
import pytest

import production as tf
import research
from research.nn import functional as F
from shared_ops import conv as conv_module
from shared_ops import ops
from shared_ops.dim import Dim
from shared_ops.op import REGISTRY
from shared_ops.pool import add_at
from shared_ops.spec import SpecError

torch = pytest.importorskip("torch")
TF = torch.nn.functional
rng = np.random.default_rng(0)
IMAGES = {1: (2, 4, 7), 2: (2, 4, 6, 7), 3: (1, 4, 4, 5, 3)}


def same(name, *arrays, tolerance=1e-9, **settings):
    """Our function and PyTorch's give the same, and so do the gradients of the first array."""
    ours = [research.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    theirs = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    out, expected = getattr(F, name)(*ours, **settings), getattr(TF, name)(*theirs, **settings)
    if isinstance(expected, tuple):
        np.testing.assert_array_equal(out[1].numpy(), expected[1].numpy())
        out, expected = out[0], expected[0]
    assert out.shape == tuple(expected.shape)
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=tolerance, atol=tolerance)
    (out * out).sum().backward()
    (expected * expected).sum().backward()
    for a, b in zip(ours, theirs, strict=True):
        if b.grad is not None:
            np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stride": 2, "padding": 1},
        {"padding": "same"},
        {"padding": "same", "dilation": 2},
        {"padding": "valid"},
        {"groups": 2, "padding": 2, "dilation": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_convolution(rank, settings, kernel):
    x = rng.normal(size=IMAGES[rank])
    w = rng.normal(size=(6, 4 // settings.get("groups", 1), *(kernel,) * rank))
    same(f"conv{rank}d", x, w, rng.normal(size=6), **settings)
    same(f"conv{rank}d", x, w[..., :1] if rank == 1 else w[..., :1, :2], **settings)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stride": 2, "padding": 1, "output_padding": 1},
        {"stride": 3, "groups": 2, "output_padding": 2},
        {"dilation": 3, "padding": 1, "output_padding": 2},  # windows reach part of the values after the end
        {"dilation": 4, "output_padding": 3},  # and here none of them
        {"stride": 2, "dilation": 3, "output_padding": 2},
    ],
    ids=str,
)
def test_transposed_convolution(rank, settings):
    w = rng.normal(size=(4, 3, *(3, 2, 3)[:rank]))
    bias = rng.normal(size=3 * settings.get("groups", 1))
    same(f"conv_transpose{rank}d", rng.normal(size=IMAGES[rank]), w, bias, **settings)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, None, 0), (3, 2, 1), (3, 1, 1), (2, 3, 1)])
def test_pooling(rank, ceil_mode, kernel, stride, padding):
    x, how = rng.normal(size=IMAGES[rank]), {"stride": stride, "ceil_mode": ceil_mode}
    same(f"max_pool{rank}d", x, kernel_size=kernel, padding=padding, return_indices=True, **how)
    same(f"max_pool{rank}d", x, kernel_size=kernel, padding=padding, **how)
    for counted in (False, True):
        same(f"avg_pool{rank}d", x, kernel_size=kernel, padding=padding, count_include_pad=counted, **how)
    same(f"lp_pool{rank}d", np.abs(x), norm_type=3, kernel_size=kernel, **how)
    if rank > 1:
        same(f"avg_pool{rank}d", x, kernel_size=kernel, padding=padding, divisor_override=5, **how)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 3, 5])
def test_adaptive_pooling(rank, size):
    x = rng.normal(size=IMAGES[rank])
    same(f"adaptive_avg_pool{rank}d", x, output_size=size)
    same(f"adaptive_max_pool{rank}d", x, output_size=size, return_indices=True)
    if rank > 1:
        same(f"adaptive_avg_pool{rank}d", x, output_size=(None,) * (rank - 1) + (2,))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_unpooling(rank):
    x = torch.tensor(rng.normal(size=IMAGES[rank]))
    pooled, indices = getattr(TF, f"max_pool{rank}d")(x, 2, return_indices=True)
    same(f"max_unpool{rank}d", pooled.numpy(), indices.numpy(), kernel_size=2, output_size=tuple(x.shape[2:]))
    if rank == 1:
        same("max_unpool1d", pooled.numpy(), indices.numpy(), kernel_size=2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_wins_and_infinity_is_a_value(dtype):
    x = np.full((1, 1, 4, 4), -np.inf, dtype)
    x[0, 0, 1, 1], x[0, 0, 2, 3], x[0, 0, 3, 2] = np.nan, np.inf, 2
    for settings in ({}, {"stride": 1, "padding": 1}, {"stride": 2, "ceil_mode": True}):
        out, indices = ops.max_pool2d(x, 2, return_indices=True, **settings)
        expected, places = TF.max_pool2d(torch.tensor(x), 2, return_indices=True, **settings)
        np.testing.assert_array_equal(out, expected.numpy())
        np.testing.assert_array_equal(indices, places.numpy())
    np.testing.assert_array_equal(ops.adaptive_max_pool2d(x, 2), TF.adaptive_max_pool2d(torch.tensor(x), 2).numpy())


def test_of_equal_values_the_first_is_chosen():
    out, indices = ops.max_pool2d(np.zeros((1, 1, 4, 4), "int32"), 2, return_indices=True)
    assert out.dtype == "int32"
    assert indices.tolist() == [[[[0, 2], [8, 10]]]]


@pytest.mark.parametrize(
    "settings",
    [{"kernel_size": 2}, {"kernel_size": (3, 2), "stride": 2, "padding": 1}, {"kernel_size": 2, "dilation": (2, 3)}],
    ids=str,
)
def test_windows_as_columns(settings):
    x = rng.normal(size=IMAGES[2])
    same("unfold", x, **settings)
    same("fold", TF.unfold(torch.tensor(x), **settings).numpy(), output_size=(6, 7), **settings)


@pytest.mark.parametrize(("mode", "rank"), [("linear", 1), ("bilinear", 2), ("trilinear", 3), ("bicubic", 2)])
def test_interpolation(mode, rank):
    x = rng.normal(size=IMAGES[rank])
    for corners in (None, False, True):
        same("interpolate", x, size=(5, 9, 2)[:rank], mode=mode, align_corners=corners)
        same("interpolate", x, scale_factor=2, mode=mode, align_corners=corners)
    for factor in (0.6, 1.7):
        same("interpolate", x, scale_factor=factor, mode=mode)
        same("interpolate", x, scale_factor=factor, mode=mode, recompute_scale_factor=True)
        if rank == 2:
            same("interpolate", x, scale_factor=factor, mode=mode, antialias=True)
            same("interpolate", x, size=(2, 9), mode=mode, antialias=True, align_corners=True)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "area"])
@pytest.mark.parametrize("target", [{"size": (3, 8, 4)}, {"scale_factor": 1.7}, {"scale_factor": 0.5}], ids=str)
def test_nearest_values_and_areas(rank, mode, target):
    target = {k: v[:rank] if isinstance(v, tuple) else v for k, v in target.items()}
    same("interpolate", rng.normal(size=IMAGES[rank]), mode=mode, **target)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_nearest_chooses_as_pytorch_where_two_are_as_near(mode, dtype):
    """(2, 41), (14, 46) and (26, 46) are sizes at which rounding decides."""
    for n, out in [(2, 41), (2, 49), (2, 55), (14, 46), (26, 22), (26, 46), (30, 44), (39, 33)]:
        x = np.arange(n, dtype=dtype)[None, None]
        expected = TF.interpolate(torch.tensor(x), size=out, mode=mode).numpy()
        np.testing.assert_array_equal(ops.interpolate(x, size=out, mode=mode), expected)


def test_channels_as_pixels():
    x = rng.normal(size=(2, 12, 3, 4))
    same("pixel_shuffle", x, upscale_factor=2)
    same("pixel_shuffle", x[0], upscale_factor=2)
    same("pixel_unshuffle", rng.normal(size=(2, 3, 4, 6)), downscale_factor=2)


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


def test_sizes_that_are_not_known_yet():
    """A graph for images of any size: convolved, pooled and brought back to the size they came with."""
    x = tf.placeholder(tf.float64, (None, 2, None, None), name="x")
    batch, _, h, w = x.shape
    w1, w2 = rng.normal(size=(3, 2, 3, 3)), rng.normal(size=(3, 2, 2, 2))

    def net(f, array, x):
        y = f.max_pool2d(f.conv2d(x, array(w1), padding=1), 2)
        y = f.conv_transpose2d(f.avg_pool2d(y, 3, 1, padding=1), array(w2), stride=2)
        return f.interpolate(f.adaptive_avg_pool2d(y, (2, 3)), scale_factor=2, mode="bilinear")

    out = net(F, tf.constant, x)
    assert out.shape == (batch, 2, 4, 6)
    assert F.conv2d(x, tf.constant(w1), padding="same").shape == (batch, 3, h, w)
    assert F.interpolate(x, scale_factor=3).shape == (batch, 2, 3 * h, 3 * w)
    assert isinstance(F.unfold(x, 2).shape[2], Dim)
    (g,) = tf.gradients(tf.reduce_sum(out), [x])
    for shape in [(2, 2, 6, 8), (1, 2, 4, 4)]:
        images = rng.normal(size=shape)
        leaf = torch.tensor(images, requires_grad=True)
        expected = net(TF, torch.tensor, leaf)
        expected.sum().backward()
        got, slope = tf.Session().run([out, g], {x: images})
        np.testing.assert_allclose(got, expected.detach().numpy(), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(slope, leaf.grad.numpy(), rtol=1e-9, atol=1e-12)


x, w = np.ones((1, 2, 4, 4), "float32"), np.ones((4, 2, 3, 3), "float32")
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
