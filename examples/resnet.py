"""A small residual network reads digits, enlarged to 16 by 16: python examples/resnet.py [curve.svg]"""

from mlp import loss_of, read_digits  # noqa: F401 - the loss is part of what this example is
from training import save_curve

import research as torch
from research import nn, optim
from research.nn import functional as F


class Block(nn.Module):
    """Two convolutions beside a way around them: He et al. 2016."""

    def __init__(self, channels, out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out)
        self.around = nn.Identity()
        if channels != out or stride != 1:
            self.around = nn.Sequential(nn.Conv2d(channels, out, 1, stride=stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        h = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(h)) + self.around(x))


class ResNet(nn.Module):
    """A stem, three blocks, the mean over the image: (n, 1, h, w) -> (n, 10) scores."""

    def __init__(self, width=16):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.blocks = nn.Sequential(Block(width, width), Block(width, 2 * width, 2), Block(2 * width, 4 * width, 2))
        self.head = nn.Linear(4 * width, 10)

    def forward(self, images):
        return self.head(self.blocks(self.stem(images)).mean((2, 3)))


def enlarged(images):
    """(n, 1, 8, 8) -> (n, 1, 16, 16)."""
    return F.interpolate(images, scale_factor=2, mode="nearest")


def main(steps=200):
    torch.manual_seed(0)
    model = ResNet()
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    losses, share = read_digits(model, optimizer, steps, prepare=enlarged)
    save_curve(losses, "ResNet on digits: cross-entropy")
    return share


if __name__ == "__main__":
    main()
