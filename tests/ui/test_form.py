"""The form: from a schema to fields, and from what is filled in back to the values of a spec file."""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel, Field
from streamlit.testing.v1 import AppTest

from ui import form
from ui.schema import fields
from workers.experiment import Experiment
from workers.launch import experiments
from workers.problems import SpecProblem
from workers.yaml_file import read_spec

SCHEMA = Experiment.model_json_schema()


def found(field, key):
    """The shown field with this key: of a union, in the variant that is chosen."""
    if field.key == key and field.kind != "union":
        return field
    children = [field.children[field.chosen]] if field.kind == "union" else field.children
    for child in children:
        if (hit := found(child, key)) is not None:
            return hit
    return None


def test_a_file_chooses_the_variants_of_the_unions():
    spec = {
        "name": "x",
        "data": {"source": "npz", "path": "a.npz"},
        "net": {"module": "a:B"},
        "optimizer": {"name": "SGD"},
    }
    tree = fields(SCHEMA, spec)
    assert found(tree, "data.path").value == "a.npz"
    assert found(tree, "net.module").value == "a:B"
    assert found(tree, "optimizer.momentum").value == 0.0  # the schema's default
    assert found(tree, "optimizer.betas") is None
    assert found(fields(SCHEMA, {"net": ["Flatten"]}), "net").value == ["Flatten"]


def test_limits_and_choices_come_from_the_schema():
    tree = fields(SCHEMA, {})
    assert found(tree, "epochs").lowest == 1
    assert found(tree, "loss").options == ("cross_entropy", "mse")
    assert found(tree, "batch_size").help


def test_any_pydantic_model_has_a_form():
    class Inner(BaseModel):
        flag: bool = True
        count: int = Field(3, gt=2)

    class Outer(BaseModel):
        inner: Inner = Inner()
        maybe: float | None = None
        names: list[str] = ["a"]
        free: dict[str, int] = {}

    tree = fields(Outer.model_json_schema())
    assert found(tree, "inner.count").lowest == 3
    assert (found(tree, "maybe").kind, found(tree, "maybe").optional) == ("real", True)
    assert found(tree, "names").kind == "line"
    assert found(tree, "free").kind == "yaml"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            ["Flatten", {"Linear": [64, 128]}, {"Dropout": {"p": 0.2}}],
            "- Flatten\n- Linear: [64, 128]\n- Dropout: {p: 0.2}\n",
        ),
        ({"channels": 16, "names": ["a"]}, "channels: 16\nnames: [a]\n"),
        ({}, ""),
        (None, ""),
    ],
)
def test_yaml_is_written_as_people_write_it_and_reads_back(value, text):
    assert form.as_yaml(value) == text
    if text:
        assert form.from_yaml(text, "net") == value


def test_yaml_reads_as_in_a_spec_file():
    assert form.from_yaml("[1e-3]", "betas") == [0.001]  # plain YAML 1.1 would make this text
    with pytest.raises(SpecProblem, match="net, line 2"):
        form.from_yaml("- a\n- [b", "net")


def drawn(spec: dict) -> AppTest:
    """A page with nothing but the form, which writes what is filled in as JSON."""
    script = f"""
import json
import streamlit as st
from ui import form
from workers.experiment import Experiment
st.text(json.dumps(form.draw(Experiment.model_json_schema(), json.loads({json.dumps(json.dumps(spec))}), "t")))
"""
    page = AppTest.from_string(script, default_timeout=20).run()
    assert not page.exception
    return page


def result(page: AppTest) -> dict:
    return json.loads(page.text[0].value)


@pytest.mark.parametrize("path", experiments(), ids=lambda path: path.name)
def test_an_untouched_form_is_the_example(path: Path):
    values = read_spec(path)
    filled = result(drawn(values))
    assert Experiment.from_dict(filled, folder=path.parent) == Experiment.from_dict(values, folder=path.parent)


def test_what_is_changed_is_in_the_result():
    page = drawn({"name": "x", "data": {"source": "digits"}, "net": ["Flatten"], "optimizer": {"name": "Adam"}})
    page.number_input(key="t/epochs").set_value(3)
    page.text_area(key="t/net?0/net").set_value("- Flatten\n- Linear: [64, 10]")
    page.run()
    assert result(page)["epochs"] == 3
    assert result(page)["net"] == ["Flatten", {"Linear": [64, 10]}]


def test_another_variant_shows_its_own_fields():
    page = drawn({"name": "x", "data": {"source": "digits"}, "net": ["Flatten"], "optimizer": {"name": "Adam"}})
    page.button_group(key="t/optimizer?").set_value(0).run()
    assert not page.exception
    assert result(page)["optimizer"]["name"] == "SGD"
    assert "momentum" in result(page)["optimizer"]


def test_values_of_a_wrong_type_or_out_of_bounds_do_not_break_the_form():
    wrong = {
        "name": 3,
        "epochs": "many",
        "batch_size": -5,
        "data": "digits",
        "net": 7,
        "optimizer": None,
        "loss": "huber",
    }
    assert not drawn(wrong).exception


@pytest.mark.parametrize("seed", [-1, 2**32, 2**70, float("inf"), float("nan")])
def test_a_seed_out_of_bounds_does_not_break_the_form(seed):
    assert not drawn({"name": "x", "seed": seed, "optimizer": {"name": "Adam", "lr": float(seed)}}).exception
