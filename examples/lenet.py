"""LeNet-5 reads digits, enlarged to 28 by 28: python examples/lenet.py [curve.svg]"""

from mlp import loss_of, read_digits  # noqa: F401 - the loss is part of what this example is
from training import save_curve

import research as torch
from research import nn, optim
from research.nn import functional as F


class LeNet(nn.Module):
    """LeCun et al. 1998, with ReLU and max pooling: (n, 1, 28, 28) -> (n, 10) scores."""

    def __init__(self, channels=(6, 16), hidden=(120, 84)):
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels[0], 5, padding=2)
        self.conv2 = nn.Conv2d(channels[0], channels[1], 5)
        self.fc1 = nn.Linear(channels[1] * 5 * 5, hidden[0])
        self.fc2 = nn.Linear(hidden[0], hidden[1])
        self.fc3 = nn.Linear(hidden[1], 10)

    def forward(self, images):
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


def enlarged(images):
    """(n, 1, 8, 8) -> (n, 1, 28, 28)."""
    return F.interpolate(images, size=(28, 28), mode="bilinear", align_corners=False)


def main(steps=400):
    torch.manual_seed(0)
    model = LeNet()
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    losses, share = read_digits(model, optimizer, steps, prepare=enlarged)
    save_curve(losses, "LeNet on digits: cross-entropy")
    return share


if __name__ == "__main__":
    main()
