"""Pydantic's errors about a spec, in words that name the key, what came and what is allowed."""

from __future__ import annotations

import math
from typing import Any

from pydantic import BaseModel, ValidationError

from workers.problems import key_path, listed, nearest, shown

Unions = dict[str, dict[str, type[BaseModel]]]  # key -> tag -> the model that the tag chooses


def told(where: str, error: ValidationError, model: type[BaseModel], unions: Unions) -> str:
    """One message for everything that is wrong with a spec; `where` names its file."""
    problems = [_one_problem(dict(item), model, unions) for item in error.errors(include_url=False)]
    if len(problems) == 1:
        return f"{where}: {problems[0]}"
    return f"{where}: {len(problems)} problems:\n" + "\n".join(f"  {problem}" for problem in problems)


def _one_problem(item: dict[str, Any], model: type[BaseModel], unions: Unions) -> str:
    loc, kind, came = list(item["loc"]), item["type"], item["input"]
    if loc and loc[0] in unions and len(loc) > 1 and isinstance(loc[1], str):
        model = unions[str(loc[0])].get(loc.pop(1), model)  # pydantic puts the union's tag there
    path = key_path(loc)
    if kind == "extra_forbidden":
        allowed = list(model.model_fields)
        return f"{path}: there is no such key.{nearest(str(loc[-1]), allowed)} Allowed: {listed(allowed)}."
    if kind == "missing":
        return f"{path}: this key is missing. {model.model_fields[str(loc[-1])].description}"
    if kind == "union_tag_invalid":
        tags = list(unions[path])
        tag = item["ctx"]["tag"]
        return f"{path}.{_tag_key(path)}: needs to be one of {listed(tags)}; got {shown(tag)}.{nearest(str(tag), tags)}"
    if kind == "union_tag_not_found":
        return f"{path}.{_tag_key(path)}: this key is missing; one of {listed(unions[path])}."
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"{path or 'the spec'}: needs a mapping of keys; got {shown(came)}."
    message = item["msg"].replace("Input should be", "needs to be").replace("Input", "it")
    if kind == "json":
        return f"{path}: {message}."
    if isinstance(came, dict) and kind in ("nesterov", "workers", "device"):
        return f"{path}: {message}." if path else f"{message}."  # the whole mapping would drown the sentence
    if kind == "string_pattern_mismatch":
        message = f"does not fit. {model.model_fields[str(loc[-1])].description} It came as"
        return f"{path}: {message} {shown(came)}."
    if kind == "literal_error":
        return f"{path}: {message}; got {shown(came)}.{nearest(str(came), _choices(model, loc))}"
    return f"{path}: {message}; got {shown(came)}."


def _tag_key(union: str) -> str:
    return {"data": "source", "optimizer": "name"}[union]


def _choices(model: type[BaseModel], loc: list[Any]) -> list[str]:
    return [str(choice) for choice in getattr(model.model_fields[str(loc[-1])].annotation, "__args__", ())]


def not_json(value: Any) -> str:
    """The first part of `value` that JSON has no form for, as text; nothing when all of it has."""
    if isinstance(value, dict):
        keys = (shown(key) for key in value if not isinstance(key, str))
        return next(keys, "") or next(filter(None, map(not_json, value.values())), "")
    if isinstance(value, list):
        return next(filter(None, map(not_json, value)), "")
    fine = value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
    return "" if fine else shown(value)
