"""A minute of everything: train in research, promote with proof, predict in production."""

import numpy as np
from sklearn.datasets import load_digits

import production as tf
import research as torch
from production.promote import promote
from research.data import DataLoader, TensorDataset


def test_a_digit_classifier_from_data_to_production(tmp_path):
    torch.manual_seed(0)
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for _ in range(15):
        for images, labels in DataLoader(TensorDataset(x[:1400], y[:1400]), 32, shuffle=True, num_workers=1):
            loss = torch.nn.CrossEntropyLoss()(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    promotion = promote(model, x[:32], tmp_path / "digits")
    assert promotion.proof["bit_for_bit"]
    predicted = tf.load(tmp_path / "digits").predict(x[1400:]).argmax(1)
    assert np.mean(predicted == y[1400:]) > 0.9
