"""A form from any JSON schema: every field gets the widget of its type, filled with its default."""

import math
from collections.abc import Mapping
from typing import Any

import streamlit as st
import yaml

from ui.schema import MISSING, Field, fields
from workers.yaml_file import parse_yaml

SIMPLE = ("choice", "flag", "whole", "real", "text", "line", "fixed")
MOST = 2**53 - 1  # the largest number that a browser counts to; neither an infinity nor NaN is below it
WIDE, NARROW = 4, 2  # fields side by side: over the whole page, in a box of half its width


def draw(schema: Mapping[str, Any], value: Any, prefix: str) -> Any:
    """Draws the form and returns what is filled in, as the YAML file would have it. Raises SpecProblem.

    `prefix` names this form in the session: another example gets another prefix, and so fresh defaults.
    """
    return _draw(fields(schema, value), prefix, WIDE)


def _draw(field: Field, prefix: str, columns: int) -> Any:
    if field.kind == "object":
        return _object(field, prefix, columns)
    if field.kind == "union":
        return _union(field, prefix, columns)
    if field.kind == "yaml":
        return _yaml(field, prefix)
    return _simple(field, prefix)


def _object(field: Field, prefix: str, columns: int) -> dict[str, Any]:
    """Simple members first, side by side; then a box for each of the others, in two columns."""
    filled = {child.path[-1]: child.value for child in field.children if child.advanced or child.kind == "fixed"}
    shown = [child for child in field.children if child.path[-1] not in filled]
    simple = [child for child in shown if child.kind in SIMPLE]
    boxed = [child for child in shown if child.kind not in SIMPLE]
    for start in range(0, len(simple), columns):
        cells = st.columns(columns, vertical_alignment="bottom")
        for cell, child in zip(cells, simple[start : start + columns], strict=False):
            with cell:
                filled[child.path[-1]] = _simple(child, prefix)
    halves = st.columns(2) if columns == WIDE and len(boxed) > 1 else [st.container()]
    for position, child in enumerate(boxed):
        with halves[position % len(halves)].container(border=columns == WIDE):
            if child.kind != "yaml":  # a text area bears its own name
                st.markdown(f"**{child.label}**", help=child.help)
            filled[child.path[-1]] = _draw(child, prefix, NARROW)
    return {child.path[-1]: filled[child.path[-1]] for child in field.children if filled[child.path[-1]] is not MISSING}


def _union(field: Field, prefix: str, columns: int) -> Any:
    """A choice of kind first, then the fields of the kind chosen."""
    key = f"{prefix}/{field.key}?"
    position = st.segmented_control(
        field.label,
        options=range(len(field.children)),
        format_func=lambda i: field.children[i].label,
        default=field.chosen,
        key=key,
        label_visibility="collapsed",
    )
    # a second click on the chosen kind takes the choice away; the file's kind stands then
    position = field.chosen if position is None else position
    return _draw(field.children[position], f"{key}{position}", columns)


def _yaml(field: Field, prefix: str) -> Any:
    """What has no widget of its own is edited as it stands in the file."""
    text = as_yaml(field.value)
    lines = max(3, min(14, text.count("\n") + 2))
    typed = st.text_area(
        field.label,
        value=text,
        height=24 * lines + 24,
        help=field.help,
        placeholder=as_yaml(field.example),
        key=f"{prefix}/{field.key}",
    )
    return from_yaml(typed, field.key)


def as_yaml(value: Any) -> str:
    """A value as the short YAML that people write: one layer a line."""
    if value is MISSING or value is None:
        return ""
    if isinstance(value, list) and value:
        return "".join(f"- {_flow(item)}\n" for item in value)
    if isinstance(value, Mapping) and value:
        return "".join(f"{name}: {_flow(what)}\n" for name, what in value.items())
    return _flow(value) if value not in ({}, []) else ""


def _flow(value: Any) -> str:
    """One line of YAML. A mapping of one entry stands without braces: Linear: [64, 128]."""
    if isinstance(value, Mapping) and len(value) == 1:
        name, what = next(iter(value.items()))
        return f"{name}: {_flow_value(what)}"
    return _flow_value(value)


def _flow_value(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=math.inf, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def from_yaml(text: str, name: str) -> Any:
    """Reads a field by the rules of a spec file; no text is no value. Raises SpecProblem with the line."""
    return parse_yaml(text, name) if text.strip() else MISSING


def _simple(field: Field, prefix: str) -> Any:
    """One widget for one value; an optional value left empty is null."""
    key = f"{prefix}/{field.key}"
    given = None if field.value is MISSING else field.value
    if field.kind == "fixed":
        return field.value
    if field.kind == "choice":
        position = field.options.index(given) if given in field.options else 0
        return st.selectbox(field.label, field.options, index=position, help=field.help, key=key)
    if field.kind == "flag":
        return st.toggle(field.label, value=bool(given), help=field.help, key=key)
    if field.kind in ("whole", "real"):
        return _number(field, given, key)
    text = "" if given is None else _flow(given) if field.kind == "line" else str(given)
    example = "" if field.example is None else str(field.example)
    typed = st.text_input(field.label, value=text, help=field.help, placeholder=example, key=key)
    if typed == "":
        return None if field.optional else MISSING
    return from_yaml(typed, field.key) if field.kind == "line" else typed


def _number(field: Field, given: Any, key: str) -> Any:
    convert: type[int] | type[float] = int if field.kind == "whole" else float
    try:
        value = None if given is None else convert(given)
    except (TypeError, ValueError, OverflowError):
        value = None  # the file says something that is no number; the page's check of the file names it
    if value is not None and not -MOST <= value <= MOST:
        value = None
    about: dict[str, Any] = {
        "value": value,
        "step": 1 if field.kind == "whole" else _step(value),
        "format": "%d" if field.kind == "whole" else "%g",
        "placeholder": "none" if field.optional else "default",
    }
    # no bounds: a widget shows a number out of its bounds, but hands over the last good one; the spec's check tells
    typed = st.number_input(field.label, help=field.help, key=key, **about)
    if typed is None:
        return None if field.optional else MISSING
    return typed


def _step(value: float | None) -> float:
    """A step one finer than the value's size: 0.001 moves by 0.0001, 0.2 by 0.01."""
    if not value or not math.isfinite(value):
        return 0.01
    return float(10.0 ** (math.floor(math.log10(abs(value))) - 1))
