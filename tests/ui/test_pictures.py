"""From an image file to what a model takes, and back to a picture."""

import contextlib
import io
import random

import numpy as np
import pytest
from PIL import Image

from ui import pictures


def stroke(paper: int, ink: int, mode: str = "L", size: int = 60) -> io.BytesIO:
    """A thick vertical stroke, off the middle."""
    grey = np.full((size, size), paper, dtype=np.uint8)
    grey[10:50, 15:25] = ink
    file = io.BytesIO()
    Image.fromarray(grey).convert(mode).save(file, "PNG")
    file.seek(0)
    return file


@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (0, 255), (230, 40)])
@pytest.mark.parametrize("shape", [(64,), (8, 8), (1, 8, 8)])
def test_ink_is_high_and_in_the_middle_whatever_the_paper(paper, ink, shape):
    x = pictures.from_image(stroke(paper, ink), shape)
    assert x.shape == shape
    assert x.dtype == np.float32
    grey = x.reshape(8, 8)
    assert grey[:, 3:5].min() > 0.5
    assert grey[:, [0, 7]].max() < 0.2


def test_a_transparent_background_is_paper():
    rgba = np.zeros((40, 40, 4), dtype=np.uint8)
    rgba[5:35, 15:25, 3] = 255  # opaque black
    file = io.BytesIO()
    Image.fromarray(rgba).save(file, "PNG")
    file.seek(0)
    assert pictures.from_image(file, (8, 8))[:, 3:5].min() > 0.5


def test_an_image_of_the_models_size_is_taken_as_it_is():
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8) * 3
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    file.seek(0)
    assert np.allclose(pictures.from_image(file, (8, 8)) * 255, grey, atol=0.01)


def test_an_empty_image_is_an_empty_input():
    file = io.BytesIO()
    Image.new("L", (30, 30), 255).save(file, "PNG")
    file.seek(0)
    assert pictures.from_image(file, (8, 8)).max() == 0


@pytest.mark.parametrize("shape", [(10,), (3, 8, 8), (2, 3, 4, 5), ()])
def test_a_model_that_takes_no_pictures_says_so(shape):
    with pytest.raises(pictures.PictureProblem, match="no pictures"):
        pictures.from_image(stroke(255, 0), shape)


@pytest.mark.parametrize("content", [b"", b"GIF89a but not really", b"\x89PNG\r\n\x1a\n" + b"0" * 50])
def test_a_file_that_is_no_image_says_so(content):
    with pytest.raises(pictures.PictureProblem, match="not an image"):
        pictures.from_image(io.BytesIO(content), (8, 8))


def test_damaged_images_say_so():
    rng = random.Random(0)
    for kind in ("PNG", "GIF", "BMP", "JPEG", "PPM", "TIFF", "ICO"):
        file = io.BytesIO()
        Image.fromarray(np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)).save(file, kind)
        for _ in range(60):
            content = bytearray(file.getvalue()[: rng.randrange(1, len(file.getvalue()))])
            for _ in range(3):
                content[rng.randrange(min(80, len(content)))] = rng.randrange(256)
            with contextlib.suppress(pictures.PictureProblem):
                pictures.from_image(io.BytesIO(content), (8, 8))


@pytest.mark.parametrize("problem", [SyntaxError("broken PNG file"), ValueError("bad"), MemoryError()])
def test_whatever_a_decoder_raises_is_told(problem, monkeypatch):
    def fail(*_):
        raise problem

    monkeypatch.setattr(pictures, "_on_white", fail)
    with pytest.raises(pictures.PictureProblem, match="not an image"):
        pictures.from_image(stroke(255, 0), (8, 8))


@pytest.mark.parametrize("pixels", [3_000, 1_000])  # of 3,600: Pillow warns, and refuses at twice as many
def test_a_decompression_bomb_says_so(pixels, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pixels)
    with pytest.raises(pictures.PictureProblem, match="decompression bomb"):
        pictures.from_image(stroke(255, 0), (8, 8))


def test_pictures_are_dark_ink_on_white_with_hard_edges():
    x = np.zeros((1, 8, 8))
    x[0, 0, 0] = 1.0
    shown = pictures.enlarged(x, 80)
    assert shown.shape == (80, 80)
    assert (shown[:10, :10] == 0).all()
    assert (shown[10:, 10:] == 255).all()
    assert pictures.enlarged(np.zeros(10)) is None
