"""The handwritten digits that come with scikit-learn: 1,797 images of 8 by 8."""

import numpy as np
from sklearn.datasets import load_digits

HELD_OUT = 397


def digits():
    """Training and held-out images (n, 1, 8, 8) from 0 to 1 as float32, each with its labels (n,)."""
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], labels[order].astype(np.int64)
    return images[HELD_OUT:], labels[HELD_OUT:], images[:HELD_OUT], labels[:HELD_OUT]
