"""Reads a spec file: YAML without surprises, and `--set key.path=value` on top of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from workers.problems import SpecProblem, key_path, listed, shown

MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice and reads 1e-3 as a number, as YAML 1.2 does."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys: list[Any] = []
    for given, _ in node.value:
        if given.tag == MERGE:  # `<<: *other` is no key: it lays the mapping's own keys over another's
            continue
        key = loader.construct_object(given)
        if key in keys:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is given twice", given.start_mark)
        keys.append(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def parse_yaml(text: str, where: str) -> Any:
    """Python values of a YAML text. Raises SpecProblem with the line of a syntax error."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise SpecProblem(f"{where}{line}: this is not valid YAML: {error.problem or error.context}.") from None
    except RecursionError:
        raise SpecProblem(f"{where}: this is not valid YAML: it is nested too deeply.") from None
    except Exception as error:  # the text is all that can be wrong here
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise SpecProblem(f"{where}: this is not valid YAML: {said}.") from None


def read_spec(path: Path) -> dict[str, Any]:
    """The mapping in a spec file. Raises SpecProblem when it is missing, unreadable or not a mapping."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        beside = sorted(p.name for p in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
        others = f" {path.parent} holds: {listed(beside[:10])}." if beside else ""
        raise SpecProblem(f"{path}: there is no such spec file.{others}") from None
    except IsADirectoryError:
        raise SpecProblem(f"{path}: this is a folder; a spec is a YAML file.") from None
    except UnicodeDecodeError:
        raise SpecProblem(f"{path}: this is not a text file in UTF-8; a spec is a YAML file.") from None
    except OSError as error:
        raise SpecProblem(f"{path}: this file cannot be read: {error.strerror}.") from None
    values = parse_yaml(text, str(path))
    if not isinstance(values, dict):
        raise SpecProblem(f"{path}: a spec is a mapping of keys such as `epochs: 20`; got {shown(values)}.")
    return values


def override(values: dict[str, Any], assignment: str) -> None:
    """Applies one `a.b=c` to the values in place; c is read as YAML, a number in the path picks from a list."""
    path, equals, text = assignment.partition("=")
    parts = path.strip().split(".")
    if not equals or not all(parts):
        raise SpecProblem(f"--set {assignment}: needs the form key.path=value, such as optimizer.lr=0.01.")
    value = parse_yaml(text, f"--set {assignment}")
    here: Any = values
    for depth, part in enumerate(parts[:-1]):
        here = _step_into(here, part, f"--set {assignment}: {key_path(parts[: depth + 1])}")
    last = parts[-1]
    if isinstance(here, list):
        here[_position(here, last, f"--set {assignment}: {path}")] = value
    elif isinstance(here, dict):
        here[last] = value
    else:
        raise SpecProblem(f"--set {assignment}: {key_path(parts[:-1])} is {shown(here)}, which has no keys to set.")


def _step_into(here: Any, part: str, where: str) -> Any:
    if isinstance(here, list):
        return here[_position(here, part, where)]
    if not isinstance(here, dict):
        raise SpecProblem(f"{where}: there is only {shown(here)} above it, which has no keys to set.")
    if here.get(part) is None:
        here[part] = {}
    return here[part]


def _position(items: list[Any], part: str, where: str) -> int:
    if not part.isdecimal() or int(part) >= len(items):
        raise SpecProblem(f"{where}: needs a position from 0 to {len(items) - 1} in the list; got {part!r}.")
    return int(part)
