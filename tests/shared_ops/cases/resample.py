"""Images at another size."""

from cases.draw import Case, i, n


def how(mode, scale=(None, None), align_corners=False, antialias=False):
    return {"mode": mode, "align_corners": align_corners, "antialias": antialias, "scale": scale}


CASES: dict[str, list[Case]] = {
    "resample": [
        Case((n(2, 2, 3, 4),), {"size": (6, 3), **how("nearest")}),
        Case((n(1, 2, 3),), {"size": (5,), **how("nearest-exact", (None,))}),
        Case((i(9, 1, 1, 2, 2),), {"size": (3, 4), **how("nearest")}),
        Case((n(1, 2, 4, 3),), {"size": (7, 2), **how("linear")}),
        Case((n(1, 2, 4, 3),), {"size": (7, 1), **how("linear", align_corners=True)}),
        Case((n(1, 2, 4, 3),), {"size": (4, 5), **how("linear", (None, 1 / 1.7))}),
        Case((n(1, 1, 5, 4),), {"size": (2, 6), **how("linear", antialias=True)}),
        Case((n(1, 2, 4),), {"size": (6,), **how("linear", (None,))}),
        Case((n(1, 1, 2, 3, 2),), {"size": (3, 2, 5), **how("linear", (None,) * 3)}),
        Case((n(1, 2, 4, 5),), {"size": (6, 3), **how("cubic")}),
        Case((n(1, 1, 4, 5),), {"size": (6, 3), **how("cubic", align_corners=True)}),
        Case((n(1, 1, 7, 5),), {"size": (3, 6), **how("cubic", antialias=True)}),
        Case((n(0, 2, 4, 5),), {"size": (6, 3), **how("linear")}),
    ],
    "resample_input": [
        Case((n(2, 2, 6, 3),), {"size": (3, 4), **how("nearest")}),
        Case((n(1, 2, 7, 2),), {"size": (4, 3), **how("linear")}),
        Case((n(1, 1, 2, 6),), {"size": (5, 4), **how("linear", antialias=True)}),
        Case((n(1, 2, 6, 3),), {"size": (4, 5), **how("cubic", (1 / 1.6, None))}),
    ],
}


def _resample(t, x, *, size, mode, align_corners, antialias, scale):
    names = {"linear": ("linear", "bilinear", "trilinear"), "cubic": (None, "bicubic")}
    name = names[mode][x.ndim - 3] if mode in names else mode
    settings = {"align_corners": align_corners, "antialias": antialias} if mode in names else {}
    if all(s is None for s in scale):
        return t.nn.functional.interpolate(x, size, mode=name, **settings)
    factors = tuple(m / o if s is None else 1 / s for m, o, s in zip(size, x.shape[2:], scale, strict=True))
    return t.nn.functional.interpolate(x, scale_factor=factors, mode=name, **settings)


def _resample_input(t, y, *, size, **how):
    x = t.zeros((*y.shape[:2], *size), dtype=y.dtype, requires_grad=True)
    return t.autograd.grad(_resample(t, x, size=tuple(y.shape[2:]), **how), x, y, create_graph=True)[0]


TORCH = {
    "resample": lambda t, x, **how: _resample(t, x if x.is_floating_point() else x.double(), **how),
    "resample_input": _resample_input,
}
