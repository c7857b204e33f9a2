"""The tape under load: long, wide, freed, and in several threads."""

import gc
import threading

import numpy as np
import psutil

import research as torch
from research import nn, optim


def test_a_hundred_thousand_steps():
    x = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y * 1.00001
    y.backward()
    np.testing.assert_allclose(x.grad.array, 1.00001**100_000, rtol=1e-9)
    del y  # and a chain of that length is freed without recursion
    gc.collect()


def test_a_parameter_used_a_thousand_times():
    w = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    sum((w * k for k in range(1000)), start=torch.zeros(1, dtype=torch.float64)).backward()
    assert w.grad.tolist() == [sum(range(1000))]


def test_graphs_are_freed_after_backward_without_the_collector():
    w = torch.randn(64, 64, requires_grad=True)
    process = psutil.Process()

    def steps(count):
        for _ in range(count):
            w.grad = None
            ((w @ w).tanh() * w).sum().backward()

    steps(500)
    gc.collect()
    gc.disable()
    try:
        before = process.memory_info().rss
        steps(10_000)
        grown = process.memory_info().rss - before
    finally:
        gc.enable()
    assert grown < 4 * 2**20  # one step's arrays take 0.1 MiB


def test_two_models_in_two_threads_learn_what_they_learn_alone():
    def train(seed, losses):
        drawn = torch.Generator().manual_seed(seed)
        x, y = torch.randn(32, 8, generator=drawn), torch.randn(32, 1, generator=drawn)
        model = nn.Linear(8, 1)
        with torch.no_grad():
            model.weight.copy_(torch.randn(1, 8, generator=drawn))
            model.bias.zero_()
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        for _ in range(200):
            loss = ((model(x) - y) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())

    alone, together = [[], []], [[], []]
    for seed in range(2):
        train(seed, alone[seed])
    threads = [threading.Thread(target=train, args=(seed, together[seed])) for seed in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert together == alone
    assert alone[0][-1] < alone[0][0] / 2
