"""Finds every user's mistake before a run is created: builds the data and the net, and runs one batch through them.

A user's module is tried in a process of its own (`python -m workers.check`): it may loop, exit, or write to standard
output, and neither the browser's server nor `--json` must suffer from that.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from workers import datasets
from workers.experiment import Experiment, ModuleNet
from workers.net import build
from workers.problems import SpecProblem, users_line

ROWS = 4  # enough to tell a wrong shape
TIMEOUT_S = 60.0  # for a user's module to be imported, made, and run on one batch


def check(experiment: Experiment) -> None:
    """Raises SpecProblem when this experiment cannot train: data, net, shapes, labels, device."""
    if isinstance(experiment.net, ModuleNet):
        _check_in_a_child(experiment, experiment.net.module)
    else:
        check_here(experiment)


def check_here(experiment: Experiment) -> None:
    """The check in this process, which a user's module can end or hold up. Raises SpecProblem."""
    import research

    data = datasets.load(experiment.data, experiment.loss)
    generator = research.default_generator
    state = generator.get_state()  # a check must not change what is drawn after it
    try:
        _try_a_batch(experiment, data)
    finally:
        generator.set_state(state)


def _check_in_a_child(experiment: Experiment, module: str) -> None:
    with tempfile.TemporaryDirectory(prefix="lockstep-check-") as folder:
        verdict = Path(folder) / "verdict.json"
        try:
            child = subprocess.run(
                [sys.executable, "-m", "workers.check", str(verdict)],
                input=experiment.model_dump_json().encode(),
                stdout=2,  # what a module prints must not spoil `--json`
                cwd="/",  # so that no file of the folder it was started from hides a module
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SpecProblem(
                f"net.module: {module} did not get through one batch of {ROWS} rows within {TIMEOUT_S:g} s; "
                "does its __init__ or its forward loop for ever?"
            ) from None
        if not verdict.is_file():
            raise SpecProblem(
                f"net.module: {module} ended its process while it was tried on one batch (exit code "
                f"{child.returncode}); a module must not call sys.exit."
            )
        problem = json.loads(verdict.read_text())
    if problem is not None:
        raise SpecProblem(problem)


def main() -> None:
    """The child: a spec as JSON on standard input, the problem or null into the file that is named."""
    try:
        problem = None
        check_here(Experiment.from_dict(json.load(sys.stdin), where="the spec"))
    except SpecProblem as error:
        problem = str(error)
    Path(sys.argv[1]).write_text(json.dumps(problem))


def _try_a_batch(experiment: Experiment, data: datasets.Dataset) -> None:
    import numpy as np

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
    loss = nn.CrossEntropyLoss() if experiment.loss == "cross_entropy" else nn.MSELoss()
    with np.errstate(all="ignore"):  # whether the loss stays finite is for training to say
        predicted = _forward(experiment, net, x)
        _check_output(experiment, data, predicted, rows)
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
    import research

    if not isinstance(predicted, research.Tensor):
        raise SpecProblem(f"net: needs to return a tensor; got {type(predicted).__name__}.")
    shape = predicted.shape
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


if __name__ == "__main__":
    main()
