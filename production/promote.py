"""The bridge: a research model becomes a production graph, and cannot do so with other bits.

The one file that sees both worlds. `promote` lets the model's own Python run once over graph nodes, saves what was
recorded, loads it back, and compares it with research bit for bit on several batches. Only then is it there.
"""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from production import saved_model
from production.graph import Graph, Node, Operation
from production.graph_json import DTYPES
from production.plan import FeedError
from production.saved_model import SavedModelError
from production.session import Session
from production.variable import Variable
from research.grad_mode import no_grad
from research.intercept import observe
from research.nn.module import Module
from research.tensor import Tensor
from shared_ops.bits import same_bits
from shared_ops.device import to_host
from shared_ops.dim import Dim
from shared_ops.op import Op
from shared_ops.source import raised_at, words
from shared_ops.spec import SpecError, kind_of, spec_of

BATCH = Dim("batch")
FRESH_ROWS = (1, 2, 7)


class PromotionError(ValueError):
    """The model cannot be promoted: it does not record, or the graph does not give research's bits."""


@dataclass(frozen=True)
class Promotion:
    """A promotion that succeeded: where the saved model stands, and what was compared."""

    path: Path
    proof: dict[str, Any]
    signature: dict[str, Any] = field(repr=False)


def promote(
    model: Module,
    example_inputs: Any,
    path: str | os.PathLike,
    *,
    input_names: Sequence[str] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Promotion:
    """Save `model`, in evaluation mode, as a static graph at `path`, proved equal to research bit for bit.

    `example_inputs` is one array or tensor, or a tuple of them, with the batch as their first axis. The saved model
    takes batches of any size. Compared are the example, fresh batches of 1, 2 and 7 rows drawn from its values, and
    one with zeros, infinities and NaN.

    Raises PromotionError, naming the line of the user's source or the first op that differs, and writes nothing.
    Raises FileExistsError when something stands at `path`. The model is left as it was.
    """
    if not isinstance(model, Module):
        raise PromotionError(f"promote takes a research.nn.Module; got a {type(model).__name__}")
    example = _as_inputs(example_inputs)
    golden = dict(zip(_names(input_names, len(example)), example, strict=True))
    try:
        with _left_as_it_was(model), no_grad():
            model.eval()
            recording = _record(model, golden)
            with saved_model.staging(path) as folder:
                recording.write(folder, golden, provenance=provenance)
                loaded = saved_model.load(folder)
                proof = _prove(model, recording, loaded, _batches(example))
                saved_model.add_proof(folder, proof)
    except (SavedModelError, FeedError, SpecError) as error:
        raise PromotionError(f"the recorded graph cannot be saved and run: {error}") from error
    return Promotion(Path(path), proof, loaded.signature)


def _names(given: Sequence[str] | None, count: int) -> list[str]:
    names = list(given or (["input"] if count == 1 else [f"input_{i}" for i in range(count)]))
    fine = all(isinstance(n, str) and n.isidentifier() for n in names)
    if len(names) != count or len(set(names)) != count or not fine:
        raise PromotionError(f"input_names needs {count} different names, written like Python variables; got {names}")
    return names


# recording --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Recording:
    """A model's forward as a graph, with a session that holds its weights."""

    session: Session
    inputs: dict[str, Node]
    outputs: dict[str, Node]
    applied: list[Operation]  # what the forward applied, in its order

    def write(self, folder: Path, golden: Mapping[str, np.ndarray], **about: Any) -> None:
        try:
            saved_model.write(folder, self.session, self.inputs, self.outputs, golden, **about)
        except (ValueError, TypeError) as error:
            raise PromotionError(f"the model cannot be saved: {error}") from error


def _record(model: Module, example: Mapping[str, np.ndarray]) -> _Recording:
    graph = Graph()
    session = Session(graph)
    with graph.as_default():
        inputs = {name: graph.placeholder(a.dtype, (BATCH, *a.shape[1:]), name) for name, a in example.items()}
        with _variables_for_tensors(model, session):
            before = len(graph.operations)
            try:
                made = model(*inputs.values())
            except Exception as error:
                raise PromotionError(_at_line("the model's forward cannot be recorded", error)) from error
    outputs = _outputs(made)
    return _Recording(session, inputs, outputs, [o for o in graph.operations[before:] if o.op is not None])


def _outputs(made: Any) -> dict[str, Node]:
    """The forward's result by name: `output`, `output_0` …, or a dict's own keys."""
    if isinstance(made, Mapping):
        outputs = dict(made)
    elif isinstance(made, tuple | list):
        outputs = {f"output_{i}": node for i, node in enumerate(made)}
    else:
        outputs = {"output": made}
    if not outputs:
        raise PromotionError(f"forward must return what it computed from its inputs; it returned {made!r}")
    for name, node in outputs.items():
        if not isinstance(name, str):
            raise PromotionError(f"outputs have names; forward returned a dict with the key {name!r}")
        if not isinstance(node, Node):
            raise PromotionError(
                f"forward must return what it computed from its inputs; {name} is a {type(node).__name__}, "
                "which does not depend on them"
            )
    return outputs


@contextlib.contextmanager
def _variables_for_tensors(model: Module, session: Session) -> Iterator[None]:
    """Inside the block the model's parameters and buffers are variables of the graph, with the same values."""
    variables: dict[int, Variable] = {}
    with _left_as_it_was(model):
        for table in ("_parameters", "_buffers"):
            for path, module, name, tensor in list(model._named(table)):
                if id(tensor) not in variables:  # a tensor that stands in two places is one variable
                    array = to_host(tensor.array)
                    variables[id(tensor)] = Variable(array, trainable=table == "_parameters", name=path)
                    session.load(variables[id(tensor)], array)
                module.__dict__[table][name] = variables[id(tensor)]
        yield


@contextlib.contextmanager
def _left_as_it_was(model: Module) -> Iterator[None]:
    """After the block each module has the attributes, lists and dicts, mode and buffers' values from before it."""
    before = [(module, {k: _copied(v) for k, v in vars(module).items()}) for module in model.modules()]
    values = [(b, b.array.copy()) for b in model.buffers()]
    try:
        yield
    finally:
        for module, attributes in before:
            vars(module).clear()
            vars(module).update(attributes)
        for buffer, array in values:
            buffer.array[...] = array


def _copied(value: Any) -> Any:
    return copy.copy(value) if type(value) in (dict, list, set) else value


# proving ----------------------------------------------------------------------------------------------------------
def _prove(
    model: Module, recording: _Recording, loaded: saved_model.SavedModel, batches: Mapping[str, list[np.ndarray]]
) -> dict[str, Any]:
    """Compare the loaded graph with research on every batch. Raises PromotionError at the first that differs."""
    compared = []
    for kind, batch in batches.items():
        with np.errstate(all="ignore"):  # the hostile batch is meant to overflow
            wanted = {k: to_host(v.array) for k, v in _research(model, batch).items()}
        got = loaded.run(dict(zip(recording.inputs, batch, strict=True)))
        for name in wanted.keys() | got.keys():
            if name not in wanted or name not in got or not same_bits(wanted[name], got[name]):
                raise PromotionError(_where_they_part(model, recording, batch, kind, name))
        compared.append({"batch": kind, "rows": len(batch[0]), "bytes": sum(a.nbytes for a in got.values())})
    return {
        "bit_for_bit": True,
        "batches": compared,
        "operations": len(recording.applied),
        "variables": len(recording.session.graph.variables),
        "numpy": np.__version__,
    }


def _research(model: Module, batch: Sequence[np.ndarray]) -> dict[str, Tensor]:
    device = next((p.device for p in model.parameters()), None)
    try:
        made = model(*[Tensor(a.copy()) if device is None else Tensor(a.copy()).to(device) for a in batch])
    except Exception as error:
        raise PromotionError(_at_line(f"the model fails on a batch of {len(batch[0])} rows", error)) from error
    made = made if isinstance(made, tuple | list | Mapping) else {"output": made}
    return dict(made) if isinstance(made, Mapping) else {f"output_{i}": t for i, t in enumerate(made)}


def _where_they_part(model: Module, recording: _Recording, batch: list[np.ndarray], kind: str, output: str) -> str:
    """The first op whose result differs, and the line of the user's source that applied it."""
    seen: list[tuple[Op, tuple]] = []
    with observe(lambda op, results: seen.append((op, results))), contextlib.suppress(PromotionError):
        _research(model, batch)
    feeds = dict(zip(recording.inputs.values(), batch, strict=True))
    for (op, results), operation in zip(seen, recording.applied, strict=False):
        if op is not operation.op:
            return (
                f"on the {kind} batch research applied {op.name} where the graph has {operation.type}, at "
                f"{operation.source}: the model's Python takes another way for other values or sizes. "
                "Choose between values with where(condition, x, y)"
            )
        got = recording.session.run(list(operation.outputs), feeds)
        if not all(same_bits(a, b) for a, b in zip(results, got, strict=True)):
            return (
                f"on the {kind} batch {operation.name} is the first op whose bits differ from research, at "
                f"{operation.source}: research gave {spec_of(results[0])}, the graph {spec_of(got[0])}. "
                "A value computed outside of ops, or a state that changes between calls, is frozen in the graph"
            )
    return (
        f"on the {kind} batch {output} differs from research, although each op agrees: research applied {len(seen)} "
        f"ops, the graph has {len(recording.applied)}. The model's Python takes another way for other values or sizes"
    )


def _batches(example: list[np.ndarray]) -> dict[str, list[np.ndarray]]:
    """The batches to compare on, by name."""
    draw = np.random.default_rng(0)
    batches = {"example": example}
    for rows in FRESH_ROWS:
        batches[f"fresh, {rows} row{'s' if rows > 1 else ''}"] = [_fresh(a, rows, draw) for a in example]
    if any(kind_of(a.dtype) == "f" for a in example):
        batches["hostile"] = [_hostile(a, draw) for a in example]
    return batches


def _fresh(array: np.ndarray, rows: int, draw: np.random.Generator) -> np.ndarray:
    """Values drawn from the example's own; floats are moved a little, so that they are not the same again."""
    values = draw.choice(array.reshape(-1), (rows, *array.shape[1:]))
    if kind_of(array.dtype) == "f":
        usual = array[np.isfinite(array)].astype(np.float64)
        values = values + draw.normal(0, 0.1 * (float(np.std(usual)) if usual.size else 1.0) or 0.1, values.shape)
    return values.astype(array.dtype)


def _hostile(array: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Fresh rows in which every value may be a zero, an infinity, NaN, or the largest or smallest of its kind."""
    rows = _fresh(array, 8, draw)
    if kind_of(array.dtype) == "f":
        limits = ml_dtypes.finfo(array.dtype)
        special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, limits.max, limits.tiny, limits.smallest_subnormal])
        at = draw.random(rows.shape) < 0.2
        rows[at] = draw.choice(special, int(at.sum())).astype(array.dtype)
    return rows


def _as_inputs(example_inputs: Any) -> list[np.ndarray]:
    inputs = example_inputs if isinstance(example_inputs, tuple | list) else (example_inputs,)
    arrays = [np.array(to_host(x.array) if isinstance(x, Tensor) else x) for x in inputs]
    odd = next((a.dtype for a in arrays if a.dtype.name not in DTYPES), None)
    if odd is not None:
        raise PromotionError(f"example inputs are arrays of {', '.join(sorted(DTYPES))}; got {odd}")
    rows = {a.shape[0] if a.ndim else None for a in arrays}
    if len(rows) != 1 or None in rows or 0 in rows:
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise PromotionError(f"example inputs need a batch axis in front, of one size, at least 1; got shapes {shapes}")
    return arrays


def _at_line(what: str, error: Exception) -> str:
    """The error in one sentence, with the user's line where there is one that the error does not name itself."""
    at = raised_at(error.__traceback__)
    line = words(*at) if at else ""
    return f"{what}: {error}" + (f" (at {line})" if line and line not in str(error) else "")
