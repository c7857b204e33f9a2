"""Layers that change sizes: padding, upsampling, pixels shuffled between channels and space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from research.nn import functional as F
from research.nn.function_layer import REQUIRED, FunctionLayer
from shared_ops import ops


def padded(rank: int, mode: str) -> Callable:
    """A function that pads the last `rank` axes; one size for all sides, or (before, after) of each, the last first."""

    def pad(input: Any, padding: Any, value: Any = None) -> Any:
        sides = (padding,) * 2 * rank if isinstance(padding, int) else tuple(padding)
        if len(sides) != 2 * rank:
            raise ValueError(f"padding is one number, or {2 * rank} of them; got {padding!r}")
        return ops.pad(input, sides, mode=mode, value=value)

    return pad


class ConstantPad1d(FunctionLayer):
    """(n, c, l) with one value around."""

    function = staticmethod(padded(1, "constant"))
    settings: ClassVar = {"padding": REQUIRED, "value": REQUIRED}


class ConstantPad2d(FunctionLayer):
    """(n, c, h, w) with one value around."""

    function = staticmethod(padded(2, "constant"))
    settings: ClassVar = {"padding": REQUIRED, "value": REQUIRED}


class ConstantPad3d(FunctionLayer):
    """(n, c, d, h, w) with one value around."""

    function = staticmethod(padded(3, "constant"))
    settings: ClassVar = {"padding": REQUIRED, "value": REQUIRED}


class ZeroPad1d(FunctionLayer):
    """(n, c, l) with zeros around."""

    function = staticmethod(padded(1, "constant"))
    settings: ClassVar = {"padding": REQUIRED}


class ZeroPad2d(FunctionLayer):
    """(n, c, h, w) with zeros around."""

    function = staticmethod(padded(2, "constant"))
    settings: ClassVar = {"padding": REQUIRED}


class ZeroPad3d(FunctionLayer):
    """(n, c, d, h, w) with zeros around."""

    function = staticmethod(padded(3, "constant"))
    settings: ClassVar = {"padding": REQUIRED}


class ReflectionPad1d(FunctionLayer):
    """(n, c, l) with what lies inside, mirrored at the edge around."""

    function = staticmethod(padded(1, "reflect"))
    settings: ClassVar = {"padding": REQUIRED}


class ReflectionPad2d(FunctionLayer):
    """(n, c, h, w) with what lies inside, mirrored at the edge around."""

    function = staticmethod(padded(2, "reflect"))
    settings: ClassVar = {"padding": REQUIRED}


class ReflectionPad3d(FunctionLayer):
    """(n, c, d, h, w) with what lies inside, mirrored at the edge around."""

    function = staticmethod(padded(3, "reflect"))
    settings: ClassVar = {"padding": REQUIRED}


class ReplicationPad1d(FunctionLayer):
    """(n, c, l) with the value of the edge around."""

    function = staticmethod(padded(1, "replicate"))
    settings: ClassVar = {"padding": REQUIRED}


class ReplicationPad2d(FunctionLayer):
    """(n, c, h, w) with the value of the edge around."""

    function = staticmethod(padded(2, "replicate"))
    settings: ClassVar = {"padding": REQUIRED}


class ReplicationPad3d(FunctionLayer):
    """(n, c, d, h, w) with the value of the edge around."""

    function = staticmethod(padded(3, "replicate"))
    settings: ClassVar = {"padding": REQUIRED}


class CircularPad1d(FunctionLayer):
    """(n, c, l) with what lies at the other end around."""

    function = staticmethod(padded(1, "circular"))
    settings: ClassVar = {"padding": REQUIRED}


class CircularPad2d(FunctionLayer):
    """(n, c, h, w) with what lies at the other end around."""

    function = staticmethod(padded(2, "circular"))
    settings: ClassVar = {"padding": REQUIRED}


class CircularPad3d(FunctionLayer):
    """(n, c, d, h, w) with what lies at the other end around."""

    function = staticmethod(padded(3, "circular"))
    settings: ClassVar = {"padding": REQUIRED}


class Upsample(FunctionLayer):
    """Images, sequences or volumes of another size: see torch.nn.Upsample for the modes."""

    function = staticmethod(F.interpolate)
    settings: ClassVar = {"size": None, "scale_factor": None, "mode": "nearest", "align_corners": None}


class UpsamplingNearest2d(FunctionLayer):
    """Images of another size, each pixel the nearest one."""

    function = staticmethod(F.interpolate)
    settings: ClassVar = {"size": None, "scale_factor": None}


class UpsamplingBilinear2d(FunctionLayer):
    """Images of another size, each pixel between four, corners on corners."""

    settings: ClassVar = {"size": None, "scale_factor": None}

    @staticmethod
    def function(input: Any, size: Any, scale_factor: Any) -> Any:
        return F.interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


class PixelShuffle(FunctionLayer):
    """(n, c*r*r, h, w) -> (n, c, h*r, w*r): Shi et al. 2016."""

    function = staticmethod(F.pixel_shuffle)
    settings: ClassVar = {"upscale_factor": REQUIRED}


class PixelUnshuffle(FunctionLayer):
    """(n, c, h*r, w*r) -> (n, c*r*r, h, w)."""

    function = staticmethod(F.pixel_unshuffle)
    settings: ClassVar = {"downscale_factor": REQUIRED}
