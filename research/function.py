"""Function: an op of one's own, with its forward and its backward in Python: torch.autograd.Function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from research.backward import _as_tensor, refuse_changed
from research.grad_mode import GradMode, _mode
from research.tape import CustomOp, CustomStep, next_order
from research.tensor import Tensor, _saved, _wrap
from shared_ops.device import array_module
from shared_ops.spec import is_float, spec_of


class FunctionCtx:
    """What forward leaves for backward: `save_for_backward(…)`, and any attributes."""

    needs_input_grad: tuple[bool, ...]
    _step: Any = None  # while its backward runs

    def __init__(self) -> None:
        self._to_save: tuple[Any, ...] = ()
        self._saved: list[Any] | None = []
        self._dirty: tuple[Tensor, ...] = ()
        self._not_differentiable: tuple[Tensor, ...] = ()
        self._materialize_grads = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for backward, which notices when one has been changed in place since."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward keeps tensors; got {type(t).__name__}: set it as an attribute, ctx.x = …"
                )
        self._to_save = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was saved. Raises RuntimeError where it was changed in place since, or freed."""
        if self._saved is None:
            raise RuntimeError("the saved tensors were freed; say backward(retain_graph=True) the first time")
        return tuple(None if s is None else self._unpacked(s) for s in self._saved)

    def _unpacked(self, saved: Any) -> Tensor:
        (array, step, index, changes, changes_then), own = saved
        if changes[0] != changes_then:
            refuse_changed(f"{self._step.op.name} needs what it saved", changes, self._step)
        tensor = _wrap(array)
        tensor.step, tensor.index = (step, index) if own is None else (self._step, own)
        return tensor

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say that forward changes these inputs in place; it must return them."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say that no gradient flows through these outputs."""
        self._not_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros, or None, for an output that no gradient came for."""
        self._materialize_grads = value


class FunctionStep(CustomStep):
    """A step whose gradient is a Function's backward."""

    __slots__ = ("function", "needs", "output_specs")
    saved: Any  # the ctx
    function: Any
    needs: Sequence[Any]  # per argument, its Spec, or None
    output_specs: Sequence[Any]

    def pull(self, arrived: Mapping[int, Any], create_graph: bool) -> Sequence[Any]:
        ctx, function = self.saved, self.function
        gs = [self._gradient(arrived, i, ctx._materialize_grads) for i in range(len(self.output_specs))]
        ctx._step = self  # and no longer: the step holds the ctx
        try:
            grads = function.backward(ctx, *gs)
        finally:
            ctx._step = None
        grads = grads if isinstance(grads, tuple | list) else (grads,)
        count = len(self.parents)
        if len(grads) < count or any(g is not None for g in grads[count:]):
            raise RuntimeError(
                f"{function.__name__}.backward returns a gradient, or None, for each of forward's {count} arguments; "
                f"got {len(grads)}"
            )
        return [self._fitting(i, g, create_graph) for i, g in enumerate(grads[:count])]

    def _gradient(self, arrived: Mapping[int, Any], i: int, zeros: bool) -> Tensor | None:
        g = arrived.get(i)
        if g is not None:
            return _as_tensor(g)
        spec, like = self.output_specs[i], _as_tensor(next(iter(arrived.values())))
        return _wrap(array_module((like.array,)).zeros(spec.shape, spec.dtype)) if zeros and spec else None

    def _fitting(self, i: int, g: Any, create_graph: bool) -> Any:
        """A gradient of the shape of its input. Raises RuntimeError for another one."""
        if g is None or self.parents[i] is None:
            return None
        spec = self.needs[i]
        if not isinstance(g, Tensor) or g.shape != spec.shape:
            came = spec_of(g.array) if isinstance(g, Tensor) else type(g).__name__
            raise RuntimeError(
                f"{self.function.__name__}.backward returns for argument {i} a tensor of its shape, {spec}; got {came}"
            )
        g = g if g.dtype == spec.dtype else g.to(spec.dtype)
        return g if create_graph else g.array


class Function:
    """An op of one's own: static `forward(ctx, *args)` and `backward(ctx, *gradients)`; call `MyFunction.apply(…)`.

    Or `forward(*args)` with `setup_context(ctx, inputs, output)`. backward returns a gradient, or None, for each
    argument of forward; written with ops on tensors, it can be differentiated in turn.
    """

    @staticmethod
    def forward(*args: Any, **settings: Any) -> Any:
        raise NotImplementedError("a Function needs a static forward(ctx, *args)")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise NotImplementedError("a Function needs a static backward(ctx, *gradients) for its gradient")

    setup_context: Any = None

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """The outputs of forward, recorded as one step."""
        ctx = FunctionCtx()
        parents = [(a.step, a.index) if isinstance(a, Tensor) and a.step is not None else None for a in args]
        ctx.needs_input_grad = tuple(p is not None for p in parents)
        with GradMode(False):
            if cls.setup_context is None:
                result = cls.forward(ctx, *args)
            else:
                result = cls.forward(*args)
                cls.setup_context(ctx, args, result)
        outs = list(result) if isinstance(result, tuple) else [result]
        recorded = any(ctx.needs_input_grad) and _mode.recording
        outs = [_distinct(o, args, ctx._dirty) for o in outs]
        if recorded:
            _record(cls, ctx, args, parents, outs)
        return tuple(outs) if isinstance(result, tuple) else outs[0]


def _distinct(out: Any, args: tuple, dirty: tuple) -> Any:
    """An output; where it is an input unchanged, a tensor of its own over the same array."""
    same = any(out is a for a in args) and not any(out is d for d in dirty)
    return out.detach() if same and isinstance(out, Tensor) else out


def _record(function: type[Function], ctx: FunctionCtx, args: tuple, parents: list, outs: list) -> None:
    step = FunctionStep()
    step.op, step.attrs, step.order, step.pattern = CustomOp(function.__name__), {}, next_order(), None  # type: ignore[assignment]
    step.parents, step.input_specs, step.function = parents, None, function
    step.needs = [spec_of(a.array) if isinstance(a, Tensor) else None for a in args]
    step.output_specs = [spec_of(o.array) if isinstance(o, Tensor) else None for o in outs]
    places = {id(o): i for i, o in enumerate(outs)}
    ctx._saved = [None if t is None else (_saved(t), places.get(id(t))) for t in ctx._to_save]
    ctx._to_save, step.saved = (), ctx
    for i, out in enumerate(outs):
        if isinstance(out, Tensor) and is_float(out.dtype) and not any(out is n for n in ctx._not_differentiable):
            if out.is_leaf and out.requires_grad:
                raise RuntimeError(
                    f"{function.__name__} changes a leaf that requires a gradient in place; give it a clone()"
                )
            out.step, out.index = step, i
