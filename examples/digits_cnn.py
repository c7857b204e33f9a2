"""A small convolutional net for 8 by 8 digits: a Python class that digits_cnn.yaml names."""

from research import nn


class DigitsCNN(nn.Module):
    """Two convolutions, a pooling, two linear layers: (n, 1, 8, 8) -> (n, 10) scores."""

    def __init__(self, channels: int = 24, hidden: int = 128, dropout: float = 0.5):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(2 * channels * 4 * 4, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, 10),
        )

    def forward(self, x):
        return self.classifier(self.features(x))
