"""The spec: what it takes, and how it says no."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.experiment import Experiment
from workers.launch import EXAMPLES
from workers.problems import SpecProblem

GOOD = """
name: digits
data: {source: digits}
net: [Flatten, {Linear: [64, 10]}]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text)
    return path


def test_what_is_not_said_has_a_default(tmp_path):
    experiment = Experiment.from_yaml(written(tmp_path, GOOD))
    assert (experiment.epochs, experiment.batch_size, experiment.workers, experiment.device) == (20, 32, 1, "cpu")
    assert experiment.optimizer.name == "Adam"
    assert experiment.data.validation == 0.2
    assert experiment.code_dir == str(tmp_path)


def test_it_survives_the_way_to_the_store_and_back(tmp_path):
    experiment = Experiment.from_yaml(written(tmp_path, GOOD), ["optimizer={name: Adam, betas: [0.8, 0.9]}"])
    assert Experiment.from_dict(experiment.as_dict()) == experiment


@pytest.mark.parametrize("spec", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_is_good(spec):
    assert Experiment.from_yaml(spec).params()["loss"] == "cross_entropy"


def test_params_are_flat(tmp_path):
    params = Experiment.from_yaml(written(tmp_path, GOOD)).params()
    assert params["optimizer.lr"] == 0.001
    assert params["net"] == "Flatten → Linear(64, 10)"
    assert all(isinstance(value, str | int | float | bool) for value in params.values())


def test_set_overrides(tmp_path):
    experiment = Experiment.from_yaml(
        written(tmp_path, GOOD),
        ["optimizer.lr=1e-2", "epochs=3", "net.1.Linear=[64, 12]", "data.validation=.5", "optimizer.name=SGD"],
    )
    assert experiment.optimizer.model_dump() | {"name": "SGD", "lr": 0.01} == experiment.optimizer.model_dump()
    assert experiment.net == ["Flatten", {"Linear": [64, 12]}]
    assert (experiment.epochs, experiment.data.validation) == (3, 0.5)


def test_the_schema_tells_a_form_everything():
    schema = Experiment.model_json_schema()
    for name, field in schema["properties"].items():
        assert field.get("description"), name
    for model in schema["$defs"].values():
        for name, field in model["properties"].items():
            assert field.get("description"), name
    assert schema["additionalProperties"] is False


BAD = {
    "unknown key": ("epoch: 3", ["epoch: there is no such key. Did you mean 'epochs'? Allowed: name, data,"]),
    "unknown key inside": (
        "optimizer: {name: SGD, lrate: 1}",
        ["optimizer.lrate: there is no such key.", "Allowed: name, lr, momentum"],
    ),
    "key of the other optimizer": ("optimizer: {name: SGD, betas: [0, 0]}", ["optimizer.betas: there is no such key."]),
    "wrong type": ("epochs: many", ["epochs: needs to be a valid integer; got 'many'."]),
    "yes is no number": ("epochs: yes", ["epochs: needs to be a valid integer; got True."]),
    "out of bounds": ("epochs: 0", ["epochs: needs to be greater than or equal to 1; got 0."]),
    "not finite": ("optimizer: {name: SGD, lr: .nan}", ["optimizer.lr: ", "got nan"]),
    "no such loss": (
        "loss: crossentropy",
        ["loss: needs to be 'cross_entropy' or 'mse'", "Did you mean 'cross_entropy'?"],
    ),
    "no such optimizer": (
        "optimizer: {name: adam}",
        ["optimizer.name: needs to be one of SGD, Adam", "Did you mean 'Adam'?"],
    ),
    "optimizer as text": ("optimizer: Adam", ["optimizer: needs a mapping of keys; got 'Adam'."]),
    "nesterov alone": (
        "optimizer: {name: SGD, nesterov: true}",
        ["optimizer: nesterov: true needs a momentum above 0."],
    ),
    "bad device": ("device: gpu", ["device: does not fit. cpu, cuda or cuda:N.", "'gpu'"]),
    "more workers than rows": ("workers: 33", ["workers needs to be at most batch_size"]),
    "workers on one card": ("workers: 2\ndevice: cuda:1", ["need device: cuda"]),
    "bad name": ("name: ../digits", ["name: does not fit. ", "'../digits'"]),
    "no such source": ("data: {source: mnist}", ["data.source: needs to be one of digits, npz; got 'mnist'."]),
    "data without source": ("data: {validation: 0.1}", ["data.source: this key is missing; one of digits, npz."]),
    "no held-out rows": (
        "data: {source: digits, validation: 0}",
        ["data.validation: needs to be greater than 0; got 0."],
    ),
    "npz without path": ("data: {source: npz}", ["data.path: this key is missing."]),
    "npz not there": ("data: {source: npz, path: no.npz}", ["data.path: needs an .npz file; ", "no.npz is not there."]),
    "net as text": ("net: Linear", ["net: needs a list of layers, or module: file:Class; got 'Linear'."]),
    "no layers": ("net: []", ["net: ", "at least 1"]),
    "unknown layer": (
        "net: [Flatten, {Liner: [64, 10]}]",
        ["net.1: there is no layer 'Liner'. Did you mean 'Linear'?", "Conv2d"],
    ),
    "a loss is no layer": ("net: [MSELoss]", ["net.0: there is no layer 'MSELoss'."]),
    "two layers in one": ("net: [{Linear: [64, 10], ReLU: []}]", ["net.0: needs a layer's name, or one name with its"]),
    "unknown argument": (
        "net: [{Linear: {units: 10}}]",
        ["net.0: Linear: ", "It takes Linear(in_features, out_features, bias=True)."],
    ),
    "too few arguments": ("net: [{Linear: 10}]", ["net.0: Linear: missing a required argument: 'out_features'."]),
    "module without a class": ("net: {module: digits_cnn}", ["net.module: does not fit. package.module:Class"]),
    "unknown key of a module": (
        "net: {module: 'a:B', args: {}}",
        ["net.args: there is no such key.", "module, arguments"],
    ),
    "an argument that is no JSON": (
        "net: {module: 'a:B', arguments: {since: 2026-01-02}}",
        ["net.arguments: takes text, finite numbers, ", "it holds datetime.date(2026, 1, 2)."],
    ),
    "an infinite argument": ("net: {module: 'a:B', arguments: {sizes: [1, .inf]}}", ["net.arguments: ", "holds inf."]),
    "a layer's argument": ("net: [{Linear: {in_features: .nan, out_features: 2}}]", ["net.0: takes", "holds nan."]),
    "syntax": ("optimizer: {name: Adam", ["spec.yaml, line ", "this is not valid YAML"]),
    "a key twice": ("epochs: 1\nepochs: 2", ["spec.yaml, line 6", "the key 'epochs' is given twice"]),
    "a tab": ("optimizer:\n\tlr: 1", ["spec.yaml, line 6", "not valid YAML"]),
}


@pytest.mark.parametrize(("text", "told"), BAD.values(), ids=BAD.keys())
def test_a_bad_spec_gets_one_clear_message(tmp_path, text, told):
    key = text.split(":")[0]
    kept = "\n".join(line for line in GOOD.splitlines() if not line.startswith(f"{key}:"))
    path = written(tmp_path, f"{kept}\n{text}\n")
    with pytest.raises(SpecProblem) as problem:
        Experiment.from_yaml(path)
    message = problem.value.args[0]
    assert message.startswith(str(path))
    for words in told:
        assert words in message
    assert "pydantic" not in message
    assert "Traceback" not in message


def test_all_problems_are_told_at_once(tmp_path):
    with pytest.raises(SpecProblem, match=r"2 problems:\n  epochs: .*\n  seeds: "):
        Experiment.from_yaml(written(tmp_path, GOOD + "epochs: 0\nseeds: 1"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there is no such spec file"),
        (b"\xff\xfe\x00", "not a text file in UTF-8"),
        (b"", "a spec is a mapping of keys"),
        (b"- 1\n- 2", "a spec is a mapping of keys"),
        (b"name: x", "data: this key is missing"),
    ],
)
def test_a_file_that_is_no_spec(tmp_path, content, told):
    path = tmp_path / "spec.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SpecProblem, match=told):
        Experiment.from_yaml(path)


def test_a_missing_file_names_its_neighbours(tmp_path, spec_file):
    with pytest.raises(SpecProblem, match=r"tiny\.yaml"):
        Experiment.from_yaml(tmp_path / "tyni.yaml")


@pytest.mark.parametrize(
    ("assignment", "told"),
    [
        ("epochs", "needs the form key.path=value"),
        ("=3", "needs the form key.path=value"),
        ("epochs=[", "not valid YAML"),
        ("epochs.more=3", "has no keys to set|needs a mapping|valid integer"),
        ("net.7=ReLU", "needs a position from 0 to 1"),
        ("net.²=ReLU", "needs a position from 0 to 1"),
        ("net=" + "[" * 3000, "nested too deeply"),
        ("epocs=3", "Did you mean 'epochs'"),
    ],
)
def test_a_bad_override(tmp_path, assignment, told):
    with pytest.raises(SpecProblem, match=told):
        Experiment.from_yaml(written(tmp_path, GOOD), [assignment])


def test_merge_keys_lay_one_mapping_over_another(tmp_path):
    text = GOOD.replace("{source: digits}", "&held {source: digits, validation: 0.3}")
    spec = written(tmp_path, text.replace("data: &held", "data:\n  <<: &held") + "optimizer: {name: SGD}\n")
    assert Experiment.from_yaml(spec).data.validation == 0.3


def test_a_setting_of_the_optimizer_alone_is_one_of_adams(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text("name: x\ndata: {source: digits}\nnet: [Flatten, {Linear: [64, 10]}]\n")
    assert Experiment.from_yaml(path, ["optimizer.lr=0.02"]).optimizer.model_dump()["lr"] == 0.02


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"net": {"module": "m:Net"}, "code_dir": "/nowhere/at/all"}, "code_dir: there is no folder /nowhere/at/all"),
        ({"data": {"source": "npz", "path": "a\0b"}}, "data.path: .* is no path: embedded null byte"),
        ({"data": {"source": "npz", "path": "x" * 5000}}, "data.path: .* is no path: .*too long"),
        ({"data": {"source": "npz", "path": "~nosuchuser/x.npz"}}, "data.path: .* is no path: Could not determine"),
    ],
)
def test_what_is_no_path(change, told):
    values = {"name": "x", "data": {"source": "digits"}, "net": ["Flatten", {"Linear": [64, 10]}]}
    with pytest.raises(SpecProblem, match=told):
        Experiment.from_dict(values | change)
