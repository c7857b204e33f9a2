"""Transforms of images: torchvision's names. Images are (c, h, w), or (n, c, h, w), arrays or tensors, or Pillow's.

Random ones draw from the stream of the batch in the making: the same seed gives the same, at any number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from research.data.streams import current_generator
from research.random import rand, randint
from research.tensor import Tensor, _as_array
from shared_ops import ops
from shared_ops.spec import dtype_named

MODES = {"constant": "constant", "edge": "replicate", "reflect": "reflect"}


def _image(image: Any) -> Tensor:
    """A tensor (…, c, h, w). Raises ValueError for another count of axes."""
    if hasattr(image, "getbands"):  # Pillow's
        return ToTensor()(image)
    tensor = image if isinstance(image, Tensor) else Tensor(_as_array(image))
    if tensor.ndim not in (3, 4):
        raise ValueError(f"an image is (c, h, w), or several (n, c, h, w); got shape {tensor.shape}")
    return tensor


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))


class Compose:
    """Transforms one after another."""

    def __init__(self, transforms: Sequence[Callable]):
        self.transforms = list(transforms)

    def __call__(self, image: Any) -> Any:
        for transform in self.transforms:
            image = transform(image)
        return image


class Lambda:
    """Any function."""

    def __init__(self, lambd: Callable):
        self.lambd = lambd

    def __call__(self, image: Any) -> Any:
        return self.lambd(image)


class ToTensor:
    """Pillow's image, or bytes (h, w, c) or (h, w), as float32 (c, h, w) from 0 to 1."""

    def __call__(self, image: Any) -> Tensor:
        array = np.asarray(image)
        array = array[..., None] if array.ndim == 2 else array
        turned = np.ascontiguousarray(array.transpose(2, 0, 1))
        return Tensor(turned.astype(np.float32) / 255 if turned.dtype == np.uint8 else turned.astype(np.float32))


class ConvertImageDtype:
    """Bytes from 0 to 255 as floats from 0 to 1, or back."""

    def __init__(self, dtype: Any):
        self.dtype = dtype_named(dtype)

    def __call__(self, image: Any) -> Tensor:
        array = _image(image).array
        was, now = array.dtype.kind == "f", self.dtype.kind == "f"
        if was and not now:
            array = np.clip(np.rint(array * 255), 0, 255)
        elif now and not was:
            array = array.astype(self.dtype) / 255
        return Tensor(array.astype(self.dtype))


class Normalize:
    """(x - mean) / std, by channel. Raises ValueError for a deviation of 0."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]):
        self.mean, self.std = np.asarray(mean, np.float32), np.asarray(std, np.float32)
        if not (self.std != 0).all():
            raise ValueError(f"Normalize divides by std, which is not 0; got {list(std)}")

    def __call__(self, image: Any) -> Tensor:
        array = _image(image).array
        if array.shape[-3] != len(self.mean):
            raise ValueError(f"Normalize has {len(self.mean)} means; the image has {array.shape[-3]} channels")
        return Tensor((array - self.mean[:, None, None]) / self.std[:, None, None])


class Resize:
    """To (h, w); or, by one number, the shorter side to that, the other in proportion."""

    def __init__(self, size: int | Sequence[int], interpolation: str = "bilinear"):
        self.size, self.interpolation = size, interpolation

    def __call__(self, image: Any) -> Tensor:
        tensor = _image(image)
        height, width = tensor.shape[-2:]
        if isinstance(self.size, int):
            short = min(height, width)
            size = (int(height * self.size / short), int(width * self.size / short))
        else:
            size = _pair(self.size)
        several = tensor if tensor.ndim == 4 else tensor.unsqueeze(0)
        out = ops.interpolate(several, size=size, mode=self.interpolation)
        return out if tensor.ndim == 4 else out.squeeze(0)


class Pad:
    """With `fill`, or by the mode "edge" or "reflect", around: one size, (left and right, top and bottom), or all four

    (left, top, right, bottom)."""

    def __init__(self, padding: int | Sequence[int], fill: float = 0.0, padding_mode: str = "constant"):
        if padding_mode not in MODES:
            raise ValueError(f"padding_mode is {', '.join(map(repr, MODES))}; got {padding_mode!r}")
        sides = (padding,) * 4 if isinstance(padding, int) else tuple(padding) * (2 if len(padding) == 2 else 1)
        self.left, self.top, self.right, self.bottom = sides
        self.fill, self.mode = fill, MODES[padding_mode]

    def __call__(self, image: Any) -> Tensor:
        tensor = _image(image)
        value = self.fill if self.mode == "constant" else None
        several = tensor if tensor.ndim == 4 else tensor.unsqueeze(0)
        out = ops.pad(several, (self.left, self.right, self.top, self.bottom), mode=self.mode, value=value)
        return out if tensor.ndim == 4 else out.squeeze(0)


class CenterCrop:
    """The middle (h, w)."""

    def __init__(self, size: int | Sequence[int]):
        self.size = _pair(size)

    def __call__(self, image: Any) -> Tensor:
        tensor = _image(image)
        top, left = ((n - s) // 2 for n, s in zip(tensor.shape[-2:], self.size, strict=True))
        return _cropped(tensor, top, left, self.size)


class RandomCrop:
    """A part (h, w) from anywhere, of the image with padding around."""

    def __init__(
        self, size: int | Sequence[int], padding: Any = None, fill: float = 0.0, padding_mode: str = "constant"
    ):
        self.size, self.pad = _pair(size), None if padding is None else Pad(padding, fill, padding_mode)

    def __call__(self, image: Any) -> Tensor:
        tensor = _image(image) if self.pad is None else self.pad(image)
        places = [n - s for n, s in zip(tensor.shape[-2:], self.size, strict=True)]
        if min(places) < 0:
            raise ValueError(f"a crop of {self.size} does not fit into an image of {tensor.shape[-2:]}; pad it")
        generator = current_generator()
        top, left = (int(randint(0, n + 1, (), generator=generator)) for n in places)
        return _cropped(tensor, top, left, self.size)


def _cropped(tensor: Tensor, top: int, left: int, size: tuple[int, int]) -> Tensor:
    if top < 0 or left < 0:
        raise ValueError(f"a crop of {size} does not fit into an image of {tensor.shape[-2:]}; pad it")
    return tensor[..., top : top + size[0], left : left + size[1]]


class _RandomFlip:
    axis: int

    def __init__(self, p: float = 0.5):
        if not 0 <= p <= 1:
            raise ValueError(f"a flip needs a probability between 0 and 1; got p={p}")
        self.p = p

    def __call__(self, image: Any) -> Tensor:
        tensor = _image(image)
        return tensor.flip(self.axis) if rand(generator=current_generator()).item() < self.p else tensor


class RandomHorizontalFlip(_RandomFlip):
    """Left and right exchanged, with probability p."""

    axis = -1


class RandomVerticalFlip(_RandomFlip):
    """Top and bottom exchanged, with probability p."""

    axis = -2
