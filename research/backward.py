"""Backward: gradients of a tensor, into `.grad` of the leaves or returned for the inputs asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from research.grad_mode import set_grad_enabled
from research.tape import Leaf, Step
from research.tensor import Tensor, _as_array, _wrap
from shared_ops.backprop import Edge, backpropagate
from shared_ops.device import array_module
from shared_ops.spec import spec_of


def backward(
    tensor: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False
) -> None:
    """Accumulate in `.grad` of each leaf that `tensor` was made from. See `Tensor.backward`."""
    found = _run({_edge(tensor, "backward"): _seed(tensor, gradient)}, retain_graph, create_graph, frozenset())
    given: set[int] = set()
    for (step, _), g in found.items():
        leaf = step.tensor() if isinstance(step, Leaf) else None
        if leaf is not None:
            _accumulate(leaf, g, create_graph, given)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the sum of `outputs` for each of `inputs`, which may be leaves or not.

    Raises RuntimeError for an input that the outputs were not made from, unless `allow_unused`: then None.
    """
    outs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    wrt = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    seeds = [None] * len(outs) if grad_outputs is None else grad_outputs
    seeds = [seeds] if isinstance(outputs, Tensor) and grad_outputs is not None else seeds
    edges = [_edge(x, "grad") for x in wrt]
    given = {_edge(o, "grad"): _seed(o, s) for o, s in zip(outs, seeds, strict=True)}
    found = _run(given, retain_graph, create_graph, frozenset(edges))
    missing = [i for i, edge in enumerate(edges) if edge not in found]
    if missing and not allow_unused:
        raise RuntimeError(f"input {missing[0]} was not used to make the outputs; allow_unused=True gives None for it")
    return tuple(_as_tensor(found[edge]) if edge in found else None for edge in edges)


def _run(seeds: dict[Edge, Any], retain: bool | None, create_graph: bool, watch: frozenset[Edge]) -> dict[Edge, Any]:
    retain = create_graph if retain is None else retain

    def known(step: Step) -> dict[str, Any]:
        if step.saved is None:
            raise RuntimeError(
                "backward went through this graph already and freed what it had saved; "
                "say backward(retain_graph=True) the first time to go through it twice"
            )
        values = _with_history(step) if create_graph else {k: _plain(v) for k, v in step.saved.items()}
        if not retain:
            step.free()
        return values

    with set_grad_enabled(create_graph):
        if create_graph:
            seeds = {edge: _as_tensor(g) for edge, g in seeds.items()}
        return backpropagate(seeds, known, watch)


def _with_history(step: Step) -> dict[str, Any]:
    """The saved values as tensors, so that what the rule does to them is recorded too."""
    known = dict(step.saved)
    for i, name in enumerate(step.op.outputs):
        if name in known:
            known[name] = out = _wrap(known[name])
            if i == 0:
                out.step = step
    return known


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.array
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value


def _edge(tensor: Tensor, asked: str) -> Edge:
    if tensor.step is None:
        raise RuntimeError(
            f"{asked} needs a tensor that requires a gradient; got {spec_of(tensor.array)}, which does not"
        )
    return tensor.step, tensor.index


def _seed(tensor: Tensor, gradient: Any) -> Any:
    if gradient is None:
        if tensor.array.size != 1:
            raise RuntimeError(
                f"backward starts at one value; got {spec_of(tensor.array)}: take its sum(), or pass gradient="
            )
        return array_module((tensor.array,)).ones_like(tensor.array)
    if tuple(gradient.shape) != tensor.shape:
        raise RuntimeError(f"gradient= needs the shape of the tensor, {tensor.shape}; got {tuple(gradient.shape)}")
    return _as_array(gradient)


def _as_tensor(g: Any) -> Tensor:
    return g if isinstance(g, Tensor) else _wrap(_as_array(g))


def _accumulate(leaf: Tensor, g: Any, create_graph: bool, given: set[int]) -> None:
    if create_graph:
        leaf.grad = g if leaf.grad is None else leaf.grad + g
    elif leaf.grad is not None:
        leaf.grad.array[...] = leaf.grad.array + g
    else:
        g = _as_array(g)
        # a gradient is its leaf's own: not a view, and not the array that another leaf was given
        shared = g.base is not None or not g.flags.c_contiguous or id(g) in given
        leaf.grad = _wrap(g.copy() if shared else g)
        given.add(id(g))
