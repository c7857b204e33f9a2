"""Random tensors: their distribution, their shapes, and that a seed says it all."""

import numpy as np
import pytest

import research as torch


def test_the_same_seed_gives_the_same_numbers():
    def drawn():
        torch.manual_seed(3)
        x = torch.randn(2, 3)
        return [
            x.tolist(),
            torch.rand_like(x).tolist(),
            torch.randn_like(x).tolist(),
            torch.normal(1.0, 2.0, (2,)).tolist(),
            torch.bernoulli(torch.full((5,), 0.5)).tolist(),
            torch.multinomial(torch.ones(5), 3).tolist(),
            torch.empty(3).normal_().uniform_(2, 3).tolist(),
        ]

    assert drawn() == drawn()


def test_the_state_can_be_put_back():
    state = torch.get_rng_state()
    first = torch.randn(3).tolist()
    torch.set_rng_state(state)
    assert torch.randn(3).tolist() == first


def test_like_keeps_shape_and_dtype():
    like = torch.zeros(2, 3, dtype=torch.float64)
    assert torch.randn_like(like).dtype == torch.rand_like(like).dtype == np.float64
    assert torch.randn_like(like, requires_grad=True).requires_grad


def test_normal_takes_tensors_of_means_and_deviations():
    means = torch.tensor([0.0, 100.0]).expand(20_000, 2)
    drawn = torch.normal(means, torch.tensor([1.0, 5.0])).numpy()
    np.testing.assert_allclose(drawn.mean(0), [0, 100], atol=0.2)
    np.testing.assert_allclose(drawn.std(0), [1, 5], rtol=0.05)


@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_draws_by_weight(replacement):
    weights = torch.tensor([[1.0, 2.0, 0.0, 5.0]]).expand(20_000, 4)
    drawn = torch.multinomial(weights, 2, replacement).numpy()
    assert 2 not in drawn
    np.testing.assert_allclose([(drawn[:, 0] == k).mean() for k in (0, 1, 3)], [1 / 8, 2 / 8, 5 / 8], atol=0.02)
    assert (drawn[:, 0] != drawn[:, 1]).all() != replacement


def test_multinomial_refuses_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="at most 2 samples can be drawn here; got num_samples=3"):
        torch.multinomial(torch.tensor([1.0, 0.0, 1.0]), 3)
    for wrong in ([0.0, 0.0], [-1.0, 2.0], [float("nan"), 1.0]):
        with pytest.raises(ValueError, match="finite, not negative and not all 0"):
            torch.multinomial(torch.tensor(wrong), 1)


def test_uniform_stays_within_its_ends():
    drawn = torch.empty(10_000).uniform_(2, 3).numpy()
    assert 2 <= drawn.min() < 2.01
    assert 2.99 < drawn.max() <= 3
