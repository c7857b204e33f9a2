"""Modules: hooks, containers, names, states, casts; what goes with them."""

from collections import OrderedDict

import numpy as np
import pytest

import research as torch
from research import nn
from research.nn import init, utils


def net():
    return nn.Sequential(OrderedDict(first=nn.Linear(3, 4), act=nn.Tanh(), last=nn.Linear(4, 2)))


# hooks --------------------------------------------------------------------------------------------------------------
def test_forward_hooks_see_and_change():
    model, seen = net(), []
    handles = [
        model.first.register_forward_pre_hook(lambda m, inputs: (inputs[0] * 2,)),
        model.first.register_forward_hook(lambda m, inputs, out: seen.append(out.shape)),
        model.register_forward_hook(lambda m, inputs, out: out * 0),
    ]
    x = torch.ones(5, 3)
    assert model(x).tolist() == [[0.0, 0.0]] * 5
    assert seen == [(5, 4)]
    for handle in handles:
        handle.remove()
    assert model(x).tolist() != [[0.0, 0.0]] * 5
    assert len(seen) == 1


def test_hooks_with_keyword_arguments():
    class Scaled(nn.Module):
        def forward(self, x, factor=1.0):
            return x * factor

    module, seen = Scaled(), []
    module.register_forward_pre_hook(lambda m, args, kwargs: (args, {"factor": 5.0}), with_kwargs=True)
    module.register_forward_hook(lambda m, args, kwargs, out: seen.append(kwargs), with_kwargs=True)
    assert module(torch.ones(1), factor=2.0).tolist() == [5.0]
    assert seen == [{"factor": 5.0}]


def test_backward_hooks_see_both_gradients_and_change_them():
    layer, seen = nn.Linear(3, 2, bias=False), []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi[0].tolist(), go[0].tolist())))
    x = torch.ones(1, 3, requires_grad=True)
    layer(x).backward(torch.tensor([[1.0, 2.0]]))
    expected = np.array([[1.0, 2.0]], np.float32) @ layer.weight.detach().numpy()
    np.testing.assert_allclose(seen[0][0], expected, rtol=1e-6)
    assert seen[0][1] == [[1.0, 2.0]]
    before = x.grad.numpy()
    layer.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10,))
    layer.register_full_backward_pre_hook(lambda m, go: (go[0] * 3,))
    y = torch.ones(1, 3, requires_grad=True)
    layer(y).backward(torch.tensor([[1.0, 2.0]]))
    np.testing.assert_allclose(y.grad.numpy(), before * 30, rtol=1e-6)


def test_a_backward_hook_on_a_first_layer_runs_without_input_gradients():
    layer, seen = nn.Linear(3, 2), []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].shape)))
    layer(torch.ones(4, 3)).sum().backward()
    assert seen == [((None,), (4, 2))]


# names --------------------------------------------------------------------------------------------------------------
def test_parts_are_found_by_dotted_names():
    model = nn.Sequential(net(), nn.BatchNorm1d(2))
    assert model.get_submodule("0.first") is model[0].first
    assert model.get_parameter("0.last.bias") is model[0].last.bias
    assert model.get_buffer("1.running_mean") is model[1].running_mean
    with pytest.raises(AttributeError, match=r"Sequential has no module 'middle', of '0\.middle'"):
        model.get_submodule("0.middle")
    with pytest.raises(AttributeError, match="Linear has no parameter 'scale'"):
        model.get_parameter("0.first.scale")


def test_attributes_can_be_deleted_and_are_listed():
    model = net()
    assert {"first", "training"} <= set(dir(model))
    del model.first
    assert not hasattr(model, "first")
    assert [name for name, _ in model.named_parameters()] == ["last.weight", "last.bias"]
    with pytest.raises(KeyError, match=r"a name without dots; got 'a\.b'"):
        model.register_buffer("a.b", torch.ones(1))
    with pytest.raises(KeyError, match="has an attribute 'forward' already"):
        model.add_module("forward", nn.ReLU())


def test_buffers_that_are_not_saved():
    model = net()
    model.register_buffer("mask", torch.ones(2), persistent=False)
    assert "mask" not in model.state_dict()
    assert "mask" in dict(model.named_buffers())


def test_states_with_prefix_and_what_was_passed_over():
    model = net()
    state = model.state_dict("net.")
    assert next(iter(state)) == "net.first.weight"
    keys = model.load_state_dict({"first.weight": torch.ones(4, 3), "more": torch.ones(1)}, strict=False)
    assert keys.missing_keys == ["first.bias", "last.weight", "last.bias"]
    assert keys.unexpected_keys == ["more"]
    assert model.first.weight.tolist() == [[1.0] * 3] * 4


def test_a_state_that_does_not_fit_changes_nothing():
    model = net()
    before = model.first.weight.tolist()
    with pytest.raises(RuntimeError) as failed:
        model.load_state_dict(
            {"first.weight": torch.ones(4, 3), "last.weigth": torch.ones(1), "last.bias": torch.ones(3)}
        )
    words = str(failed.value)
    assert "missing: last.weight" in words
    assert "unexpected: last.weigth (did you mean last.weight?)" in words
    assert "another shape: last.bias is float32[2], the state has float32[3]" in words
    assert model.first.weight.tolist() == before


# casts --------------------------------------------------------------------------------------------------------------
def test_casts_keep_the_parameters_themselves():
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    weight = model[0].weight
    model(torch.ones(4, 2)).sum().backward()
    model.double()
    assert model[0].weight is weight
    assert weight.dtype == weight.grad.dtype == np.float64
    assert model[1].num_batches_tracked.dtype == np.int64
    assert model(torch.ones(4, 2).double()).dtype == np.float64
    assert model.to("cpu", torch.float32)[0].weight.dtype == np.float32
    assert model.half().float() is model
    with pytest.raises(TypeError, match="cast to a dtype of floats; got int64"):
        model.to(torch.int64)


def test_parameters_can_be_frozen():
    model = net().requires_grad_(False)
    assert not model(torch.ones(1, 3)).requires_grad


# containers ---------------------------------------------------------------------------------------------------------
def test_sequential_is_a_list():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    assert len(model[:2]) == 2
    assert model[-1] is model[2]
    model.append(nn.Tanh()).insert(0, nn.Identity())
    assert [type(m).__name__ for m in model] == ["Identity", "Linear", "ReLU", "Linear", "Tanh"]
    del model[0]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert list(net()[1:]._modules) == ["act", "last"]
    with pytest.raises(IndexError, match="Sequential has 4 entries; there is no 7"):
        model[7]
    with pytest.raises(TypeError, match="Sequential holds modules; got function"):
        nn.Sequential(torch.relu)


def test_module_list_and_dict():
    layers = nn.ModuleList([nn.Linear(1, 1)])
    layers += [nn.ReLU(), nn.Tanh()]
    layers[1] = nn.Sigmoid()
    assert [type(m).__name__ for m in layers[1:]] == ["Sigmoid", "Tanh"]
    named = nn.ModuleDict({"a": nn.Linear(1, 1)})
    named["b"] = nn.ReLU()
    named.update([("c", nn.Tanh())])
    assert list(named) == ["a", "b", "c"]
    assert "b" in named
    assert type(named.pop("b")).__name__ == "ReLU"
    assert list(named.state_dict()) == ["a.weight", "a.bias"]
    with pytest.raises(TypeError, match="ModuleDict holds modules; 'd' is a int"):
        named["d"] = 3


def test_parameter_list_and_dict():
    listed = nn.ParameterList([torch.ones(2), nn.Parameter(torch.zeros(3))])
    assert [n for n, _ in listed.named_parameters()] == ["0", "1"]
    named = nn.ParameterDict({"w": torch.ones(2)})
    assert named["w"].requires_grad
    assert len(list(named.parameters())) == 1


# first values -------------------------------------------------------------------------------------------------------
def test_first_values_have_the_papers_spread():
    w = torch.empty(400, 300)
    for fill, std in [
        (lambda: init.xavier_normal_(w), (2 / 700) ** 0.5),
        (lambda: init.xavier_uniform_(w, 2.0), 2 * (2 / 700) ** 0.5),
        (lambda: init.kaiming_normal_(w, nonlinearity="relu"), (2 / 300) ** 0.5),
        (lambda: init.kaiming_uniform_(w, mode="fan_out", nonlinearity="linear"), (1 / 400) ** 0.5),
        (lambda: init.normal_(w, 0.0, 0.3), 0.3),
        (lambda: init.trunc_normal_(w, std=0.5, a=-10, b=10), 0.5),
    ]:
        fill()
        assert w.numpy().std() == pytest.approx(std, rel=0.02)
    assert abs(init.trunc_normal_(w, std=2.0, a=-1, b=0.5).numpy()).max() <= 1


def test_first_values_with_a_structure():
    q = init.orthogonal_(torch.empty(3, 5, 2), gain=2.0).reshape(3, 10).numpy()
    np.testing.assert_allclose(q @ q.T, 4 * np.eye(3), atol=1e-5)
    assert init.eye_(torch.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    layer = nn.Conv2d(3, 3, 3, padding=1, bias=False)
    init.dirac_(layer.weight)
    x = torch.randn(1, 3, 4, 4)
    np.testing.assert_allclose(layer(x).detach().numpy(), x.numpy(), atol=1e-6)
    assert (init.sparse_(torch.empty(10, 4), 0.3).numpy() == 0).sum(0).tolist() == [3] * 4
    assert init.calculate_gain("leaky_relu", 0.2) == pytest.approx((2 / 1.04) ** 0.5)
    with pytest.raises(ValueError, match=r"calculate_gain knows relu, .*; got 'swish'"):
        init.calculate_gain("swish")


# utils --------------------------------------------------------------------------------------------------------------
def test_parameters_as_one_vector():
    model = net()
    vector = utils.parameters_to_vector(model.parameters())
    assert vector.shape == (26,)
    utils.vector_to_parameters(vector * 0 + 3, model.parameters())
    assert model.last.bias.tolist() == [3.0, 3.0]
    with pytest.raises(ValueError, match=r"a vector of 26 values; got shape \(25,\)"):
        utils.vector_to_parameters(vector[:25], model.parameters())


def test_weight_norm_learns_length_and_direction():
    layer, x = nn.Linear(3, 2), torch.randn(4, 3)
    before = layer(x).detach().numpy()
    utils.weight_norm(layer)
    np.testing.assert_allclose(layer(x).detach().numpy(), before, rtol=1e-5)
    assert sorted(n for n, _ in layer.named_parameters()) == ["bias", "weight_g", "weight_v"]
    layer(x).sum().backward()
    assert layer.weight_g.grad.shape == (2, 1)
    with torch.no_grad():
        layer.weight_g.mul_(2)
    doubled = layer(x).detach().numpy()
    utils.remove_weight_norm(layer)
    np.testing.assert_allclose(layer(x).detach().numpy(), doubled, rtol=1e-5)
    assert sorted(n for n, _ in layer.named_parameters()) == ["bias", "weight"]
    with pytest.raises(ValueError, match="weight_norm of 'weight' was not found"):
        utils.remove_weight_norm(layer)


def test_spectral_norm_brings_the_greatest_singular_value_to_one():
    layer, x = nn.Linear(6, 4), torch.randn(2, 6)
    utils.spectral_norm(layer, n_power_iterations=30)
    layer(x).sum().backward()
    assert np.linalg.svd(layer.weight.detach().numpy())[1][0] == pytest.approx(1, rel=1e-3)
    assert layer.weight_orig.grad.shape == (4, 6)
    utils.remove_spectral_norm(layer)
    assert list(layer.state_dict()) == ["bias", "weight"]


def test_summary_tells_shapes_parameters_and_multiply_adds():
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16, 10))
    found = nn.summary(model, (2, 3, 4, 4))
    by_name = {row.name: row for row in found.layers}
    assert by_name["0"].output_shape == (2, 8, 4, 4)
    assert by_name["0"].multiply_adds == 2 * 8 * 16 * 27
    assert by_name["3"].multiply_adds == 2 * 10 * 128
    assert found.multiply_adds == by_name[""].multiply_adds == 2 * 8 * 16 * 27 + 2 * 10 * 128
    assert found.parameters == found.trainable == 3 * 8 * 9 + 8 + 1280 + 10
    text = str(found)
    assert "Conv2d" in text
    assert "[2, 8, 4, 4]" in text
    assert "1,514" in text
    assert model._hooks is None or not model._hooks.of("forward")
