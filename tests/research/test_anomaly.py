"""Anomaly mode names the line of the forward pass; changed values name the line that changed them."""

import pytest

import research as torch
from research.anomaly import is_anomaly_enabled
from research.intercept import pull_wrappers, wrappers


def nan_gradient():
    x = torch.tensor([0.0], requires_grad=True)
    return (x.sqrt() * 0).sum()  # 0 · ∞


def test_a_nan_gradient_names_op_and_line():
    with torch.autograd.detect_anomaly():
        loss = nan_gradient()
        line = nan_gradient.__code__.co_firstlineno + 2
        with pytest.raises(RuntimeError, match=rf"the gradient of sqrt, in .*test_anomaly\.py:{line}, .* NaN"):
            loss.backward()


def test_without_it_nan_goes_on():
    nan_gradient().backward()


def test_a_step_of_before_is_named_without_line():
    loss = nan_gradient()
    with torch.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="made before anomaly mode was on"):
        loss.backward()


def test_lines_alone_can_be_asked_for():
    with torch.autograd.detect_anomaly(check_nan=False):
        nan_gradient().backward()


def test_it_goes_off_again():
    with torch.autograd.detect_anomaly():
        with torch.autograd.set_detect_anomaly(False):
            assert not is_anomaly_enabled()
        assert is_anomaly_enabled()
    assert not is_anomaly_enabled()
    assert not wrappers
    assert not pull_wrappers


def test_a_value_changed_since_names_the_op_and_the_line_of_the_change():
    x, w = torch.ones(3, requires_grad=True), torch.ones(3)
    loss = (x * w).sum()
    w.mul_(2)
    with pytest.raises(RuntimeError, match=r"mul needs its y .* changed in place since by .*test_anomaly\.py:\d+"):
        loss.backward()


def test_with_anomaly_mode_the_line_of_the_op_is_named_too():
    with torch.autograd.detect_anomaly():
        x, w = torch.ones(3, requires_grad=True), torch.ones(3)
        loss = (x * w).sum()
        w[0] = 5
        with pytest.raises(RuntimeError, match=r"The op is that of .*test_anomaly\.py:\d+"):
            loss.backward()
