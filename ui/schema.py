"""A JSON schema and a value become a tree of fields: what to ask, with which default and limits. No widgets here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Kind = Literal["choice", "flag", "whole", "real", "text", "object", "union", "line", "yaml", "fixed"]
MISSING: Any = object()


@dataclass(frozen=True)
class Field:
    """One thing to ask. `path` names it in the spec; `children` are an object's members or a union's variants."""

    path: tuple[str, ...]
    kind: Kind
    label: str
    value: Any = MISSING
    help: str | None = None
    example: Any = None
    options: tuple[Any, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    optional: bool = False
    advanced: bool = False  # rarely touched: kept as given, not shown
    children: tuple["Field", ...] = field(default=())
    chosen: int = 0

    @property
    def key(self) -> str:
        """The path in one word, for a widget's key: optimizer.lr."""
        return ".".join(self.path)


def fields(schema: Mapping[str, Any], value: Any = MISSING) -> Field:
    """The whole form of a schema: `value` where it says something, the schema's defaults elsewhere."""
    return _field(schema, schema, (), value)


def _field(schema: Mapping[str, Any], root: Mapping[str, Any], path: tuple[str, ...], value: Any) -> Field:
    schema = _resolved(schema, root)
    if value is MISSING:
        value = schema.get("default", MISSING)
    variants, optional = _variants(schema, root)
    label = _label(schema, path)
    about = {
        "path": path,
        "label": label,
        "help": schema.get("description"),
        "example": (schema.get("examples") or [None])[0],
        "optional": optional,
        "advanced": bool(schema.get("advanced")),
    }
    if len(variants) > 1:
        chosen = _matching(variants, value, root)
        children = tuple(
            replace(_field(variant, root, path, value if i == chosen else MISSING), label=_variant_label(variant, root))
            for i, variant in enumerate(variants)
        )
        if _only_text_differs(children):
            return Field(kind="text", value=value, **about)
        return Field(kind="union", children=children, chosen=chosen, **about)
    inner = {**schema, **variants[0]} if variants else schema
    return _plain(inner, root, value, about)


def _plain(schema: Mapping[str, Any], root: Mapping[str, Any], value: Any, about: dict[str, Any]) -> Field:
    """A field of one type."""
    if "const" in schema:
        return Field(kind="fixed", value=schema["const"], **about)
    if "enum" in schema:
        return Field(kind="choice", options=tuple(schema["enum"]), value=value, **about)
    kind = schema.get("type")
    if kind == "object" and schema.get("properties"):
        given = value if isinstance(value, Mapping) else {}
        children = tuple(
            _field(member, root, (*about["path"], name), given.get(name, MISSING))
            for name, member in schema["properties"].items()
        )
        return Field(kind="object", children=children, **about)
    simple: dict[Any, Kind] = {"boolean": "flag", "integer": "whole", "number": "real", "string": "text"}
    if kind in simple:
        lowest, highest = _limits(schema)
        return Field(kind=simple[kind], value=value, lowest=lowest, highest=highest, **about)
    item = schema.get("items", {}).get("type")
    if kind == "array" and item in simple:  # a few numbers or names fit in one line: [0.9, 0.999]
        return Field(kind="line", value=value, **about)
    return Field(kind="yaml", value=value, **about)  # anything else is written as in the file


def _label(schema: Mapping[str, Any], path: tuple[str, ...]) -> str:
    """The schema's title, else the key: batch_size -> Batch size."""
    return str(schema.get("title") or (path[-1].replace("_", " ").capitalize() if path else ""))


def _variant_label(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    """What an alternative is called: its title, else its kind."""
    schema = _resolved(schema, root)
    kinds = {"array": "List", "integer": "Whole number", "object": "Mapping", "string": "Text"}
    return str(schema.get("title") or kinds.get(schema.get("type", ""), "Value"))


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follows $ref, also where pydantic wraps it in a single allOf to add a default or a description."""
    while True:
        wrapped = schema.get("allOf")
        target = schema.get("$ref") or (wrapped[0].get("$ref") if wrapped and len(wrapped) == 1 else None)
        if not target:
            return schema
        found: Any = root
        for part in target.removeprefix("#/").split("/"):
            found = found[part]
        schema = {**found, **{name: what for name, what in schema.items() if name not in ("$ref", "allOf")}}


def _variants(schema: Mapping[str, Any], root: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], bool]:
    """The alternatives of a union without null, and whether null is one of them."""
    every = [_resolved(variant, root) for variant in (*schema.get("anyOf", ()), *schema.get("oneOf", ()))]
    kept = [variant for variant in every if variant.get("type") != "null"]
    return kept, len(kept) < len(every)


def _matching(variants: Sequence[Mapping[str, Any]], value: Any, root: Mapping[str, Any]) -> int:
    """The alternative that a value belongs to: the one that fits it best, the first if none says more."""
    scores = [_fit(variant, value, root) for variant in variants]
    return scores.index(max(scores))


def _fit(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any]) -> float:
    schema = _resolved(schema, root)
    if "const" in schema or "enum" in schema:
        return 3.0 if value in schema.get("enum", [schema.get("const")]) else -3.0
    if not isinstance(value, Mapping):
        return 1.0 if _is_type(value, schema.get("type")) else 0.0
    if schema.get("type") != "object":
        return 0.0
    members = schema.get("properties", {})
    named = sum(1.0 for name in value if name in members) - sum(0.5 for name in value if name not in members)
    told = sum(
        _fit(members[name], value[name], root)
        for name in value
        if name in members and {"const", "enum"} & _resolved(members[name], root).keys()
    )
    return 1.0 + named + told


def _is_type(value: Any, kind: Any) -> bool:
    types: dict[Any, tuple[type, ...]] = {
        "array": (list, tuple),
        "string": (str,),
        "boolean": (bool,),
        "integer": (int,),
        "number": (int, float),
    }
    return isinstance(value, types.get(kind, ())) and (kind == "boolean" or not isinstance(value, bool))


def _limits(schema: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """The lowest and highest value a widget may offer. An excluded bound of a real number is left to validation."""
    lowest, highest = schema.get("minimum"), schema.get("maximum")
    if schema.get("type") == "integer":
        if lowest is None and "exclusiveMinimum" in schema:
            lowest = schema["exclusiveMinimum"] + 1
        if highest is None and "exclusiveMaximum" in schema:
            highest = schema["exclusiveMaximum"] - 1
    else:
        lowest = schema.get("exclusiveMinimum") if lowest is None else lowest
        highest = schema.get("exclusiveMaximum") if highest is None else highest
    return lowest, highest


def _only_text_differs(children: Sequence[Field]) -> bool:
    """A union of strings, such as an enum or any other name: one text field asks for all."""
    return all(child.kind == "text" for child in children)
