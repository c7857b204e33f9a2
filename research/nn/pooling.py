"""Pooling, unpooling, and windows laid out: layers over one, two and three axes."""

from __future__ import annotations

from typing import Any, ClassVar

from research.nn import functional as F
from research.nn.function_layer import REQUIRED, FunctionLayer, SeveralInputs

MAX: dict[str, Any] = {"kernel_size": REQUIRED, "stride": None, "padding": 0, "dilation": 1}
MAX |= {"return_indices": False, "ceil_mode": False}
AVERAGE: dict[str, Any] = {"kernel_size": REQUIRED, "stride": None, "padding": 0}
AVERAGE |= {"ceil_mode": False, "count_include_pad": True}
LP: dict[str, Any] = {"norm_type": REQUIRED, "kernel_size": REQUIRED, "stride": None, "ceil_mode": False}
UNPOOL: dict[str, Any] = {"kernel_size": REQUIRED, "stride": None, "padding": 0}


class MaxPool1d(FunctionLayer):
    """The greatest value of each window of (n, c, l)."""

    function = staticmethod(F.max_pool1d)
    settings: ClassVar = MAX


class MaxPool2d(FunctionLayer):
    """The greatest value of each window of (n, c, h, w)."""

    function = staticmethod(F.max_pool2d)
    settings: ClassVar = MAX


class MaxPool3d(FunctionLayer):
    """The greatest value of each window of (n, c, d, h, w)."""

    function = staticmethod(F.max_pool3d)
    settings: ClassVar = MAX


class MaxUnpool1d(SeveralInputs):
    """The way back from MaxPool1d."""

    function = staticmethod(F.max_unpool1d)
    settings: ClassVar = UNPOOL


class MaxUnpool2d(SeveralInputs):
    """The way back from MaxPool2d."""

    function = staticmethod(F.max_unpool2d)
    settings: ClassVar = UNPOOL


class MaxUnpool3d(SeveralInputs):
    """The way back from MaxPool3d."""

    function = staticmethod(F.max_unpool3d)
    settings: ClassVar = UNPOOL


class AvgPool1d(FunctionLayer):
    """The mean of each window of (n, c, l)."""

    function = staticmethod(F.avg_pool1d)
    settings: ClassVar = AVERAGE


class AvgPool2d(FunctionLayer):
    """The mean of each window of (n, c, h, w)."""

    function = staticmethod(F.avg_pool2d)
    settings: ClassVar = {**AVERAGE, "divisor_override": None}


class AvgPool3d(FunctionLayer):
    """The mean of each window of (n, c, d, h, w)."""

    function = staticmethod(F.avg_pool3d)
    settings: ClassVar = {**AVERAGE, "divisor_override": None}


class LPPool1d(FunctionLayer):
    """(sum of x**p) ** (1 / p) of each window of (n, c, l)."""

    function = staticmethod(F.lp_pool1d)
    settings: ClassVar = LP


class LPPool2d(FunctionLayer):
    """(sum of x**p) ** (1 / p) of each window of (n, c, h, w)."""

    function = staticmethod(F.lp_pool2d)
    settings: ClassVar = LP


class LPPool3d(FunctionLayer):
    """(sum of x**p) ** (1 / p) of each window of (n, c, d, h, w)."""

    function = staticmethod(F.lp_pool3d)
    settings: ClassVar = LP


class AdaptiveAvgPool1d(FunctionLayer):
    """Means of as many windows as are asked for, of (n, c, l)."""

    function = staticmethod(F.adaptive_avg_pool1d)
    settings: ClassVar = {"output_size": REQUIRED}


class AdaptiveAvgPool2d(FunctionLayer):
    """Means of as many windows as are asked for, of (n, c, h, w)."""

    function = staticmethod(F.adaptive_avg_pool2d)
    settings: ClassVar = {"output_size": REQUIRED}


class AdaptiveAvgPool3d(FunctionLayer):
    """Means of as many windows as are asked for, of (n, c, d, h, w)."""

    function = staticmethod(F.adaptive_avg_pool3d)
    settings: ClassVar = {"output_size": REQUIRED}


class AdaptiveMaxPool1d(FunctionLayer):
    """Greatest values of as many windows as are asked for, of (n, c, l)."""

    function = staticmethod(F.adaptive_max_pool1d)
    settings: ClassVar = {"output_size": REQUIRED, "return_indices": False}


class AdaptiveMaxPool2d(FunctionLayer):
    """Greatest values of as many windows as are asked for, of (n, c, h, w)."""

    function = staticmethod(F.adaptive_max_pool2d)
    settings: ClassVar = {"output_size": REQUIRED, "return_indices": False}


class AdaptiveMaxPool3d(FunctionLayer):
    """Greatest values of as many windows as are asked for, of (n, c, d, h, w)."""

    function = staticmethod(F.adaptive_max_pool3d)
    settings: ClassVar = {"output_size": REQUIRED, "return_indices": False}


class Unfold(FunctionLayer):
    """The windows of images as columns: (n, c, h, w) -> (n, c*kh*kw, windows)."""

    function = staticmethod(F.unfold)
    settings: ClassVar = {"kernel_size": REQUIRED, "dilation": 1, "padding": 0, "stride": 1}


class Fold(FunctionLayer):
    """Columns added up where their windows lie: (n, c*kh*kw, windows) -> (n, c, h, w)."""

    function = staticmethod(F.fold)
    settings: ClassVar = {"output_size": REQUIRED, "kernel_size": REQUIRED, "dilation": 1, "padding": 0, "stride": 1}
