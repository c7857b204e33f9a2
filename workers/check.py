"""Finds every user's mistake before a run is created: builds the data and the net, and runs one batch through them."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from workers import datasets
from workers.experiment import Experiment, ModuleNet
from workers.net import build
from workers.problems import SpecProblem, shown, users_line

ROWS = 4  # enough to tell a wrong shape


def check(experiment: Experiment) -> None:
    """Raises SpecProblem when this experiment cannot train: data, net, shapes, labels, device."""
    import research

    data = datasets.load(experiment.data, experiment.loss)
    generator = research.default_generator
    state = generator.get_state()  # a check must not change what is drawn after it
    try:
        with contextlib.redirect_stdout(sys.stderr):  # a module that prints must not spoil `--json`
            _try_a_batch(experiment, data)
    finally:
        generator.set_state(state)


def _try_a_batch(experiment: Experiment, data: datasets.Dataset) -> None:
    import research
    from research import nn

    net = build(experiment)
    try:
        net = net.to(experiment.device)
    except Exception as error:
        raise SpecProblem(f"device: {experiment.device} cannot be used here: {_plain(error)}") from None
    if not any(p.requires_grad for p in net.parameters()):
        raise SpecProblem("net: has no weights to train; add a layer such as Linear.")
    rows = min(ROWS, experiment.batch_size, len(data.train_x))
    x = research.from_numpy(data.train_x[:rows].copy()).to(experiment.device)
    y = research.from_numpy(data.train_y[:rows].copy()).to(experiment.device)
    predicted = _forward(experiment, net, x)
    _check_output(experiment, data, predicted, rows)
    loss = nn.CrossEntropyLoss() if experiment.loss == "cross_entropy" else nn.MSELoss()
    try:
        loss(predicted, y).backward()
    except Exception as error:
        raise SpecProblem(f"loss: {experiment.loss} does not fit the net's output: {_plain(error)}") from None


def _forward(experiment: Experiment, net: Any, x: Any) -> Any:
    if isinstance(experiment.net, ModuleNet):
        try:
            return net(x)
        except Exception as error:
            raise SpecProblem(
                f"net.module: {experiment.net.module} failed on a batch of shape {tuple(x.shape)}: "
                f"{users_line(error, experiment.code_dir)}"
            ) from error
    for position, layer in enumerate(net):
        came = x
        try:
            x = layer(came)
        except Exception as error:
            raise SpecProblem(
                f"net.{position}: {layer} does not take its input of shape {tuple(came.shape)} "
                f"(the rows of the batch first): {_plain(error)}"
            ) from None
    return x


def _check_output(experiment: Experiment, data: datasets.Dataset, predicted: Any, rows: int) -> None:
    shape = getattr(predicted, "shape", None)
    if shape is None:
        raise SpecProblem(f"net: needs to return a tensor; got {shown(predicted)}.")
    if experiment.loss == "cross_entropy" and (len(shape) != 2 or shape[0] != rows or shape[1] < data.classes):
        raise SpecProblem(
            f"net: its output needs one score per class, shape ({rows}, {data.classes}) for {rows} rows "
            f"of {data.name}; got {tuple(shape)}."
        )
    if experiment.loss == "mse" and tuple(shape) != (rows, *data.train_y.shape[1:]):
        raise SpecProblem(
            f"net: its output needs the targets' shape, {(rows, *data.train_y.shape[1:])} for {rows} rows; "
            f"got {tuple(shape)}."
        )


def _plain(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text if text.endswith((".", "!", "?")) else text + "."
