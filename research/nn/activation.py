"""Activations as layers."""

from __future__ import annotations

from typing import Any, ClassVar

from research.creation import full
from research.nn import functional as F
from research.nn.function_layer import REQUIRED, FunctionLayer
from research.nn.linear import at_least_one
from research.nn.module import Module, Parameter


class ReLU(FunctionLayer):
    """max(x, 0)."""

    function = staticmethod(F.relu)
    settings: ClassVar = {"inplace": False}


class ReLU6(FunctionLayer):
    """min(max(x, 0), 6)."""

    function = staticmethod(F.relu6)
    settings: ClassVar = {"inplace": False}


class LeakyReLU(FunctionLayer):
    """x where positive, else negative_slope * x."""

    function = staticmethod(F.leaky_relu)
    settings: ClassVar = {"negative_slope": 0.01, "inplace": False}


class ELU(FunctionLayer):
    """x where positive, else alpha * (exp(x) - 1)."""

    function = staticmethod(F.elu)
    settings: ClassVar = {"alpha": 1.0, "inplace": False}


class SELU(FunctionLayer):
    """ELU that keeps mean 0 and variance 1: Klambauer et al. 2017."""

    function = staticmethod(F.selu)
    settings: ClassVar = {"inplace": False}


class CELU(FunctionLayer):
    """x where positive, else alpha * (exp(x / alpha) - 1)."""

    function = staticmethod(F.celu)
    settings: ClassVar = {"alpha": 1.0, "inplace": False}


class GELU(FunctionLayer):
    """The Gaussian error linear unit."""

    function = staticmethod(F.gelu)
    settings: ClassVar = {"approximate": "none"}


class SiLU(FunctionLayer):
    """x * sigmoid(x)."""

    function = staticmethod(F.silu)
    settings: ClassVar = {"inplace": False}


class Mish(FunctionLayer):
    """x * tanh(softplus(x)): Misra 2019."""

    function = staticmethod(F.mish)
    settings: ClassVar = {"inplace": False}


class Softplus(FunctionLayer):
    """log(1 + exp(beta * x)) / beta."""

    function = staticmethod(F.softplus)
    settings: ClassVar = {"beta": 1.0, "threshold": 20.0}


class Softsign(FunctionLayer):
    """x / (1 + |x|)."""

    function = staticmethod(F.softsign)


class Softshrink(FunctionLayer):
    """x brought nearer to 0 by lambd."""

    function = staticmethod(F.softshrink)
    settings: ClassVar = {"lambd": 0.5}


class Hardshrink(FunctionLayer):
    """x; 0 within lambd of 0."""

    function = staticmethod(F.hardshrink)
    settings: ClassVar = {"lambd": 0.5}


class Tanhshrink(FunctionLayer):
    """x - tanh(x)."""

    function = staticmethod(F.tanhshrink)


class Threshold(FunctionLayer):
    """x above the threshold, else value."""

    function = staticmethod(F.threshold)
    settings: ClassVar = {"threshold": REQUIRED, "value": REQUIRED, "inplace": False}


class Hardtanh(FunctionLayer):
    """x, not below min_val and not above max_val."""

    function = staticmethod(F.hardtanh)
    settings: ClassVar = {"min_val": -1.0, "max_val": 1.0, "inplace": False}


class Hardsigmoid(FunctionLayer):
    """x / 6 + 1 / 2, within 0 and 1."""

    function = staticmethod(F.hardsigmoid)
    settings: ClassVar = {"inplace": False}


class Hardswish(FunctionLayer):
    """x * hardsigmoid(x): Howard et al. 2019."""

    function = staticmethod(F.hardswish)
    settings: ClassVar = {"inplace": False}


class Sigmoid(FunctionLayer):
    """1 / (1 + exp(-x))."""

    function = staticmethod(F.sigmoid)


class LogSigmoid(FunctionLayer):
    """log(sigmoid(x))."""

    function = staticmethod(F.logsigmoid)


class Tanh(FunctionLayer):
    """Hyperbolic tangent."""

    function = staticmethod(F.tanh)


class GLU(FunctionLayer):
    """The first half of an axis times the sigmoid of the second."""

    function = staticmethod(F.glu)
    settings: ClassVar = {"dim": -1}


class Softmin(FunctionLayer):
    """softmax of -x."""

    function = staticmethod(F.softmin)
    settings: ClassVar = {"dim": -1}


class Softmax(FunctionLayer):
    """Shares that are positive and sum to 1 along an axis."""

    function = staticmethod(F.softmax)
    settings: ClassVar = {"dim": -1}


class LogSoftmax(FunctionLayer):
    """The logarithm of softmax, in nats."""

    function = staticmethod(F.log_softmax)
    settings: ClassVar = {"dim": -1}


class Softmax2d(FunctionLayer):
    """Softmax over the channels of images: (n, c, h, w) -> (n, c, h, w)."""

    @staticmethod
    def function(input: Any) -> Any:
        return F.softmax(input, -3)


class RReLU(FunctionLayer):
    """x where positive, else times a number from lower to upper, in training a random one."""

    settings: ClassVar = {"lower": 1 / 8, "upper": 1 / 3, "inplace": False}

    def forward(self, input: Any) -> Any:
        return F.rrelu(input, self.lower, self.upper, self.training)


class PReLU(Module):
    """x where positive, else weight * x, with one weight that is learned, or one for each channel: He et al. 2015."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25):
        super().__init__()
        at_least_one("PReLU", num_parameters=num_parameters)
        self.num_parameters = num_parameters
        self.weight = Parameter(full((num_parameters,), float(init)))

    def forward(self, input: Any) -> Any:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"
