"""Layers of every kind, promoted: the graph gives research's bits."""

import numpy as np
import pytest

import research
from production.promote import promote
from research import nn

IMAGE, SEQUENCE, TOKENS = (4, 4, 6, 6), (4, 4, 9), (4, 5, 8)


class Attends(nn.Module):
    """Attention of a sequence to itself."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


LAYERS = [
    (lambda: nn.Conv1d(4, 6, 3, padding=1, padding_mode="circular"), SEQUENCE),
    (lambda: nn.Conv2d(4, 6, 3, padding="same", groups=2), IMAGE),
    (lambda: nn.ConvTranspose2d(4, 3, 3, stride=2), IMAGE),
    (lambda: nn.GroupNorm(2, 4), IMAGE),
    (lambda: nn.InstanceNorm2d(4), IMAGE),
    (lambda: nn.BatchNorm2d(4), IMAGE),
    (lambda: nn.Upsample(scale_factor=2), IMAGE),
    (lambda: nn.ReflectionPad2d(1), IMAGE),
    (lambda: nn.PReLU(4), IMAGE),
    (lambda: nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Hardswish()), IMAGE),
    (lambda: nn.Sequential(nn.PixelShuffle(2), nn.AvgPool2d(3, 2, 1), nn.Mish()), IMAGE),
    (Attends, TOKENS),
    (lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), TOKENS),
    (lambda: nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True, norm_first=True), TOKENS),
]


@pytest.mark.parametrize(("make", "shape"), LAYERS)
def test_a_layer_is_promoted_with_the_same_bits(make, shape, tmp_path):
    research.manual_seed(0)
    model = make().eval()
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    promotion = promote(model, x, tmp_path / "saved")  # it raises if a bit differs
    assert promotion.proof["batches"]
