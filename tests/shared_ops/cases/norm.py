"""Normalising."""

import numpy as np

from cases.draw import Case, n, pos


def last(x, axes=1):
    """Over the last axes: the mean and 1 / sqrt(var + eps)."""
    axes = tuple(range(x.ndim - axes, x.ndim))
    return x.mean(axes, keepdims=True), 1 / np.sqrt(x.var(axes, keepdims=True) + 1e-5)


def rms(x):
    return (1 / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6),)


def batch(x):
    axes = (0, *range(2, x.ndim))
    return x.mean(axes), x.var(axes)


def groups(x, num_groups):
    mean, rstd = last(x.reshape(x.shape[0], num_groups, -1))
    return mean[..., 0], rstd[..., 0]


X, WIDE, IMAGES, ROWS = n(3, 5), n(2, 3, 4), n(2, 4, 3, 2), n(5, 3)
BACK = (0, 2)  # the statistics count as x's: x's slope is checked by the second order of the op itself

CASES: dict[str, list[Case]] = {
    "layer_norm": [
        Case((n(3, 5), n(5), n(5))),
        Case((n(2, 3, 4), n(3, 4), n(3, 4)), {"normalized_ndim": 2, "eps": 0.1}),
        Case((n(2, 3, 4), 1.0, 0.0)),
        Case((n(2, 3, 4), n(4), 0.5)),
        Case((n(6), n(6), n(6))),
        Case((n(0, 4), n(4), n(4))),
        Case((n(2, 19), n(19), n(19))),
    ],
    "layer_norm_back": [
        Case((n(3, 5), X, n(5), *last(X)), {}, BACK),
        Case((n(2, 3, 4), WIDE, 1.0, *last(WIDE, 2)), {"normalized_ndim": 2}, BACK),
    ],
    "rms_norm": [
        Case((n(3, 5), n(5))),
        Case((n(2, 3, 4), n(3, 4)), {"normalized_ndim": 2, "eps": 0.1}),
        Case((n(2, 3, 4), 1.0)),
        Case((n(0, 4), n(4))),
    ],
    "rms_norm_back": [Case((n(3, 5), X, n(5), *rms(X)), {"eps": 1e-6}, BACK)],
    "batch_norm": [
        Case((n(5, 3), n(3), n(3))),
        Case((n(2, 3, 4), n(3), n(3)), {"eps": 0.1}),
        Case((n(2, 4, 3, 2), n(4), n(4))),
        Case((n(2, 2, 2, 2, 3), 1.0, 0.0)),
        Case((n(2, 3, 4), n(3), 0.5)),
    ],
    "batch_norm_back": [
        Case((n(2, 4, 3, 2), IMAGES, n(4), *batch(IMAGES)), {}, BACK),
        Case((n(5, 3), ROWS, 1.0, *batch(ROWS)), {}, BACK),
    ],
    "batch_norm_inference": [
        Case((n(5, 3), n(3), n(3), n(3), pos(3))),
        Case((n(2, 4, 3, 2), n(4), n(4), n(4), pos(4)), {"eps": 0.1}),
        Case((n(2, 2, 2, 2, 3), 1.0, 0.0, n(2), pos(2))),
        Case((n(0, 2, 3), n(2), n(2), n(2), pos(2))),
    ],
    "batch_norm_running": [
        Case((n(3), pos(3), n(3), pos(3), n(5, 3), 0.1)),
        Case((n(4), pos(4), n(4), pos(4), n(2, 4, 3, 2), np.asarray(0.25))),
    ],
    "group_norm": [
        Case((n(2, 4, 3, 2), n(4), n(4)), {"num_groups": 2}),
        Case((n(2, 6), n(6), n(6)), {"num_groups": 2, "eps": 0.1}),
        Case((n(2, 3, 5), 1.0, 0.0), {"num_groups": 3}),
        Case((n(2, 3, 5), n(3), n(3)), {"num_groups": 1}),
        Case((n(0, 4, 3), n(4), n(4)), {"num_groups": 2}),
    ],
    "group_norm_back": [
        Case((n(2, 4, 3, 2), IMAGES, n(4), *groups(IMAGES, 2)), {"num_groups": 2}, BACK),
        Case((n(2, 4, 3, 2), IMAGES, 1.0, *groups(IMAGES, 4)), {"num_groups": 4}, BACK),
    ],
}


def _affine(t, x, shape, *numbers):
    """A number stands for so many; PyTorch takes only tensors."""
    return [v if isinstance(v, t.Tensor) else t.full(shape, v, dtype=x.dtype) for v in numbers]


def _layer_norm(t, x, weight, bias, *, normalized_ndim=1, eps=1e-5):
    shape = x.shape[-normalized_ndim:]
    return t.native_layer_norm(x, shape, *_affine(t, x, shape, weight, bias), eps)


def _rms_norm(t, x, weight, *, normalized_ndim=1, eps=None):
    shape = x.shape[-normalized_ndim:]
    return t.nn.functional.rms_norm(x, shape, *_affine(t, x, shape, weight), eps)


def _batch_norm(t, x, weight, bias, *, eps=1e-5):
    affine = _affine(t, x, x.shape[1:2], weight, bias)
    axes = [a for a in range(x.ndim) if a != 1]
    out = t.nn.functional.batch_norm(x, None, None, *affine, training=True, eps=eps)
    return out, x.mean(axes), x.var(axes, correction=0)


def _batch_norm_inference(t, x, weight, bias, mean, var, *, eps=1e-5):
    """Written out: PyTorch gives no gradients for the mean and the variance."""
    weight, bias = _affine(t, x, x.shape[1:2], weight, bias)
    per_channel = [v.reshape(-1, *[1] * (x.ndim - 2)) for v in (weight, bias, mean, var)]
    out = (x - per_channel[2]) / t.sqrt(per_channel[3] + eps) * per_channel[0] + per_channel[1]
    theirs = t.nn.functional.batch_norm(x, mean.detach(), var.detach(), weight, bias, training=False, eps=eps)
    t.testing.assert_close(out, theirs)
    return out


def _batch_norm_running(t, running_mean, running_var, mean, var, x, momentum):
    """PyTorch moves them by the statistics of the batch: they are given one that has these."""
    count, momentum = x.numel() // x.shape[1], float(momentum)
    spread = t.linspace(-1, 1, count, dtype=x.dtype)
    spread = spread / spread.std(correction=0)
    batch = (mean + spread[:, None] * var.sqrt()).detach()
    moved = running_mean.clone(), running_var.clone()
    t.nn.functional.batch_norm(batch, *moved, training=True, momentum=momentum)
    return moved


def _group_norm(t, x, weight, bias, *, num_groups, eps=1e-5):
    weight, bias = _affine(t, x, x.shape[1:2], weight, bias)
    n, c, size = x.shape[0], x.shape[1], x[0, 0].numel() if len(x) else 3
    return t.native_group_norm(x, weight, bias, n, c, size, num_groups, eps)


TORCH = {
    "layer_norm": _layer_norm,
    "layer_norm_back": None,
    "rms_norm": _rms_norm,
    "rms_norm_back": None,
    "batch_norm": _batch_norm,
    "batch_norm_back": None,
    "batch_norm_inference": _batch_norm_inference,
    "batch_norm_running": _batch_norm_running,
    "group_norm": _group_norm,
    "group_norm_back": None,
}
