"""Backward: gradients of a tensor, into `.grad` of the leaves or returned for the inputs asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from numpy import ndarray

from research import hooks
from research.grad_mode import GradMode
from research.intercept import pull_wrappers, pulled
from research.tape import CustomStep, Leaf, Saved, Step
from research.tensor import Tensor, _as_array, _wrap
from shared_ops.backprop import Edge, backpropagate
from shared_ops.device import array_module, is_view
from shared_ops.spec import FLOAT32 as F4
from shared_ops.spec import Spec, spec_of

FREED = (
    "backward went through this graph already and freed what it had saved; "
    "say backward(retain_graph=True) the first time to go through it twice"
)


def backward(
    tensor: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False
) -> None:
    """Accumulate in `.grad` of each leaf that `tensor` was made from. See `Tensor.backward`."""
    found = _run({_edge(tensor, "backward"): _seed(tensor, gradient)}, retain_graph, create_graph, frozenset())
    given = set() if gradient is None else {id(_as_array(gradient))}
    for (step, _), g in found.items():
        leaf = step.tensor() if isinstance(step, Leaf) else None
        if leaf is not None:
            _accumulate(leaf, g, create_graph, given)
            for hook in tuple(hooks.on_accumulation.get(step, {}).values()):
                hook(leaf)


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
    owned: set[int] = {id(_as_array(s)) for s in seeds if s is not None}
    return tuple(_own(found[edge], owned) if edge in found else None for edge in edges)


def _run(
    seeds: dict[Edge, Any], retain: bool | None, create_graph: bool, watch: frozenset[Edge], inner: bool = False
) -> dict[Edge, Any]:
    """The gradients by edge. `inner`: a run within a run, which ends at all watched edges and leaves them the hooks."""
    ends = {step for step, _ in watch} if inner else set()
    pull = _puller(create_graph if retain is None else retain, create_graph, ends)

    def arrive(step: Any, arrived: dict[int, Any]) -> None:
        for index, known in hooks.on_arrival.get(step, {}).items():
            if index in arrived and not (inner and (step, index) in watch):
                for hook in tuple(known.values()):
                    arrived[index] = _hooked(hook, arrived[index], create_graph)

    with GradMode(create_graph):
        as_needed = _as_tensor if create_graph else _as_array
        seeds = {edge: as_needed(g) for edge, g in seeds.items()}
        wrapped = pulled(pull) if pull_wrappers else pull
        return backpropagate(seeds, wrapped, watch, arrive if hooks.on_arrival else None)


def _puller(retain: bool, create_graph: bool, ends: Collection[Any]) -> Callable[[Step, Mapping[int, Any]], Any]:
    """What gives the gradients of a step's inputs: by the fused form where there is one, else by the rule."""

    def pull(step: Step, arrived: Mapping[int, Any]) -> Sequence[Any]:
        op, saved = step.op, step.saved
        if step in ends:
            return ()
        if saved is None:
            raise RuntimeError(FREED)
        if isinstance(step, CustomStep):
            grads = step.pull(arrived, create_graph)
            if not retain:
                step.saved = None
            return grads
        g = arrived.get(0)
        if step.pattern is not None and not create_graph and type(g) is ndarray and g.dtype is F4:
            fused = op.fused_by_pattern.get(step.pattern)
            if fused is not None:
                arrays, numbers = [g], []
                for place, value in enumerate(saved):
                    if type(value) is tuple:
                        if value[3][0] != value[4]:
                            _refuse_changed(step, place)
                        arrays.append(value[0])
                    else:
                        numbers.append(value)
                if not retain:
                    step.saved = None
                return fused(arrays, numbers)
        return _by_rule(step, arrived, g, retain, create_graph)

    return pull


def _by_rule(step: Step, arrived: Mapping[int, Any], g: Any, retain: bool, create_graph: bool) -> Sequence[Any]:
    """The gradients by the op's fused form, if it takes these, or its rule."""
    op, saved = step.op, step.saved
    assert saved is not None
    values = []
    for place, value in enumerate(saved):
        if type(value) is tuple:
            value = _unpacked(value, step, place, create_graph)
        elif type(value) is list:
            value = tuple(_unpacked(v, step, place, create_graph) if type(v) is tuple else v for v in value)
        values.append(value)
    if not retain:
        step.saved = None
    if op.fused is not None and not create_graph and _all_alike(step, g):
        grads = op.fused(g, values, step)
        if grads is not None:
            return grads
    known = {name: value for (name, _, _), value in zip(op.kept, values, strict=True)}
    specs = step.input_specs or (spec_of(g),) * len(step.parents)
    return op.backward(arrived, op.with_facts(known, step.attrs, specs, step.parents))


def _hooked(hook: Any, g: Any, create_graph: bool) -> Any:
    """The gradient, or what the hook gives in its place."""
    new = hook(_as_tensor(g))
    if new is None:
        return g
    if not isinstance(new, Tensor) or new.shape != tuple(g.shape):
        came = spec_of(new.array) if isinstance(new, Tensor) else type(new).__name__
        raise RuntimeError(f"a hook returns None, or a gradient of the same shape, {tuple(g.shape)}; got {came}")
    return new if create_graph else new.array


def _all_alike(step: Step, g: Any) -> bool:
    """Whether all inputs that are arrays have the shape of the gradient."""
    specs = step.input_specs
    return specs is None or all(not isinstance(s, Spec) or s.shape == g.shape for s in specs)


def _refuse_changed(step: Step, place: int) -> None:
    value: Any = step.saved[place] if step.saved is not None else None
    every = [v for v in (value if type(value) is list else [value]) if type(v) is tuple]
    changes = next(v[3] for v in every if v[3][0] != v[4])
    refuse_changed(f"{step.op.name} needs its {step.op.kept[place][0]} of the forward pass", changes, step)


def refuse_changed(need: str, changes: list[Any], step: Step) -> None:
    """Raise RuntimeError for a value that a step saved and somebody changed."""
    by = f" by {changes[1]}" if len(changes) > 1 else ""
    line = getattr(step, "line", None)
    made = f" The op is that of {line}." if line else ""
    raise RuntimeError(
        f"{need} for the gradient, and that was changed in place since{by}; change a clone() instead.{made}"
    )


def _unpacked(saved: Saved, step: Step, place: int, create_graph: bool) -> Any:
    """A saved value as an array or, so that what the rule does to it is recorded too, as a tensor with its history."""
    array, made_by, index, changes, changes_then = saved
    if changes[0] != changes_then:
        _refuse_changed(step, place)
    if not create_graph:
        return array
    _, is_output, at = step.op.kept[place]
    tensor = _wrap(array)
    made_here = is_output and step.op.differentiable(at)
    tensor.step, tensor.index = (step, at) if made_here else (made_by, index)
    return tensor


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
    return gradient


def _as_tensor(g: Any) -> Tensor:
    return g if isinstance(g, Tensor) else _wrap(_as_array(g))


def _accumulate(leaf: Tensor, g: Any, create_graph: bool, given: set[int]) -> None:
    if create_graph:
        leaf.grad = _own(g, given) if leaf.grad is None else leaf.grad + g
    elif leaf.grad is not None:
        leaf.grad.array[...] = leaf.grad.array + g
    else:
        leaf.grad = _own(g, given)


def _own(g: Any, given: set[int]) -> Tensor:
    """A gradient that shares memory with nothing: neither a view, nor the array that another place was given."""
    array = _as_array(g)
    shared = is_view(array) or not array.flags.c_contiguous or id(array) in given
    given.add(id(array))
    if isinstance(g, Tensor):
        return g * 1 if shared else g
    return _wrap(array.copy() if shared else array)
