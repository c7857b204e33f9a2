"""Averaged weights: the averages themselves, buffers, and batch norms set anew."""

import numpy as np
import pytest

import research as torch
from research import nn
from research.optim.swa_utils import AveragedModel, get_ema_avg_fn, get_ema_multi_avg_fn, update_bn


def models(count):
    torch.manual_seed(0)
    return [nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)) for _ in range(count)]


def test_the_mean_of_all():
    model, *others = models(4)
    averaged = AveragedModel(model)
    for other in others:
        averaged.update_parameters(other)
    expected = np.mean([o[0].weight.detach().numpy() for o in others], axis=0)
    np.testing.assert_allclose(averaged.module[0].weight.detach().numpy(), expected, rtol=1e-6)
    assert averaged.n_averaged == 3


@pytest.mark.parametrize("how", [{"avg_fn": get_ema_avg_fn(0.9)}, {"multi_avg_fn": get_ema_multi_avg_fn(0.9)}])
def test_an_exponential_average(how):
    first, second, third = models(3)
    averaged = AveragedModel(first, **how)
    for model in (first, second, third):
        averaged.update_parameters(model)
    a, b, c = (m[0].weight.detach().numpy() for m in (first, second, third))
    np.testing.assert_allclose(averaged.module[0].weight.detach().numpy(), 0.81 * a + 0.09 * b + 0.1 * c, rtol=1e-5)


def test_the_model_itself_stays_as_it_is():
    first, second = models(2)
    before = first[0].weight.tolist()
    averaged = AveragedModel(first)
    averaged.update_parameters(second)
    assert first[0].weight.tolist() == before
    assert averaged(torch.ones(4, 2)).shape == (4, 3)
    assert averaged.module[0].weight.requires_grad


@pytest.mark.parametrize("use_buffers", [False, True])
def test_buffers_are_averaged_or_the_last_ones(use_buffers):
    first, second = models(2)
    averaged = AveragedModel(first, use_buffers=use_buffers)
    for model, value in ((first, 1.0), (second, 3.0)):
        model[1].running_mean.fill_(value)
        averaged.update_parameters(model)
    assert averaged.module[1].running_mean.tolist() == [2.0 if use_buffers else 3.0] * 3


def test_batch_norms_are_set_by_the_data():
    (model,) = models(1)
    model.eval()
    x = torch.randn(64, 2) * 3 + 1
    update_bn([(part, None) for part in x.chunk(4)], model)
    mean = model[0](x).detach().numpy().mean(0)
    np.testing.assert_allclose(model[1].running_mean.numpy(), mean, rtol=1e-4)
    assert not model.training
    assert model[1].momentum == 0.1


def test_a_decay_is_a_share():
    with pytest.raises(ValueError, match="a decay is from 0 to 1; got 2"):
        get_ema_avg_fn(2)
