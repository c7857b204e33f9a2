"""A multilayer perceptron reads digits: python examples/mlp.py [curve.svg]

With `import torch` in place of `import research as torch`, and `from torch` in place of `from research`, it runs on
PyTorch; so do the other examples.
"""

from digits_data import digits
from training import epochs, save_curve, train

import research as torch
from research import nn, optim
from research.nn import functional as F
from research.utils.data import DataLoader, TensorDataset


class MLP(nn.Module):
    """Two hidden layers: (n, 1, 8, 8) -> (n, 10) scores."""

    def __init__(self, hidden=128):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 10)
        )

    def forward(self, images):
        return self.layers(images)


def loss_of(model, batch):
    """Cross-entropy, in nats."""
    images, labels = batch
    return F.cross_entropy(model(images), labels)


def accuracy(model, images, labels):
    """The share of images that the model reads right."""
    with torch.no_grad():
        return (model(images).argmax(1) == labels).float().mean().item()


def read_digits(model, optimizer, steps, batch_size=64, prepare=lambda images: images):
    """Train on digits, and return the losses and the accuracy on those held out."""
    x, y, held_out_x, held_out_y = map(torch.tensor, digits())
    loader = DataLoader(TensorDataset(prepare(x), y), batch_size=batch_size, shuffle=True, drop_last=True)
    losses = train(model, loss_of, epochs(loader), optimizer, steps)
    share = accuracy(model, prepare(held_out_x), held_out_y)
    print(f"right on {share:.1%} of {len(held_out_y)} images it has not seen")
    return losses, share


def main(steps=600):
    torch.manual_seed(0)
    model = MLP()
    losses, share = read_digits(model, optim.SGD(model.parameters(), lr=0.1, momentum=0.9), steps)
    save_curve(losses, "MLP on digits: cross-entropy")
    return share


if __name__ == "__main__":
    main()
