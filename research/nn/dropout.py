"""Dropout as layers."""

from __future__ import annotations

from typing import Any, ClassVar

from research.nn import functional as F
from research.nn.function_layer import FunctionLayer, a_probability


class _Dropout(FunctionLayer):
    """In training some values are 0; out of it nothing happens."""

    settings: ClassVar = {"p": 0.5, "inplace": False}

    def check(self) -> None:
        a_probability("dropout", self.p)

    def forward(self, input: Any) -> Any:
        return type(self).function(input, self.p, self.training)


class Dropout(_Dropout):
    """In training each value is 0 with probability p, else divided by 1 - p."""

    function = staticmethod(F.dropout)
    settings: ClassVar = _Dropout.settings


class Dropout1d(_Dropout):
    """Whole channels of sequences at once."""

    function = staticmethod(F.dropout1d)
    settings: ClassVar = _Dropout.settings


class Dropout2d(_Dropout):
    """Whole channels of images at once."""

    function = staticmethod(F.dropout2d)
    settings: ClassVar = _Dropout.settings


class Dropout3d(_Dropout):
    """Whole channels of volumes at once."""

    function = staticmethod(F.dropout3d)
    settings: ClassVar = _Dropout.settings


class AlphaDropout(_Dropout):
    """Dropout that keeps mean 0 and variance 1, for SELU."""

    function = staticmethod(F.alpha_dropout)
    settings: ClassVar = _Dropout.settings


class FeatureAlphaDropout(_Dropout):
    """The same for whole channels."""

    function = staticmethod(F.feature_alpha_dropout)
    settings: ClassVar = _Dropout.settings
