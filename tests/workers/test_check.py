"""Mistakes that only show when data and net meet: found before a run is created."""

from __future__ import annotations

import numpy as np
import pytest

from workers.check import check
from workers.experiment import Experiment
from workers.launch import EXAMPLES
from workers.problems import SpecProblem


def with_net(net, folder=None, **more):
    return Experiment.from_dict({"name": "x", "data": {"source": "digits"}, "net": net} | more, folder=folder)


def module(folder, code, name="mynet", cls="Net", **arguments):
    (folder / f"{name}.py").write_text(code)
    return with_net({"module": f"{name}:{cls}", "arguments": arguments}, folder)


NET = """
from research import nn
class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.inner = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))
    def forward(self, x):
        return self.inner(x)
"""


@pytest.mark.parametrize("spec", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_is_ready(spec):
    check(Experiment.from_yaml(spec))


def test_a_module_beside_the_spec_is_read_anew_each_time(tmp_path):
    check(module(tmp_path, NET))
    with pytest.raises(SpecProblem, match="RuntimeError: changed"):
        check(module(tmp_path, NET.replace("return", "raise RuntimeError('changed')  #")))


def test_modules_of_one_name_in_two_folders_are_kept_apart(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        (folder / "helper.py").write_text(f"WIDTH = {len(folder.name)}")
    code = NET.replace("from research", "from helper import WIDTH\nfrom research").replace("width=8", "width=WIDTH")
    from workers.net import build

    for folder in (first, second, first):
        net = build(module(folder, code))
        assert len(next(iter(net.parameters()))) == len(folder.name)


@pytest.mark.parametrize(
    ("net", "told"),
    [
        (["Flatten", {"Linear": [63, 10]}], r"net\.1: Linear.* does not take its input of shape \(4, 64\)"),
        ([{"Linear": [64, 10]}], r"net\.0: Linear.* does not take its input of shape \(4, 1, 8, 8\)"),
        (
            ["Flatten", {"Linear": [64, 9]}],
            r"needs one score per class, shape \(4, 10\) for 4 rows of digits; got \(4, 9\)",
        ),
        ([{"Conv2d": [1, 10, 3]}], r"one score per class, .* got \(4, 10, 6, 6\)"),
        (["Flatten"], "has no weights to train"),
        (["Flatten", {"Linear": ["a", 10]}], r"net\.1: Linear: "),
        ([{"Dropout": {"p": 7}}, "Flatten", {"Linear": [64, 10]}], r"net\.0: .*Dropout"),
    ],
)
def test_layers_that_do_not_fit(net, told):
    with pytest.raises(SpecProblem, match=told):
        check(with_net(net))


MODULES = {
    "no such module": ({"name": "mynet", "file": "other"}, NET, "there is no module mynet.*Python files there: other"),
    "no such class": ({"cls": "Nets"}, NET, r"mynet\.py has no class Nets\. Did you mean 'Net'\? Its classes: Net\."),
    "no class": ({"cls": "nn"}, NET, "nn in .* is no class"),
    "no module class": ({}, "class Net: pass", r"subclass of research\.nn\.Module"),
    "syntax error": ({}, "class Net(:\n", r"importing mynet failed: SyntaxError: .*mynet\.py, line 1"),
    "missing import": ({}, "import nopackage_x\n" + NET, r"No module named 'nopackage_x' \(mynet\.py, line 1\)"),
    "error at import": ({}, "\n1 / 0\n", r"ZeroDivisionError: .* \(mynet\.py, line 2\)"),
    "exit at import": ({}, "import sys; sys.exit(3)", "SystemExit: 3"),
    "unknown argument": ({"arguments": {"depth": 3}}, NET, r"net\.arguments: .*'depth'. It takes Net\(width=8\)"),
    "error in init": ({"arguments": {"width": "a"}}, NET, r"making Net\(width='a'\) failed: .*\(mynet\.py, line 6\)"),
    "error in forward": (
        {},
        NET.replace("self.inner(x)", "x.nope"),
        r"failed on a batch .*nope.*\(mynet\.py, line 8\)",
    ),
    "not a tensor": ({}, NET.replace("self.inner(x)", "3"), r"needs to return a tensor; got int"),
}


@pytest.mark.parametrize(("how", "code", "told"), MODULES.values(), ids=MODULES.keys())
def test_a_bad_module_names_the_users_line(tmp_path, how, code, told):
    (tmp_path / f"{how.get('file', 'mynet')}.py").write_text(code)
    net = {"module": f"mynet:{how.get('cls', 'Net')}", "arguments": how.get("arguments", {})}
    with pytest.raises(SpecProblem, match=told) as problem:
        check(with_net(net, tmp_path))
    assert "Traceback" not in problem.value.args[0]


def test_what_a_module_prints_stays_out_of_the_output(tmp_path, capsys):
    check(module(tmp_path, NET + "\nprint('hello')\n"))
    assert (capsys.readouterr().out, "hello") == ("", "hello")


def test_a_module_may_not_hide_an_installed_one(tmp_path):
    with pytest.raises(SpecProblem, match="random is also the name of an installed module"):
        check(module(tmp_path, NET, name="random"))


def test_an_installed_module_will_do():
    with pytest.raises(SpecProblem, match="failed on a batch"):
        check(with_net({"module": "research.nn:Linear", "arguments": {"in_features": 3, "out_features": 10}}))


def test_more_classes_than_scores(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((40, 3)), y=np.arange(40) % 5)
    data = {"source": "npz", "path": "a.npz"}
    with pytest.raises(SpecProblem, match=r"shape \(4, 5\) for 4 rows of a; got \(4, 2\)"):
        check(with_net([{"Linear": [3, 2]}], tmp_path, data=data))


def test_targets_of_another_width(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((40, 3)), y=np.zeros(40))
    data = {"source": "npz", "path": "a.npz"}
    check(with_net([{"Linear": [3, 1]}], tmp_path, data=data, loss="mse"))
    with pytest.raises(SpecProblem, match=r"targets' shape, \(4, 1\) for 4 rows; got \(4, 2\)"):
        check(with_net([{"Linear": [3, 2]}], tmp_path, data=data, loss="mse"))


def test_a_card_that_is_not_here():
    with pytest.raises(SpecProblem, match="device: cuda:7 cannot be used here"):
        check(with_net(["Flatten", {"Linear": [64, 10]}], device="cuda:7"))


def test_a_check_leaves_the_seed_alone():
    import research

    research.manual_seed(3)
    expected = research.rand(3).numpy()
    research.manual_seed(3)
    check(with_net(["Flatten", "Dropout", {"Linear": [64, 10]}]))
    assert np.array_equal(research.rand(3).numpy(), expected)


@pytest.mark.parametrize("line", ["import sys; sys.exit(0)", "import os; os._exit(3)"])
@pytest.mark.parametrize("where", ["self.inner = ", "return self.inner(x)"])
def test_a_module_that_ends_its_process_is_told(tmp_path, line, where):
    code = NET.replace(where, f"{line}; {where}")
    with pytest.raises(SpecProblem, match=r"ended its process .* must not call sys\.exit|SystemExit"):
        check(module(tmp_path, code))


def test_a_module_that_loops_does_not_hold_up_its_launch(tmp_path, monkeypatch):
    monkeypatch.setattr("workers.check.TIMEOUT_S", 3.0)
    with pytest.raises(SpecProblem, match="did not get through one batch of 4 rows within 3 s"):
        check(module(tmp_path, NET.replace("return self", "while True: pass\n        return self")))


def test_what_a_module_writes_past_python_stays_out_of_the_output(tmp_path, capfd):
    check(module(tmp_path, NET.replace("return self", "import os; os.write(1, b'raw noise')\n        return self")))
    assert "raw noise" not in capfd.readouterr().out
