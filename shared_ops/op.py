"""Op: a kernel, a spec rule and a gradient rule under one name; the table of them all; who answers a call."""

from __future__ import annotations

import importlib.util
import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from shared_ops.device import array_module
from shared_ops.spec import HALVES, Spec, SpecError, spec_of

REGISTRY: dict[str, Op] = {}

CHECKED_SIGNATURES_PER_OP = 4096
UNKNOWN = object()
ARRAYS = ("input", "output")  # what a gradient rule may ask for that takes memory
NUMBERS = frozenset([bool, int, float])  # Python's own, which an op takes beside arrays


class Op:
    """One op. Arrays are positional, settings are keyword-only.

    Called on arrays it computes. Called on anything with `__apply_op__` (a research Tensor, a production Node) it
    hands itself over: `argument.__apply_op__(op, args, attrs)`.
    """

    def __init__(self, kernel: Callable, spec: Callable | None = None, outputs: tuple[str, ...] = ("out",)):
        self.name = kernel.__name__
        self.kernel, self.spec_rule = kernel, spec
        self.grad_rule: Callable | None = None
        self.takes_every_gradient = False
        self.outputs = outputs
        self._sources: tuple[tuple[str, str, Any], ...] = ()
        parameters = list(inspect.signature(kernel).parameters.values())[1:]
        self.inputs = tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)
        self.variadic = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        self.attrs = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        self.__doc__, self.__name__, self.__module__ = kernel.__doc__, kernel.__name__, kernel.__module__
        self._checked: dict[Any, Any] = {}
        self._fast: Any = UNKNOWN
        self.quick: Callable | None = self._find_quick
        self.fused: Callable | None = self._find_fused
        self.shortcuts: dict[type, Callable] = {}  # by the type of the first argument: what may answer in its place
        self.fused_by_pattern: dict[int, Callable] = {}
        self.kept: tuple[tuple[str, bool, Any], ...] = ()
        if self.name in REGISTRY:
            raise ValueError(f"op names are given once; {self.name} stands in {REGISTRY[self.name].__module__} already")
        REGISTRY[self.name] = self

    def __call__(self, *args: Any, **attrs: Any) -> Any:
        if not attrs and args:
            shortcut = self.shortcuts.get(type(args[0]))
            if shortcut is not None and len(args) == len(self.inputs):
                return shortcut(*args)
        for a in args:
            apply = getattr(a, "__apply_op__", None)
            if apply is not None:
                return apply(self, args, attrs)
        return self.compute(*args, **attrs)

    def compute(self, *args: Any, **attrs: Any) -> Any:
        """The outputs for arrays and numbers: by the fast form, where there is one for them, else by the kernel."""
        xp = array_module(args)
        if xp is np:
            fast = self._fast if self._fast is not UNKNOWN else self._find_fast()
            if fast is not None:
                out = fast(*args, **attrs)
                if out is not NotImplemented:
                    return out
        if any_half(args):
            return importlib.import_module("shared_ops.half").compute(self, xp, args, attrs)
        return self.kernel(xp, *args, **attrs)

    # fast forms -------------------------------------------------------------------------------------------------
    # Looked up at the first call, for they load Numba. `quick` is the fast form of an elementwise op: it refuses by
    # itself what does not fit, so it may be called before the inputs are checked. `fused` does its gradient rule.

    def _find_fast(self) -> Callable | None:
        """The op's form for CPUs in `shared_ops.kernels`: in the module that is called as the one of its definition,

        or among the elementwise ones, which have their expressions in one place.
        """
        self._fast = self.quick = self.fused = None
        if os.environ.get("LOCKSTEP_KERNELS", "fast") != "numpy":
            family = f"shared_ops.kernels.{self.__module__.rpartition('.')[2]}"
            if importlib.util.find_spec(family):
                self._fast = importlib.import_module(family).KERNELS.get(self.name)
            elementwise = importlib.import_module("shared_ops.kernels.elementwise")
            if self._fast is None and self.name in elementwise.KERNELS:
                self._fast = elementwise.KERNELS[self.name]
            if self._fast is elementwise.KERNELS.get(self.name, UNKNOWN):
                self.quick = None if any(kind == "spec" for _, kind, _ in self._sources) else self._fast
                self.fused = importlib.import_module("shared_ops.kernels.gradients").FusedGradient(self)
        return self._fast

    def _find_quick(self, *args: Any) -> Any:
        self._find_fast()
        return self.quick(*args) if self.quick is not None else NotImplemented

    def _find_fused(self, *gradient_and_values: Any) -> Any:
        self._find_fast()
        return self.fused(*gradient_and_values) if self.fused is not None else None

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    # definition -------------------------------------------------------------------------------------------------
    def spec(self, rule: Callable) -> Callable:
        """Decorator: the rule that says, from the inputs' Specs, what comes out, or raises SpecError."""
        self.spec_rule = rule
        return rule

    def grad(self, rule: Callable) -> Callable:
        """Decorator: the gradient rule. It takes `g` and, by name, just what it needs, and the tape keeps only that:

        an input (`x`), `out` or a further output, a setting, `x_spec` (an input's Spec without its data), or `wants`:
        per input, whether anybody asks for its gradient. It returns a gradient, or None, for each input.

        A rule whose first parameter is `gs` takes the gradients of all outputs, None for one that none came for; any
        other is asked with the first output's, and the further outputs are not differentiable.
        """
        first, *needs = inspect.signature(rule).parameters
        self.takes_every_gradient = first == "gs"
        self.grad_rule, self._sources = rule, tuple((name, *self._source(name)) for name in needs)
        self.kept = tuple((name, kind == "output", at) for name, kind, at in self._sources if kind in ARRAYS)
        return rule

    def _source(self, name: str) -> tuple[str, Any]:
        """Where the value of this name comes from: its kind, and where among those, or a setting's default."""
        inputs: dict[str, Any] = {n: i for i, n in enumerate(self.inputs)}
        if self.variadic:
            inputs[self.variadic] = slice(len(self.inputs), None)
        if name in inputs:
            return "input", inputs[name]
        if name in self.outputs:
            return "output", self.outputs.index(name)
        if name in self.attrs:
            return "setting", self.attrs[name]
        return ("wants", None) if name == "wants" else ("spec", inputs[name.removesuffix("_spec")])

    # use --------------------------------------------------------------------------------------------------------
    def infer(self, specs: tuple[Any, ...], attrs: Mapping[str, Any]) -> tuple[Spec, ...]:
        """The Specs of the outputs for these inputs. Raises SpecError in words when they do not fit."""
        unknown = attrs.keys() - self.attrs.keys()
        if unknown:
            raise SpecError(
                f"{self.name} has no setting {sorted(unknown)[0]!r}; it takes {', '.join(self.attrs) or 'none'}"
            )
        if self.variadic is None and len(specs) != len(self.inputs):
            raise SpecError(f"{self.name} takes {len(self.inputs)} inputs ({', '.join(self.inputs)}); got {len(specs)}")
        assert self.spec_rule is not None, f"{self.name} has no spec rule"
        try:
            out = self.spec_rule(*specs, **attrs)
        except SpecError as error:
            if str(error).startswith(self.name):
                raise
            raise SpecError(f"{self.name}: {error}") from None
        return out if isinstance(out, tuple) else (out,)

    def check(self, args: Sequence[Any], attrs: Mapping[str, Any]) -> tuple[Any, ...]:
        """The Specs of these arrays and numbers. Raises SpecError when they do not fit.

        The rule is asked once for each signature; the answer is remembered.
        """
        signature = [type(a) if type(a) in NUMBERS else (a.shape, a.dtype) for a in args]
        key: Any = (*signature, *attrs.items()) if attrs else tuple(signature)
        try:
            specs = self._checked.get(key)
        except TypeError:  # a slice among the settings has no hash of its own
            key = (*signature, *[(name, _hashable(value)) for name, value in attrs.items()])
            specs = self._checked.get(key)
        if specs is None:
            specs = tuple(map(spec_of, args))
            self.infer(specs, attrs)
            if len(self._checked) >= CHECKED_SIGNATURES_PER_OP:
                self._checked.clear()
            self._checked[key] = specs
        return specs

    def known(
        self,
        args: Sequence[Any],
        outputs: Sequence[Any],
        attrs: Mapping[str, Any],
        specs: Sequence[Any],
        wants: tuple[bool, ...],
    ) -> dict[str, Any]:
        """The values that the gradient rule asks for, by name."""
        known = {name: (outputs if is_output else args)[at] for name, is_output, at in self.kept}
        return self.with_facts(known, attrs, specs, wants)

    def with_facts(
        self, kept: dict[str, Any], attrs: Mapping[str, Any], specs: Sequence[Any], wants: Sequence[Any]
    ) -> dict[str, Any]:
        """The arrays that were kept and, beside them, what the rule asks for that takes no memory."""
        if len(kept) != len(self._sources):
            for name, kind, at in self._sources:
                if kind == "setting":
                    kept[name] = attrs.get(name, at)
                elif kind not in ARRAYS:
                    kept[name] = tuple(map(bool, wants)) if kind == "wants" else specs[at]
        return kept

    def differentiable(self, output: int) -> bool:
        """Whether gradients flow back from this output."""
        return self.grad_rule is not None and (output == 0 or self.takes_every_gradient)

    def _gradient(self, g: Any, known: Mapping[str, Any]) -> Any:
        """What the rule gives. On arrays NumPy's operators stand for the ops; but they would not do for halves."""
        assert self.grad_rule is not None, f"{self.name} has no gradient rule"
        if any_half(g if type(g) is tuple else (g,)) or any_half(known.values()):
            return importlib.import_module("shared_ops.half").apply(self.grad_rule, g, known)
        return self.grad_rule(g, **known)

    def backward(self, arrived: Mapping[int, Any], known: Mapping[str, Any]) -> tuple[Any, ...]:
        """A gradient, or None, for each input, from the gradients that arrived for outputs, by their number."""
        every = self.takes_every_gradient
        g = tuple(arrived.get(i) for i in range(len(self.outputs))) if every else arrived[0]
        grads = self._gradient(g, known)
        return grads if isinstance(grads, tuple) else (grads,)


def _hashable(setting: Any) -> Any:
    """A setting as part of a key: lists and slices by their parts."""
    if isinstance(setting, slice):
        return slice, setting.start, setting.stop, setting.step
    return tuple(map(_hashable, setting)) if isinstance(setting, tuple | list) else setting


def any_half(values: Iterable[Any]) -> bool:
    """Whether one of them is an array of half floats, which only `shared_ops.half` computes with."""
    for a in values:  # noqa: SIM110 - a generator would cost as much as the loop, at each call of an op
        if getattr(a, "dtype", None) in HALVES and not hasattr(a, "__apply_op__"):
            return True
    return False


def op(kernel: Callable | None = None, *, spec: Callable | None = None, outputs: tuple[str, ...] = ("out",)) -> Any:
    """Decorator that turns a kernel `name(xp, *arrays, *, settings)` into the op `name` and enters it in REGISTRY."""
    return Op(kernel, spec, outputs) if kernel else lambda kernel: Op(kernel, spec, outputs)


def refuse_other_world(op: Op, listener: Any, a: Any) -> None:
    """Raise TypeError when an argument beside the one that answers belongs to the other world."""
    if hasattr(a, "__apply_op__"):
        kinds = f"a {listener.world} {type(listener).__name__} and a {a.world} {type(a).__name__}"
        raise TypeError(
            f"{op.name} got both {kinds}; the two worlds meet only in promote(model, example), and there a tensor that "
            "a module uses is to be its Parameter, or its buffer: self.register_buffer(name, tensor)"
        )
