"""Transforms of images."""

import numpy as np
import pytest

import research as torch
from research.data import transforms

IMAGE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def test_normalize_and_bytes():
    out = transforms.Normalize([1.0, 2.0], [2.0, 4.0])(IMAGE)
    np.testing.assert_allclose(out.numpy()[1], (IMAGE[1] - 2) / 4)
    image = np.array([[0, 255]], np.uint8)
    assert transforms.ToTensor()(image).tolist() == [[[0.0, 1.0]]]
    back = transforms.ConvertImageDtype(torch.uint8)(torch.tensor([[[0.0, 0.5, 2.0]]]))
    assert back.tolist() == [[[0, 128, 255]]]


@pytest.mark.parametrize(("size", "shape"), [(6, (2, 6, 8)), ((5, 7), (2, 5, 7))])
def test_resize_is_pytorchs(size, shape):
    theirs = pytest.importorskip("torch")
    out = transforms.Resize(size)(IMAGE)
    assert out.shape == shape
    whole = theirs.from_numpy(IMAGE)[None]
    expected = theirs.nn.functional.interpolate(whole, size=shape[1:], mode="bilinear", align_corners=False)
    np.testing.assert_allclose(out.numpy(), expected[0].numpy(), rtol=1e-5)


def test_crops_and_pads():
    assert transforms.CenterCrop(2)(IMAGE).tolist() == IMAGE[:, 0:2, 1:3].tolist()
    assert transforms.Pad((1, 0), padding_mode="edge")(IMAGE).shape == (2, 3, 6)
    assert transforms.Pad([1, 2, 3, 4], fill=9)(IMAGE).numpy()[0, 0, 0] == 9
    seen = {transforms.RandomCrop(2)(IMAGE).numpy()[0, 0, 0] for _ in range(200)}
    assert seen == {0, 1, 2, 4, 5, 6}
    assert transforms.RandomCrop(4, padding=1)(IMAGE).shape == (2, 4, 4)


def test_flips():
    assert transforms.RandomHorizontalFlip(1.0)(IMAGE).tolist() == IMAGE[..., ::-1].tolist()
    assert transforms.RandomVerticalFlip(1.0)(IMAGE).tolist() == IMAGE[:, ::-1].tolist()
    flipped = sum(transforms.RandomHorizontalFlip()(IMAGE).numpy()[0, 0, 0] != 0 for _ in range(400))
    assert 150 < flipped < 250


def test_outside_of_a_loader_the_default_generator_decides():
    crop = transforms.Compose([transforms.Lambda(lambda image: image * 2), transforms.RandomCrop(2)])
    outs = []
    for _ in range(2):
        torch.manual_seed(4)
        outs.append([crop(IMAGE).tolist() for _ in range(5)])
    assert outs[0] == outs[1]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: transforms.Normalize([0], [0]), "divides by std, which is not 0"),
        (lambda: transforms.Normalize([0.0], [1.0])(IMAGE), "has 1 means; the image has 2 channels"),
        (lambda: transforms.RandomCrop(9)(IMAGE), r"a crop of \(9, 9\) does not fit into an image of \(3, 4\); pad it"),
        (lambda: transforms.CenterCrop(9)(IMAGE), "does not fit"),
        (lambda: transforms.RandomHorizontalFlip(2), "between 0 and 1; got p=2"),
        (lambda: transforms.Resize(3)(IMAGE[0]), r"an image is \(c, h, w\)"),
        (lambda: transforms.Pad(1, padding_mode="mirror"), "got 'mirror'"),
    ],
)
def test_what_cannot_be_is_said(make, words):
    with pytest.raises(ValueError, match=words):
        make()
