"""A graph as JSON and back: operations by number, settings as plain data, arrays elsewhere. No code."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from production.graph import Graph, Node, Operation
from shared_ops.dim import Dim
from shared_ops.op import REGISTRY
from shared_ops.spec import Spec

MAX_RANK = 32
DTYPES = frozenset(
    [
        "bool",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float16",
        "bfloat16",
        "float32",
        "float64",
    ]
)


# what damaged or hostile content may set off while a graph is put together or run once; all of it is refused in words
DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RecursionError,
    StopIteration,
    SyntaxError,
    TypeError,
    ValueError,
)


class GraphJsonError(ValueError):
    """JSON that is no graph of ours."""


# writing ----------------------------------------------------------------------------------------------------------
def graph_to_json(operations: list[Operation]) -> list[dict[str, Any]]:
    """The operations as JSON-able dicts; an input is [operation, output], counted in this list."""
    place = {o: i for i, o in enumerate(operations)}
    return [_operation_to_json(o, place) for o in operations]


def _operation_to_json(o: Operation, place: dict[Operation, int]) -> dict[str, Any]:
    inputs = [[place[x.operation], x.index] if isinstance(x, Node) else {"value": _encode(x)} for x in o.inputs]
    entry: dict[str, Any] = {"name": o.name, "type": o.type, "outputs": [spec_to_json(n.spec) for n in o.outputs]}
    entry |= {"inputs": inputs} if inputs else {}
    entry |= {"attrs": {k: _encode(v) for k, v in o.attrs.items()}} if o.attrs else {}
    return entry | {"source": o.source}


def spec_to_json(spec: Spec) -> dict[str, Any]:
    return {"dtype": spec.dtype.name, "shape": [n if isinstance(n, int) else str(n) for n in spec.shape]}


def _encode(value: Any) -> Any:
    """Settings as JSON; what JSON cannot say is a dict with one key."""
    if isinstance(value, tuple):
        return {"tuple": [_encode(v) for v in value]}
    if isinstance(value, slice):
        return {"slice": [_encode(v) for v in (value.start, value.stop, value.step)]}
    if isinstance(value, Dim):
        return {"size": str(value)}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise GraphJsonError(f"a setting of an op is plain data; got {type(value).__name__}")


# reading ----------------------------------------------------------------------------------------------------------
def graph_from_json(entries: Any, constants: dict[str, np.ndarray]) -> Graph:
    """The graph that `graph_to_json` wrote; `constants` by operation name.

    Every Spec is worked out anew and compared with the one in the file. Raises GraphJsonError for anything that does
    not fit, names the operation, and builds nothing else.
    """
    if not isinstance(entries, list):
        raise GraphJsonError(f"a graph is a list of operations; got {type(entries).__name__}")
    graph = Graph()
    made: list[Operation] = []
    for i, entry in enumerate(entries):
        try:
            made.append(_operation_from_json(graph, entry, made, constants))
        except DAMAGE as error:
            name = entry.get("name", i) if isinstance(entry, dict) else i
            raise GraphJsonError(f"operation {name!r}: {error}") from error
    return graph


def _operation_from_json(
    graph: Graph, entry: Any, made: list[Operation], constants: dict[str, np.ndarray]
) -> Operation:
    kind, name = entry["type"], entry["name"]
    specs = tuple(map(spec_from_json, entry["outputs"]))
    attrs = {k: _decode(v) for k, v in entry.get("attrs", {}).items()}
    inputs = tuple(_input(x, made) for x in entry.get("inputs", []))
    if kind == "placeholder":
        operation = graph.placeholder(specs[0].dtype, specs[0].shape, name).operation
    elif kind == "constant":
        operation = graph.constant(constants[name], name=name).operation
    elif kind == "variable":
        operation = Operation(graph, "variable", (), {"trainable": bool(attrs["trainable"])}, specs, name)
    elif kind in REGISTRY:
        outputs = graph.apply(REGISTRY[kind], inputs, attrs, name)
        operation = (outputs[0] if isinstance(outputs, tuple) else outputs).operation
    else:
        raise GraphJsonError(f"unknown op {kind!r}; it may come from a newer version")
    operation.source = str(entry.get("source", "?"))
    came = tuple(n.spec for n in operation.outputs)
    if came != specs or operation.name != name:
        raise GraphJsonError(
            f"the file says it gives {', '.join(map(str, specs))}; it gives {', '.join(map(str, came))}"
        )
    return operation


def _input(x: Any, made: list[Operation]) -> Any:
    if isinstance(x, dict):
        return _decode(x["value"])
    operation, output = x
    if not (0 <= operation < len(made)):
        raise GraphJsonError(f"it reads operation {operation}, which does not come before it")
    return made[operation].outputs[output]


def spec_from_json(entry: Any) -> Spec:
    dtype, shape = entry["dtype"], entry["shape"]
    if dtype not in DTYPES or not isinstance(shape, list) or len(shape) > MAX_RANK:
        raise GraphJsonError(f"no array looks like {entry!r}")
    sizes = tuple(Dim.parse(n) if isinstance(n, str) else int(n) for n in shape)
    if any(isinstance(n, int) and n < 0 for n in sizes):
        raise GraphJsonError(f"sizes are not negative; got {shape}")
    return Spec(sizes, np.dtype(dtype))


def _decode(value: Any) -> Any:
    if not isinstance(value, dict):
        if isinstance(value, list):
            raise GraphJsonError("a list stands where a setting should")
        return value
    ((kind, content),) = value.items()
    match kind:
        case "tuple":
            return tuple(map(_decode, content))
        case "slice":
            return slice(*map(_decode, content))
        case "size":
            return Dim.parse(content)
        case "ellipsis":
            return Ellipsis
        case "float":
            return float(content)
    raise GraphJsonError(f"unknown kind of setting {kind!r}")
