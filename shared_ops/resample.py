"""Resample: images (n, c, *size) at another size, and channels exchanged for pixels.

Along an axis each output is a weighted sum of a few inputs: of one (nearest), two (linear) or four (cubic), or with
antialiasing of all that the output covers. `resample_input`, its gradient, adds weighted outputs back to those inputs.
"""

from __future__ import annotations

import math

import numpy as np

from shared_ops.adaptive import adaptive_avg_pool
from shared_ops.dim import Dim
from shared_ops.fold import IMAGES, per_axis
from shared_ops.op import op
from shared_ops.shape import permute, reshape
from shared_ops.spec import Spec, check, is_float, shape_of, spec_of

MODES = ("nearest", "nearest-exact", "linear", "cubic")


# which inputs, and how much of each -------------------------------------------------------------------------------
def sources(n, out, dtype, mode, align_corners, antialias, scale):
    """Along an axis of n values: per tap the input's place for each output, rising, and its weight, None for 1.

    scale is inputs per output; None takes it from the sizes.
    """
    if mode.startswith("nearest"):
        return [(_nearest(n, out, np.float64 if dtype == np.float64 else np.float32, mode, scale), None)]
    step = n / out if scale is None else scale
    if align_corners:
        step = (n - 1) / (out - 1) if out > 1 else 0.0
    if antialias:
        return _covered(n, out, mode, step)
    at = np.arange(out) * step if align_corners else (np.arange(out) + 0.5) * step - 0.5
    if mode == "linear":
        at = np.maximum(at, 0)
        low = np.minimum(np.floor(at).astype("int64"), n - 1)
        share = np.minimum(at - low, 1)
        return [(low, 1 - share), (np.minimum(low + 1, n - 1), share)]
    low = np.floor(at).astype("int64")
    taps = range(-1, 3)
    return [(np.clip(low + k, 0, n - 1), _cubic(at - low - k, -0.75)) for k in taps]


def _nearest(n, out, kind, mode, scale):
    """The nearest input of each output, where it lies between two as PyTorch's rounding decides:

    the step in the images' own precision, the product of nearest-exact not rounded, the place in float32.
    """
    step = kind(n) / kind(out) if scale is None else kind(scale)
    at = np.arange(out)
    at = at.astype(kind) * step if mode == "nearest" else kind((at + 0.5) * float(step) - 0.5) + kind(0.5)
    return np.clip(np.floor(np.float32(at)).astype("int64"), 0, n - 1)


def _cubic(x, a):
    """Keys 1981, equation 4, for any a: the weight of a value at distance x."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _covered(n, out, mode, step):
    """The filter stretched over all inputs that an output covers, where it covers several; its weights sum to 1."""
    stretch = max(step, 1.0)
    support = stretch * (1 if mode == "linear" else 2)
    center = (np.arange(out) + 0.5) * step
    first = np.maximum((center - support + 0.5).astype("int64"), 0)
    end = np.minimum((center + support + 0.5).astype("int64"), n)
    at = first + np.arange(math.ceil(support) * 2 + 1)[:, None]
    x = (at - center + 0.5) / stretch
    weights = np.maximum(1 - np.abs(x), 0) if mode == "linear" else _cubic(x, -0.5)
    weights = np.where(at < end, weights, 0)
    weights = weights / weights.sum(axis=0)
    return [(np.minimum(index, n - 1), weight) for index, weight in zip(at, weights, strict=True) if weight.any()]


def _axes(size, out, dtype, mode, align_corners, antialias, scale):
    """The axes that change, with what their outputs are made of."""
    for axis, (n, m, s) in enumerate(zip(size, out, scale, strict=True)):
        if n != m or s not in (None, 1):
            yield axis + 2, n, sources(n, m, dtype, mode, align_corners, antialias, s)


def _column(xp, weight, x, axis):
    """Weights as an array that multiplies x along an axis."""
    return xp.asarray(weight, x.dtype).reshape(-1, *(1,) * (x.ndim - axis - 1))


# ops --------------------------------------------------------------------------------------------------------------
@op
def resample(xp, x, *, size, mode, align_corners, antialias, scale):
    """Images at another size: (n, c, *old) -> (n, c, *size).

    scale has, per axis, inputs per output, or None to take it from the sizes.
    """
    for axis, _, taps in _axes(x.shape[2:], size, x.dtype, mode, align_corners, antialias, scale):
        total = None
        for index, weight in taps:
            part = xp.take(x, xp.asarray(index), axis=axis)
            part = part if weight is None else part * _column(xp, weight, x, axis)
            total = part if total is None else total + part
        x = total
    return x


@resample.spec
def resample_spec(x, *, size, mode, align_corners, antialias, scale):
    out = _resample_spec("resample", x, size, mode, align_corners, antialias, scale)
    _check_scale("resample", x.shape[2:], size, scale)
    return out


def _resample_spec(name, x, size, mode, align_corners, antialias, scale):
    check(len(shape_of(x)) >= 3, f"{name} needs images (n, c, *size)", x=x)
    check(mode in MODES, f"{name} needs mode as one of {', '.join(MODES)}", mode=mode)
    nearest = mode.startswith("nearest")
    check(nearest or is_float(x.dtype), f"{name} needs floats but for nearest", x=x, mode=mode)
    for setting, came in (("align_corners", align_corners), ("antialias", antialias)):
        check(isinstance(came, bool), f"{name} needs {setting} as True or False", **{setting: came})
        check(not (nearest and came), f"{name} takes {setting} for linear and cubic only", **{setting: came})
    rank = x.ndim - 2
    fine = isinstance(size, tuple | list) and len(size) == rank
    fine = fine and all(isinstance(n, Dim) or (isinstance(n, int) and n > 0) for n in size)
    check(fine, f"{name} needs size with a number of at least 1 for each image axis", x=x, size=size)
    fine = isinstance(scale, tuple | list) and len(scale) == rank
    fine = fine and all(s is None or (isinstance(s, int | float) and 0 < s < math.inf) for s in scale)
    check(fine, f"{name} needs scale with a positive number, or None, for each image axis", x=x, scale=scale)
    full = all(isinstance(n, Dim) or n > 0 for n in x.shape[2:])
    check(full, f"{name} needs images with values", x=x)
    return Spec((*x.shape[:2], *size), x.dtype)


def _check_scale(name, size, out, scale):
    for n, m, s in zip(size, out, scale, strict=True):
        fits = s is None or isinstance(n, Dim) or isinstance(m, Dim) or s * m <= n * (1 + 1e-6)
        check(fits, f"{name} needs a scale with which the outputs stay inside the images", size=n, out=m, scale=s)


@resample.grad
def resample_grad(g, x_spec, mode, align_corners, antialias, scale):
    how = {"mode": mode, "align_corners": align_corners, "antialias": antialias, "scale": scale}
    return resample_input(g, size=tuple(x_spec.shape[2:]), **how)


@op
def resample_input(xp, y, *, size, mode, align_corners, antialias, scale):
    """The gradient of resample for its images: (n, c, *out) -> (n, c, *size)."""
    for axis, n, taps in _axes(size, y.shape[2:], y.dtype, mode, align_corners, antialias, scale):
        before = (slice(None),) * axis
        out = xp.zeros((*y.shape[:axis], n, *y.shape[axis + 1 :]), y.dtype)
        for index, weight in taps:
            part = y if weight is None else y * _column(xp, weight, y, axis)
            turn = np.arange(len(index)) - np.searchsorted(index, index)
            for now in range(int(turn.max()) + 1):  # the outputs that share an input add to it one after another
                at = np.flatnonzero(turn == now)
                out[(*before, xp.asarray(index[at]))] += part[(*before, xp.asarray(at))]
        y = out
    return y


@resample_input.spec
def resample_input_spec(y, *, size, mode, align_corners, antialias, scale):
    check(len(shape_of(y)) >= 3, "resample_input needs images (n, c, *out)", y=y)
    _resample_spec("resample_input", y, size, mode, align_corners, antialias, scale)
    _check_scale("resample_input", size, y.shape[2:], scale)
    return Spec((*y.shape[:2], *size), y.dtype)


@resample_input.grad
def resample_input_grad(g, y_spec, mode, align_corners, antialias, scale):
    how = {"mode": mode, "align_corners": align_corners, "antialias": antialias, "scale": scale}
    return resample(g, size=tuple(y_spec.shape[2:]), **how)


# the names of PyTorch ---------------------------------------------------------------------------------------------
RANKS = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}


def interpolate(
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    antialias=False,
):
    """Images at another size, given as such or as a factor: (n, c, *old) -> (n, c, *size).

    Modes: nearest, nearest-exact and area for any image; linear, bilinear, trilinear and bicubic by its axes.
    """
    rank = len(input.shape) - 2
    known = (*RANKS, "nearest", "nearest-exact", "area")
    check(mode in known, f"interpolate needs mode as one of {', '.join(known)}", mode=mode)
    wanted = RANKS.get(mode, rank)
    images = IMAGES.get(wanted, "(n, c, *size)")
    check(rank == wanted and rank > 0, f"interpolate needs images {images} for {mode}", input=spec_of(input))
    fine = align_corners is None or mode in RANKS
    check(fine, "interpolate takes align_corners for the linear modes and bicubic only", align_corners=align_corners)
    fine = not antialias or mode in ("bilinear", "bicubic")
    check(fine, "interpolate takes antialias for bilinear and bicubic only", mode=mode, antialias=antialias)
    size, scale = _target(input, rank, size, scale_factor, recompute_scale_factor)
    if mode == "area":
        return adaptive_avg_pool(input, output_size=size)
    kind = "cubic" if mode == "bicubic" else "linear" if mode in RANKS else mode
    how = {"align_corners": bool(align_corners), "antialias": bool(antialias)}
    return resample(input, size=size, mode=kind, scale=scale, **how)


def _target(input, rank, size, scale_factor, recompute_scale_factor):
    """The size to reach, and inputs per output along each axis, None where the sizes say it."""
    one = (size is None) != (scale_factor is None)
    check(one, "interpolate needs either size or scale_factor", size=size, scale_factor=scale_factor)
    if size is not None:
        size = per_axis(size, rank)
        check(len(size) == rank, "interpolate needs size with a number for each image axis", size=size)
        return size, (None,) * rank
    factors = per_axis(scale_factor, rank)
    fine = len(factors) == rank and all(isinstance(f, int | float) and 0 < f < math.inf for f in factors)
    check(fine, "interpolate needs scale_factor as positive numbers, one for each image axis", scale_factor=factors)
    pairs = list(zip(input.shape[2:], factors, strict=True))
    fine = all(isinstance(f, int) or not isinstance(n, Dim) for n, f in pairs)
    check(fine, "interpolate needs whole factors for sizes that are not known yet", scale_factor=factors)
    size = tuple(n * f if isinstance(f, int) else math.floor(n * f) for n, f in pairs)
    return size, tuple(None if recompute_scale_factor else 1 / f for f in factors)


def pixel_shuffle(input, upscale_factor):
    """Channels as pixels: (..., c*r*r, h, w) -> (..., c, h*r, w*r)."""
    r, *lead, c, h, w = _factor_first("pixel_shuffle", input, upscale_factor)
    check(c % (r * r) == 0, "pixel_shuffle needs channels that the factor's square divides", channels=c, factor=r)
    k = len(lead)
    x = reshape(input, shape=(*lead, c // (r * r), r, r, h, w))
    x = permute(x, dims=(*range(k), k, k + 3, k + 1, k + 4, k + 2))
    return reshape(x, shape=(*lead, c // (r * r), h * r, w * r))


def pixel_unshuffle(input, downscale_factor):
    """Pixels as channels: (..., c, h*r, w*r) -> (..., c*r*r, h, w)."""
    r, *lead, c, h, w = _factor_first("pixel_unshuffle", input, downscale_factor)
    fine = all(isinstance(n, Dim) or n % r == 0 for n in (h, w))
    check(fine, "pixel_unshuffle needs a height and a width that the factor divides", height=h, width=w, factor=r)
    k = len(lead)
    x = reshape(input, shape=(*lead, c, h // r, r, w // r, r))
    x = permute(x, dims=(*range(k), k, k + 2, k + 4, k + 1, k + 3))
    return reshape(x, shape=(*lead, c * r * r, h // r, w // r))


def _factor_first(name, x, factor):
    check(len(x.shape) >= 3, f"{name} needs images (..., c, h, w)", input=spec_of(x))
    check(isinstance(factor, int) and factor > 0, f"{name} needs a factor of at least 1", factor=factor)
    return factor, *x.shape
