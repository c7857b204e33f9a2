"""checkpoint: a part of a model whose values are not kept for backward but computed again: Chen et al. 2016."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from research.backward import _as_tensor, _run, refuse_changed
from research.grad_mode import GradMode, _mode
from research.random import default_generator
from research.tape import CustomOp, CustomStep, Step, next_order
from research.tensor import Tensor, _wrap
from shared_ops.spec import spec_of


class RecomputedStep(CustomStep):
    """A whole function as one step, whose backward runs it again, now recorded."""

    __slots__ = ()
    saved: Any  # a function that runs it again and gives its outputs

    def pull(self, arrived: Mapping[int, Any], create_graph: bool) -> Sequence[Any]:
        with GradMode(True):
            outs = self.saved()
        seeds: dict[Any, Any] = {}
        for i, g in arrived.items():
            if outs[i].step is None:
                raise RuntimeError("a checkpointed function gave an output without history the second time")
            edge = outs[i].step, outs[i].index
            seeds[edge] = seeds[edge] + g if edge in seeds else _as_tensor(g) if create_graph else g
        edges = [edge for edge in self.parents if edge is not None]
        found = _run(seeds, create_graph, create_graph, frozenset(edges), inner=True)
        return [found.get(edge) for edge in edges]


def checkpoint(
    function: Callable, *args: Any, use_reentrant: bool = False, preserve_rng_state: bool = True, **settings: Any
) -> Any:
    """function(*args), of which backward keeps nothing but the arguments, and computes the rest again.

    The function must do the same both times; random numbers are drawn alike unless `preserve_rng_state` is False.
    It may use any parameters; their gradients come as always. `use_reentrant` makes no difference here.
    """
    if not _mode.recording:
        return function(*args, **settings)
    state = default_generator.get_state() if preserve_rng_state else None
    counts = [(a, a._changes(), a._changes()[0]) for a in args if isinstance(a, Tensor)]
    start = next_order()
    result = function(*args, **settings)
    outs = result if isinstance(result, tuple) else (result,)
    edges = _edges_before(start, outs)
    if not edges:
        return result

    def again() -> tuple[Any, ...]:
        for tensor, changes, then in counts:
            if changes[0] != then:
                refuse_changed(f"a checkpointed function needs its argument {spec_of(tensor.array)}", changes, step)
        with _generator_at(state):
            repeated = function(*args, **settings)
        repeated = repeated if isinstance(repeated, tuple) else (repeated,)
        _check_same(outs_specs, [spec_of(o.array) if isinstance(o, Tensor) else None for o in repeated])
        return repeated

    outs_specs = [spec_of(o.array) if isinstance(o, Tensor) else None for o in outs]
    step = RecomputedStep()
    step.op, step.attrs, step.order, step.pattern = CustomOp("checkpoint"), {}, next_order(), None  # type: ignore[assignment]
    step.parents, step.input_specs, step.saved = edges, None, again
    made = tuple(_output(o, step, i) for i, o in enumerate(outs))
    return made if isinstance(result, tuple) else made[0]


def _output(out: Any, step: Step, index: int) -> Any:
    """An output as one of the step, and no longer of the steps inside."""
    if not isinstance(out, Tensor) or out.step is None:
        return out
    tensor = _wrap(out.array)
    tensor.step, tensor.index = step, index
    return tensor


def _edges_before(start: int, outs: Sequence[Any]) -> list[Any]:
    """Where gradients leave what was recorded since `start`: leaves, and steps of before."""
    waiting = [(o.step, o.index) for o in outs if isinstance(o, Tensor) and o.step is not None]
    seen, edges = set(waiting), []
    while waiting:
        edge = waiting.pop()
        step = edge[0]
        if step.op is None or step.order < start:
            edges.append(edge)
            continue
        new = [e for e in step.parents if e is not None and e not in seen]
        seen.update(new)
        waiting.extend(new)
    return edges


@contextlib.contextmanager
def _generator_at(state: Any) -> Iterator[None]:
    """The default generator as it was, inside; after it goes on as if nothing had been drawn."""
    if state is None:
        yield
        return
    now = default_generator.get_state()
    default_generator.set_state(state)
    try:
        yield
    finally:
        default_generator.set_state(now)


def _check_same(first: list[Any], second: list[Any]) -> None:
    if first != second:
        before, now = (", ".join(map(str, specs)) for specs in (first, second))
        raise RuntimeError(
            f"a checkpointed function gives the same shapes and dtypes both times; first {before}, then {now}"
        )


def checkpoint_sequential(functions: Any, segments: int, input: Any, **settings: Any) -> Any:
    """A Sequential in so many segments, each of which is checkpointed."""
    layers = list(functions)
    if not 1 <= segments <= len(layers):
        raise ValueError(f"segments are from 1 to the {len(layers)} layers there are; got {segments}")
    ends = [len(layers) * (i + 1) // segments for i in range(segments)]
    for begin, end in zip([0, *ends], ends, strict=False):
        input = checkpoint(_chain, layers[begin:end], input, **settings)
    return input


def _chain(layers: list[Callable], x: Any) -> Any:
    for layer in layers:
        x = layer(x)
    return x
