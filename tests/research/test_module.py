import numpy as np
import pytest

import research as torch
from research import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(4, 2, bias=False)
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("steps", torch.zeros(1))

    def forward(self, x):
        return self.head(self.body(x)) * self.scale


def test_names():
    net = Net()
    assert [n for n, _ in net.named_parameters()] == ["scale", "body.0.weight", "body.0.bias", "head.weight"]
    assert [n for n, _ in net.named_buffers()] == ["steps"]
    assert [n for n, _ in net.named_children()] == ["body", "head"]
    assert "(body): Sequential(" in repr(net)
    assert len(net.body) == 3


def test_reassigning_moves_between_tables():
    net = Net()
    net.head = nn.Identity()
    assert "head.weight" not in dict(net.named_parameters())
    net.scale = None
    assert "scale" not in dict(net.named_parameters())
    assert net.scale is None


def test_setting_before_init_says_so():
    class Early(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"must call super\(\).__init__\(\)"):
        Early()


def test_dropout_only_drops_in_training():
    net, x = nn.Dropout(0.5), torch.ones(1000)
    kept = net(x).numpy()
    assert set(np.unique(kept)) == {0.0, 2.0}
    assert 400 < (kept == 0).sum() < 600
    np.testing.assert_array_equal(net.eval()(x), x)
    net.train()
    assert net.training


def test_state_goes_from_one_to_another():
    a, b = Net(), Net()
    b.load_state_dict(a.state_dict())
    x = torch.randn(5, 3)
    np.testing.assert_array_equal(a.eval()(x).detach(), b.eval()(x).detach())
    a.scale.data += 1
    assert b.scale.item() == 1  # copied, not shared


def test_a_state_that_does_not_fit_changes_nothing():
    net, before = Net(), None
    before = {k: v.numpy().copy() for k, v in net.state_dict().items()}
    state = {k: v for k, v in net.state_dict().items() if k != "scale"}
    state["head.weigth"] = torch.ones(1)
    state["body.0.bias"] = torch.ones(9)
    state["head.weight"] = torch.zeros(2, 4)
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(state)
    assert "missing: scale" in str(error.value)
    assert "unexpected: head.weigth (did you mean head.weight?)" in str(error.value)
    assert "body.0.bias is float32[4], the state has" in str(error.value)
    for k, v in net.state_dict().items():
        np.testing.assert_array_equal(v, before[k])


def test_losses_agree_with_their_definitions():
    x, y = torch.tensor([[2.0, 1.0], [0.0, 3.0]]), torch.tensor([0, 1])
    p = np.exp(x.numpy()) / np.exp(x.numpy()).sum(1, keepdims=True)
    np.testing.assert_allclose(nn.CrossEntropyLoss()(x, y).item(), -np.log(p[[0, 1], [0, 1]]).mean(), rtol=1e-6)
    np.testing.assert_allclose(
        nn.NLLLoss()(nn.LogSoftmax()(x), y).item(), nn.CrossEntropyLoss()(x, y).item(), rtol=1e-6
    )
    assert nn.MSELoss(size_average=False)(x, x * 0).item() == 14
    assert nn.MSELoss()(x, x * 0).item() == 3.5
    assert nn.L1Loss(reduction="none")(x, x * 0).shape == (2, 2)
    target = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    s = 1 / (1 + np.exp(-x.numpy()))
    want = -(target.numpy() * np.log(s) + (1 - target.numpy()) * np.log(1 - s)).mean()
    np.testing.assert_allclose(nn.BCEWithLogitsLoss()(x, target).item(), want, rtol=1e-6)
    with pytest.raises(TypeError, match="needs a target of the input's shape"):
        nn.MSELoss()(x, y)
    with pytest.raises(ValueError, match="reduction is 'none', 'mean' or 'sum'; got 'average'"):
        nn.MSELoss(reduction="average")


@pytest.mark.parametrize(
    ("layer", "shape", "out"),
    [
        (nn.Conv2d(2, 4, 3, stride=2, padding=1), (5, 2, 8, 8), (5, 4, 4, 4)),
        (nn.Conv2d(2, 4, (3, 1), groups=2, bias=False), (5, 2, 8, 8), (5, 4, 6, 8)),
        (nn.MaxPool2d(2), (5, 2, 8, 8), (5, 2, 4, 4)),
        (nn.AvgPool2d(3, stride=1, padding=1), (5, 2, 8, 8), (5, 2, 8, 8)),
        (nn.Flatten(), (5, 2, 8, 8), (5, 128)),
        (nn.Softmax(), (5, 3), (5, 3)),
        (nn.GELU(), (5, 3), (5, 3)),
        (nn.SiLU(), (5, 3), (5, 3)),
        (nn.LeakyReLU(), (5, 3), (5, 3)),
        (nn.Sigmoid(), (5, 3), (5, 3)),
        (nn.Tanh(), (5, 3), (5, 3)),
        (nn.Identity(), (5, 3), (5, 3)),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, nn.Module) else "",
)
def test_layers_give_their_shapes(layer, shape, out):
    assert layer(torch.randn(*shape)).shape == out


def test_initial_values_are_as_spread_as_their_formulas_say():
    torch.manual_seed(0)
    weight = nn.Linear(400, 200).weight
    for fill, std in [
        (nn.init.xavier_uniform_, (2 / 600) ** 0.5),
        (nn.init.xavier_normal_, (2 / 600) ** 0.5),
        (nn.init.kaiming_uniform_, (2 / 400) ** 0.5),
        (nn.init.kaiming_normal_, (2 / 400) ** 0.5),
    ]:
        assert abs(fill(weight).detach().numpy().std() / std - 1) < 0.02


@pytest.mark.parametrize("make", [lambda: nn.Linear(4, 0), lambda: nn.Linear(4, 8.5), lambda: nn.Conv2d(-1, 2, 3)])
def test_sizes_of_a_layer_start_at_one(make):
    with pytest.raises(ValueError, match=r"as a whole number of at least 1; got"):
        make()
