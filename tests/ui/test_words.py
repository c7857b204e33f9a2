"""Numbers and names as people read them, and which run is better."""

import importlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ui import as_json, comparison, words
from ui.boxes import plain
from ui.problems import MISTAKES, is_mistake


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00012345, "0.0001234"),
        (1e-8, "1e-08"),
        (3, "3"),
        (12345, "12,345"),
        (0.5, "0.5"),
        (float("nan"), "NaN"),
        (float("-inf"), "−∞"),
        (None, "–"),
        (True, "True"),
        ("Adam", "Adam"),
    ],
)
def test_numbers(value, text):
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (185, "3 min 05 s"), (7_800, "2 h 10 min"), (None, "–")],
)
def test_durations(seconds, text):
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("key", "family", "split"),
    [
        ("train/loss", "loss", "train"),
        ("val/loss", "loss", "validation"),
        ("validation_accuracy", "accuracy", "validation"),
        ("lr", "lr", ""),
        ("training/loss", "training/loss", ""),
        ("train/", "train/", ""),
    ],
)
def test_what_a_metric_measures(key, family, split):
    assert words.family_and_split(key) == (family, split)


def test_accuracies_read_in_per_cent():
    assert words.metric("validation/accuracy", 0.97222) == "97.2 %"
    assert words.metric("validation/loss", 0.97222) == "0.9722"


def test_params_differ_by_value_not_by_type_of_number():
    rows = comparison.differing_params(
        [{"lr": 1, "seed": 0, "x": [1]}, {"lr": 1.0, "seed": 1, "x": [1], "extra": True}]
    )
    assert {row.name: row.values for row in rows} == {"seed": (0, 1), "extra": (None, True)}
    assert comparison.shared_params([{"a": 1, "b": 2}, {"a": 1, "b": 3}]) == {"a": 1}


def test_the_best_of_each_metric():
    finals = {"a": {"validation/accuracy": 0.9, "validation/loss": 0.2}, "b": {"validation/accuracy": 0.95}, "c": {}}
    rows = {row.name: row for row in comparison.final_rows(["a", "b", "c"], finals)}
    assert rows["validation/accuracy"].best == {1}
    assert rows["validation/loss"].best == frozenset()  # no contest
    assert comparison.best_run(["a", "b", "c"], finals) == "b"


def test_nan_never_wins_and_ties_are_all_marked():
    nan = float("nan")
    assert comparison.best_positions("loss", [nan, 0.3, 0.3]) == {1, 2}
    assert comparison.best_positions("lr", [0.1, 0.2]) == frozenset()
    finals = {"a": {"validation/accuracy": nan}, "b": {"validation/accuracy": 0.1}}
    assert comparison.best_run(["a", "b"], finals) == "b"
    assert comparison.best_run(["a"], {"a": {}}) is None


def test_messages_survive_markdown():
    text = "net.0: __init__() got *args; use `lr: [0.1]`, not <b> $x$ :smile:"
    escaped = plain(text)
    assert "`lr: [0.1]`" in escaped
    assert r"\_\_init\_\_" in escaped
    assert r"\$x\$ \:smile\:" in escaped
    assert "`" not in plain("an odd ` quotes nothing")


def test_json_of_records(capsys):
    @dataclass
    class Record:
        path: Path
        values: tuple[float, ...]

    as_json.write({"r": Record(Path("/x"), (1.0, float("nan"), float("-inf"))), "a": np.arange(2), 3: np.float32(0.5)})
    assert json.loads(capsys.readouterr().out) == {
        "r": {"path": "/x", "values": [1.0, "NaN", "-Infinity"]},
        "a": [0, 1],
        "3": 0.5,
    }


@pytest.mark.parametrize("name", sorted(MISTAKES))
def test_every_kind_of_mistake_exists_under_its_name(name):
    module, _, kind = name.rpartition(".")
    assert is_mistake(getattr(importlib.import_module(module), kind)("told"))
    assert not is_mistake(ValueError("a defect"))
