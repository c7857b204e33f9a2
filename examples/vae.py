"""A variational autoencoder learns to write digits: python examples/vae.py [curve.svg]"""

from digits_data import digits
from training import epochs, save_curve, train

import research as torch
from research import nn, optim
from research.nn import functional as F
from research.utils.data import DataLoader, TensorDataset

SHADES = " .:-=+*#%@"


class VAE(nn.Module):
    """Images as points of a small space, and back: Kingma & Welling 2014."""

    def __init__(self, hidden=128, latent=8):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, 64))
        self.latent = latent

    def forward(self, images, noise):
        """Pixels' logits (n, 64), and the means and logarithms of variances of the points, (n, latent)."""
        mean, log_variance = self.encoder(images).chunk(2, 1)
        point = mean + noise * (0.5 * log_variance).exp()
        return self.decoder(point), mean, log_variance


def loss_of(model, batch):
    """The negative lower bound of the images' logarithmic likelihood, in nats an image: equation 10 of the paper."""
    images, *noise = batch
    noise = noise[0] if noise else torch.randn(len(images), model.latent)
    logits, mean, log_variance = model(images, noise)
    pixels = F.binary_cross_entropy_with_logits(logits, images.flatten(1), reduction="sum")
    divergence = -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).sum()
    return (pixels + divergence) / len(images)


def show(images):
    """Images side by side in letters: (n, 8, 8)."""
    for row in range(8):
        print("  ".join("".join(SHADES[round(v * 9)] * 2 for v in image[row].tolist()) for image in images))


def main(steps=800):
    torch.manual_seed(0)
    x, *_ = map(torch.tensor, digits())
    model = VAE()
    loader = DataLoader(TensorDataset(x), batch_size=64, shuffle=True, drop_last=True)
    losses = train(model, loss_of, epochs(loader), optim.Adam(model.parameters(), lr=2e-3), steps)
    with torch.no_grad():
        show(torch.sigmoid(model.decoder(torch.randn(5, model.latent))).reshape(5, 8, 8))
    save_curve(losses, "VAE on digits: nats an image")
    return sum(losses[-20:]) / 20


if __name__ == "__main__":
    main()
