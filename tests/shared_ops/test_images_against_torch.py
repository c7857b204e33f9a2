"""Convolution, pooling and resampling by PyTorch's names give its results; needs the extra `bench`."""

import numpy as np
import pytest

import production as tf
import research
from research.nn import functional as F
from shared_ops import ops
from shared_ops.dim import Dim

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
