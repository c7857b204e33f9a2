"""The examples run as they stand, and learn. The digit classifiers are trained in tests/workers and tests/ui."""

import runpy
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def run(monkeypatch):
    """Call an example's main, as `python examples/name.py` does."""
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setattr(sys, "argv", ["example"])
    return lambda name, **settings: runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"](**settings)


@pytest.mark.parametrize("name", ["research_by_hand.py", "production_by_hand.py"])
def test_an_example_learns(name):
    assert runpy.run_path(str(EXAMPLES / name))["main"]() > 0.9


@pytest.mark.parametrize(("name", "steps"), [("mlp", 400), ("lenet", 200), ("resnet", 120)])
def test_a_classifier_learns_digits(run, name, steps):
    assert run(name, steps=steps) > 0.9


@pytest.mark.parametrize(
    ("name", "settings", "below"),
    [
        ("char_lstm", {"steps": 60, "hidden": 64}, 3.0),
        ("gpt", {"steps": 60, "width": 48, "layers": 2}, 3.0),
        ("vae", {"steps": 150}, 32.0),
    ],
)
def test_a_generative_model_learns(run, capsys, name, settings, below):
    loss = run(name, **settings)
    said = capsys.readouterr().out
    assert loss < below
    assert "def " in said or "@" in said  # what it writes, or draws


def test_a_curve_is_drawn(run, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["mlp.py", str(tmp_path / "curve.svg")])
    run("mlp", steps=20)
    root = ElementTree.parse(tmp_path / "curve.svg").getroot()
    lines = [e.attrib["points"].split() for e in root.iter("{http://www.w3.org/2000/svg}polyline")]
    assert [len(points) for points in lines] == [20, 20]
