"""Convolutions and their transposes, over one, two and three axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from research.creation import zeros
from research.nn import functional as F
from research.nn import init
from research.nn.linear import at_least_one
from research.nn.module import Module, Parameter
from shared_ops import ops

Size = int | tuple[int, ...]
MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


def per_axis(value: Any, rank: int, layer: str, name: str) -> tuple[int, ...]:
    """3 -> (3, 3); (3, 5) stays. Raises ValueError for another count."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,) * rank
    if len(values) != rank or not all(isinstance(v, int) for v in values):
        raise ValueError(f"{layer} needs {name} as a whole number, or {rank} of them; got {value!r}")
    return values


class _ConvNd(Module):
    """What all have: weights (out, in / groups, *kernel), and a bias (out,)."""

    rank: ClassVar[int]
    function: ClassVar[Callable]
    transposed: ClassVar[bool] = False

    def _build(self, channels: tuple[int, int], bias: bool, padding_mode: str, **sizes: Any) -> None:
        name, groups = type(self).__name__, sizes.pop("groups")
        self.in_channels, self.out_channels, self.groups = *channels, groups
        at_least_one(name, in_channels=channels[0], out_channels=channels[1], groups=groups)
        if channels[0] % groups or channels[1] % groups:
            raise ValueError(f"groups divides both channel counts; got {channels[0]}, {channels[1]}, {groups=}")
        if padding_mode not in MODES:
            raise ValueError(f"{name} needs padding_mode {', '.join(map(repr, MODES))}; got {padding_mode!r}")
        for key, value in sizes.items():
            setattr(self, key, value if isinstance(value, str) else per_axis(value, self.rank, name, key))
        self.padding_mode = padding_mode
        inner = (channels[0], channels[1] // groups) if self.transposed else (channels[1], channels[0] // groups)
        self.weight = Parameter(zeros(*inner, *self.kernel_size))
        self.bias = Parameter(zeros(channels[1])) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        init.default_(self.weight, self.bias)

    def extra_repr(self) -> str:
        said = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        usual = {"padding": (0,) * self.rank, "dilation": (1,) * self.rank, "output_padding": (0,) * self.rank}
        for name, value in {**usual, "groups": 1}.items():
            if getattr(self, name, value) != value:
                said.append(f"{name}={getattr(self, name)}")
        said += [] if self.bias is not None else ["bias=False"]
        said += [] if self.padding_mode == "zeros" else [f"padding_mode={self.padding_mode}"]
        return ", ".join(said)


class _Conv(_ConvNd):
    """Cross-correlation: (n, in, *size) -> (n, out, *size)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
    ):
        super().__init__()
        sizes = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}
        self._build((in_channels, out_channels), bias, padding_mode, groups=groups, **sizes)

    def forward(self, input: Any) -> Any:
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = ops.pad(input, self._sides(), mode=MODES[self.padding_mode]), 0
        return type(self).function(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _sides(self) -> tuple[int, ...]:
        """How much is added before and after each axis, the last axis first."""
        if self.padding == "valid":
            return (0,) * 2 * self.rank
        sides = []
        for i in reversed(range(self.rank)):
            whole = self.dilation[i] * (self.kernel_size[i] - 1) if self.padding == "same" else 2 * self.padding[i]
            sides += [whole // 2, whole - whole // 2]
        return tuple(sides)


class Conv1d(_Conv):
    """Over sequences: (n, in, l) -> (n, out, l)."""

    rank, function = 1, staticmethod(F.conv1d)


class Conv2d(_Conv):
    """Over images: (n, in, h, w) -> (n, out, h, w)."""

    rank, function = 2, staticmethod(F.conv2d)


class Conv3d(_Conv):
    """Over volumes: (n, in, d, h, w) -> (n, out, d, h, w)."""

    rank, function = 3, staticmethod(F.conv3d)


class _ConvTranspose(_ConvNd):
    """The transpose of a convolution, often used to enlarge: (n, in, *size) -> (n, out, *size)."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
    ):
        super().__init__()
        if padding_mode != "zeros":
            raise ValueError(f"{type(self).__name__} needs padding_mode 'zeros'; got {padding_mode!r}")
        sizes = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}
        sizes["output_padding"] = output_padding
        self._build((in_channels, out_channels), bias, padding_mode, groups=groups, **sizes)

    def forward(self, input: Any, output_size: Sequence[int] | None = None) -> Any:
        """`output_size`: which of the sizes that the stride allows, (*size,) or with all axes."""
        extra = self.output_padding if output_size is None else self._extra(input, tuple(output_size))
        return type(self).function(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )

    def _extra(self, input: Any, output_size: tuple[int, ...]) -> tuple[int, ...]:
        least = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, d, k in zip(
                input.shape[-self.rank :], self.stride, self.padding, self.dilation, self.kernel_size, strict=True
            )
        ]
        extra = tuple(o - n for o, n in zip(output_size[-self.rank :], least, strict=True))
        if any(not 0 <= e < max(s, d) for e, s, d in zip(extra, self.stride, self.dilation, strict=True)):
            most = [n + s - 1 for n, s in zip(least, self.stride, strict=True)]
            raise ValueError(f"output_size is from {least} to {most} for this input; got {list(output_size)}")
        return extra


class ConvTranspose1d(_ConvTranspose):
    """Over sequences: (n, in, l) -> (n, out, l)."""

    rank, function = 1, staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """Over images: (n, in, h, w) -> (n, out, h, w)."""

    rank, function = 2, staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTranspose):
    """Over volumes: (n, in, d, h, w) -> (n, out, d, h, w)."""

    rank, function = 3, staticmethod(F.conv_transpose3d)
