"""Small pictures: what a model sees, for the browser and the terminal, and from an image file to what a model takes."""

import warnings
from pathlib import Path
from typing import IO, Any

import numpy as np

RAMP = " .:-=+*#%@"  # plain ASCII, so that any terminal, log or mail shows it


SMALLEST_SIDE = 8


class PictureProblem(Exception):
    """An image that cannot be read or does not fit the model: one clear message."""


def as_picture(x: np.ndarray) -> np.ndarray | None:
    """One input as a grey picture, (h*h,), (h, w), (1, h, w) or (h, w, 1) -> (h, w) from 0 to 1; None if it is none."""
    x = np.asarray(x, dtype=np.float64)
    side = picture_shape(x.shape)
    if side is None:
        return None
    grey = x.reshape(side)
    lowest, highest = float(grey.min()), float(grey.max())
    return (grey - min(lowest, 0.0)) / ((highest - min(lowest, 0.0)) or 1.0)


def picture_shape(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """The height and width of one input if it is a grey picture: (64,) -> (8, 8).

    A few numbers in a row are measurements, even if there is a square number of them.
    """
    if len(shape) == 1:
        side = round(shape[0] ** 0.5)
        return (side, side) if side * side == shape[0] and side >= SMALLEST_SIDE else None
    sides = [size for size in shape if size != 1]
    return (sides[0], sides[1]) if len(sides) == 2 and len(shape) <= 3 else None


def ascii_lines(x: np.ndarray) -> list[str]:
    """A picture as lines of text, two characters a pixel because a character is twice as high as wide."""
    grey = as_picture(x)
    if grey is None:
        return [f"(input of shape {np.shape(x)})"]
    levels = np.clip((grey * (len(RAMP) - 1)).round().astype(int), 0, len(RAMP) - 1)
    return ["".join(RAMP[level] * 2 for level in row) for row in levels]


def enlarged(x: np.ndarray, pixels: int = 160) -> np.ndarray | None:
    """A picture of about `pixels` a side, hard edges, dark ink on white paper: (h, w) uint8; None if it is none."""
    grey = as_picture(x)
    if grey is None:
        return None
    times = max(1, pixels // max(grey.shape))
    return np.kron(((1.0 - grey) * 255).astype(np.uint8), np.ones((times, times), dtype=np.uint8))


def from_image(source: Path | IO[bytes], shape: tuple[int, ...], highest: float = 1.0) -> np.ndarray:
    """An image file as one input of `shape`, ink high and paper 0, `highest` the value of full ink.

    Dark ink on light paper is turned round; the ink is cut out and centred, as the digits of the training data are.
    """
    from PIL import Image

    side = picture_shape(shape)
    if side is None:
        raise PictureProblem(f"this model takes inputs of shape {shape}, which are no pictures; give it a .npy file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)  # gigabytes from a small file
            with Image.open(source) as image:
                grey = np.asarray(_on_white(image).convert("L"), dtype=np.float64) / 255.0
    except Exception as problem:  # each of Pillow's many decoders raises its own at damaged bytes
        name = source if isinstance(source, Path) else "the file"
        raise PictureProblem(f"{name} is not an image that can be read (PNG, JPEG, BMP, GIF): {problem}") from None
    ink = _ink(grey)
    if ink.shape != side:
        fitted = Image.fromarray((_framed(ink, side) * 255).astype(np.uint8))
        ink = np.asarray(fitted.resize((side[1], side[0]), Image.Resampling.BOX), dtype=np.float64) / 255.0
    return (ink * highest).astype(np.float32).reshape(shape)


def _on_white(image: Any) -> Any:
    """Transparent becomes white paper; without this it would be black."""
    from PIL import Image

    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return image
    seen = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)


def _ink(grey: np.ndarray) -> np.ndarray:
    """Bright where there is ink: paper is what the border shows."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return 1.0 - grey if float(np.median(border)) > 0.5 else grey


def _framed(ink: np.ndarray, side: tuple[int, int]) -> np.ndarray:
    """The ink's bounding box, centred on paper of the model's proportions."""
    rows, columns = np.flatnonzero((ink > 0.2).any(axis=1)), np.flatnonzero((ink > 0.2).any(axis=0))
    if not rows.size:
        return ink
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    unit = max(cut.shape[0] / side[0], cut.shape[1] / side[1])
    height, width = max(1, round(unit * side[0])), max(1, round(unit * side[1]))
    top, left = (height - cut.shape[0]) // 2, (width - cut.shape[1]) // 2
    framed = np.zeros((max(height, cut.shape[0]), max(width, cut.shape[1])))
    framed[top : top + cut.shape[0], left : left + cut.shape[1]] = cut
    return framed
