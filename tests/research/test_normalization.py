"""Normalising layers and Embedding: against PyTorch where it is installed, by hand where not, and promoted."""

import numpy as np
import pytest

import production as tf
import research
from production.promote import promote
from research import nn
from shared_ops.bits import same_bits
from shared_ops.spec import SpecError

DRAW = np.random.default_rng(0)
LAYERS = {
    "batch norm 2d": (lambda n: n.BatchNorm2d(5), (3, 5, 4, 4)),
    "batch norm 1d": (lambda n: n.BatchNorm1d(5), (8, 5)),
    "batch norm without affine": (lambda n: n.BatchNorm2d(5, affine=False), (3, 5, 4, 4)),
    "batch norm without statistics": (lambda n: n.BatchNorm2d(5, track_running_stats=False), (3, 5, 4, 4)),
    "layer norm": (lambda n: n.LayerNorm((4, 6)), (3, 4, 6)),
    "layer norm without bias": (lambda n: n.LayerNorm(6, bias=False), (3, 6)),
    "rms norm": (lambda n: n.RMSNorm(6), (3, 4, 6)),
    "group norm": (lambda n: n.GroupNorm(2, 6), (3, 6, 4, 4)),
    "embedding": (lambda n: n.Embedding(10, 4, padding_idx=3), None),
    "gelu": (lambda n: n.GELU(), (3, 4)),
}


def example(shape):
    return DRAW.integers(0, 10, (3, 5)) if shape is None else DRAW.normal(size=shape).astype("float32")


@pytest.mark.parametrize("name", LAYERS)
def test_agrees_with_torch(name):
    torch = pytest.importorskip("torch")
    make, shape = LAYERS[name]
    ours, theirs, x = make(nn), make(torch.nn), example(shape)
    for (n, p), (m, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert n == m
        q.data = torch.tensor(p.detach().numpy().copy())
    a, b = research.tensor(x), torch.tensor(x)
    for _ in range(2):  # the running statistics move
        out, expected = ours(a), theirs(b)
        np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-5)
    if out.requires_grad:
        (out * out).sum().backward()
        (expected * expected).sum().backward()
        for (n, p), (_, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-3, atol=1e-3, err_msg=n)
    ours.eval(), theirs.eval()
    np.testing.assert_allclose(ours(a).detach().numpy(), theirs(b).detach().numpy(), rtol=1e-4, atol=1e-5)


def test_batch_norm_moves_its_statistics_in_training_only():
    layer, x = nn.BatchNorm1d(3), research.tensor(DRAW.normal(2, 3, (50, 3)).astype("float32"))
    layer(x)
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.1 * x.numpy().mean(0), rtol=1e-4)
    np.testing.assert_allclose(layer.running_var.numpy(), 0.9 + 0.1 * x.numpy().var(0, ddof=1), rtol=1e-4)
    before = layer.running_mean.numpy().copy()
    layer.eval()(x)
    assert same_bits(before, layer.running_mean.numpy())


@pytest.mark.parametrize("name", ["batch norm 2d", "layer norm", "rms norm", "group norm", "embedding", "gelu"])
def test_promotes_with_the_same_bits(name, tmp_path):
    make, shape = LAYERS[name]
    model, x = make(nn), example(shape)
    if "batch" in name:
        model(research.tensor(x))
    model.eval()
    promotion = promote(model, research.tensor(x), tmp_path / "model")
    assert promotion.proof["bit_for_bit"]
    got = tf.load(tmp_path / "model").predict(x)
    assert same_bits(got, model(research.tensor(x)).detach().numpy())


def test_wrong_inputs_are_told():
    with pytest.raises(SpecError, match="layer_norm needs an input whose last sizes are normalized_shape"):
        nn.LayerNorm(4)(research.zeros(2, 3))
    with pytest.raises(ValueError, match="BatchNorm2d needs an input of 4 axes"):
        nn.BatchNorm2d(3)(research.zeros(2, 3))
    with pytest.raises(ValueError, match="num_groups divides num_channels"):
        nn.GroupNorm(4, 6)
    with pytest.raises(SpecError, match="10"):
        nn.Embedding(10, 2)(research.tensor([[10]]))
