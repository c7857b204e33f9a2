"""Layers that normalise: over a batch's channels, over the last axes, over groups of channels."""

from __future__ import annotations

from typing import Any, ClassVar

from research.creation import full, ones, zeros
from research.nn import functional as F
from research.nn.function_layer import REQUIRED, FunctionLayer
from research.nn.linear import at_least_one
from research.nn.module import Module, Parameter


class _Statistics(Module):
    """What the layers share that may keep running statistics of each channel."""

    axes: ClassVar[tuple[int, ...]]  # how many an input may have

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
    ):
        super().__init__()
        at_least_one(type(self).__name__, num_features=num_features)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = Parameter(ones(num_features)) if affine else None
        self.bias = Parameter(zeros(num_features)) if affine and bias else None
        self.register_buffer("running_mean", zeros(num_features) if track_running_stats else None)
        self.register_buffer("running_var", ones(num_features) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", full((), 0) if track_running_stats else None)

    def reset_running_stats(self) -> None:
        """As if no batch had been seen."""
        if self.running_mean is not None:
            self.running_mean.zero_()
            self.running_var.fill_(1.0)
            self.num_batches_tracked.zero_()

    def _check(self, input: Any) -> None:
        if len(input.shape) not in self.axes:
            axes = " or ".join(map(str, self.axes))
            raise ValueError(f"{type(self).__name__} needs an input of {axes} axes; got shape {tuple(input.shape)}")

    def _share(self) -> float:
        """The weight of this batch in the running statistics."""
        return 0.0 if self.momentum is None else self.momentum

    def _counted_share(self) -> float:
        """The same, where that may be 1 / batches so far."""
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked._write(self.num_batches_tracked.array + 1)
            if self.momentum is None:
                return 1 / int(self.num_batches_tracked)
        return self._share()

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Statistics):
    """Each channel with mean 0 and variance 1 over the batch; out of training by the running statistics."""

    def forward(self, input: Any) -> Any:
        self._check(input)
        return F.batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            self._counted_share(),
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Over (n, c) or (n, c, l)."""

    axes = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Over images: (n, c, h, w)."""

    axes = (4,)


class BatchNorm3d(_BatchNorm):
    """Over volumes: (n, c, d, h, w)."""

    axes = (5,)


class _InstanceNorm(_Statistics):
    """Each channel of each sample with mean 0 and variance 1: Ulyanov et al. 2016."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats)

    def forward(self, input: Any) -> Any:
        self._check(input)
        alone = len(input.shape) == min(self.axes)
        own = self.training or not self.track_running_stats
        mean, var = (self.running_mean, self.running_var) if self.training or not own else (None, None)
        out = F.instance_norm(
            input.unsqueeze(0) if alone else input, mean, var, self.weight, self.bias, own, self._share(), self.eps
        )
        return out.squeeze(0) if alone else out


class InstanceNorm1d(_InstanceNorm):
    """Over (n, c, l) or (c, l)."""

    axes = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Over images: (n, c, h, w) or (c, h, w)."""

    axes = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Over volumes: (n, c, d, h, w) or (c, d, h, w)."""

    axes = (4, 5)


class LocalResponseNorm(FunctionLayer):
    """Divided by what neighbouring channels make: Krizhevsky et al. 2012."""

    function = staticmethod(F.local_response_norm)
    settings: ClassVar = {"size": REQUIRED, "alpha": 1e-4, "beta": 0.75, "k": 1.0}


class LayerNorm(Module):
    """Each sample with mean 0 and variance 1 over its last axes, those of `normalized_shape`."""

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ):
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps = shape, eps
        self.weight = Parameter(ones(*shape)) if elementwise_affine else None
        self.bias = Parameter(zeros(*shape)) if elementwise_affine and bias else None

    def forward(self, input: Any) -> Any:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.weight is not None}"


class RMSNorm(Module):
    """Each sample divided by the root of its mean square over the last axes: Zhang & Sennrich 2019."""

    def __init__(
        self, normalized_shape: int | tuple[int, ...], eps: float | None = None, elementwise_affine: bool = True
    ):
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps = shape, eps
        self.weight = Parameter(ones(*shape)) if elementwise_affine else None

    def forward(self, input: Any) -> Any:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.weight is not None}"


class GroupNorm(Module):
    """Each sample's groups of channels with mean 0 and variance 1: Wu & He 2018."""

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, *, bias: bool = True
    ):
        super().__init__()
        at_least_one("GroupNorm", num_groups=num_groups, num_channels=num_channels)
        if num_channels % num_groups:
            raise ValueError(f"num_groups divides num_channels; got {num_groups} and {num_channels}")
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight = Parameter(ones(num_channels)) if affine else None
        self.bias = Parameter(zeros(num_channels)) if affine and bias else None

    def forward(self, input: Any) -> Any:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.weight is not None}, "
            f"bias={self.bias is not None}"
        )
