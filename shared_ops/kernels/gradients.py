"""Gradient rules of elementwise ops as one kernel each, traced from the rule itself.

The rule is run once on Symbols; what it wrote down is compiled. Since each expression in it is the one that the op's
own kernel has, the fused gradient has the very bits that the rule gives op by op.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from shared_ops.kernels.elementwise import GIVES_BOOL, number_array, run
from shared_ops.kernels.expressions import EXACT, few
from shared_ops.kernels.formula import BOOL, F4, CannotTrace, Formula, Symbol

UNKNOWN = object()
MOST_VARIANTS = 32  # kernels for one rule, where numbers had to be compiled into them


class FusedGradient:
    """The gradient rule of one op, for float32 arrays that all have one shape; None for what is not that.

    Called with the gradient, the values that the rule asks for of the arrays and numbers of the op's call, and that
    call's step, which tells its settings and which inputs' gradients are wanted.
    """

    def __init__(self, op: Any):
        self.op = op
        self.plain = len(op.kept) == len(op._sources)  # it asks for neither settings nor what is wanted
        self.compiled: dict[Any, Callable | None] = {}

    def __call__(self, g: np.ndarray, values: list[Any], step: Any) -> tuple[Any, ...] | None:
        if type(g) is not ndarray or g.dtype is not F4:
            return None
        key = tuple([type(v) for v in values]) if self.plain else self._key(values, step)
        found: Any = self.compiled.get(key, UNKNOWN)
        if found is UNKNOWN:
            found = self.compiled[key] = self._trace(values, step)
        if found is None:
            found = self._with_numbers((key, *[v for v in values if type(v) is not ndarray]), values, step)
            return None if found is None else found([g, *[v for v in values if type(v) is ndarray]], [])
        if step.pattern is not None:
            self.op.fused_by_pattern[step.pattern] = found  # so that the next step of this pattern need not come here
        arrays: list[ndarray] = [g]
        numbers: list[float] = []
        for value in values:
            (arrays if type(value) is ndarray else numbers).append(value)
        for name, default in self._number_settings(step):
            numbers.append(step.attrs.get(name, default))
        return found(arrays, numbers)

    def _key(self, values: list[Any], step: Any) -> Any:
        settings = [(n, step.attrs.get(n, d)) for n, kind, d in self.op._sources if kind == "setting"]
        words = [(n, type(v) if type(v) in (int, float) else v) for n, v in settings]
        kinds = [v.dtype.char if type(v) is ndarray else type(v) for v in values]
        return *kinds, *words, *[parent is None for parent in step.parents]

    def _number_settings(self, step: Any) -> list[tuple[str, Any]]:
        if self.plain:
            return []
        return [(n, d) for n, kind, d in self.op._sources if kind == "setting" and _is_number(step, n, d)]

    def _with_numbers(self, key: Any, values: list[Any], step: Any) -> Callable | None:
        """For a rule that branches on its numbers: a kernel for these very ones."""
        key = (*key, *step.attrs.items())
        if key not in self.compiled and len(self.compiled) < MOST_VARIANTS:
            self.compiled[key] = self._trace(values, step, symbols_for_numbers=False)
        return self.compiled.get(key)

    def _trace(self, values: list[Any], step: Any, symbols_for_numbers: bool = True) -> Callable | None:
        steps: list[Any] = []
        kinds, numbers = "v", 0
        known: dict[str, Any] = {}
        facts = {name: step.attrs.get(name, default) for name, kind, default in self.op._sources if kind == "setting"}
        for name, value in [*zip([kept[0] for kept in self.op.kept], values, strict=True), *facts.items()]:
            if type(value) is ndarray:
                if value.dtype is not F4 and value.dtype is not BOOL:
                    return None
                known[name] = Symbol(f"e{len(kinds)}", steps)
                kinds += "v" if value.dtype is F4 else "b"
            elif type(value) in (int, float) and symbols_for_numbers:
                known[name] = Symbol(f"s{numbers}", steps)
                numbers += 1
            elif isinstance(value, tuple):
                return None
            else:
                known[name] = value
        if any(name == "wants" for name, _, _ in self.op._sources):
            known["wants"] = tuple(parent is not None for parent in step.parents)
        try:
            grads = self.op.grad_rule(Symbol("e0", steps), **known)
        except CannotTrace:
            return None
        return compiled(kinds, numbers, steps, grads if isinstance(grads, tuple) else (grads,))


def _is_number(step: Any, name: str, default: Any) -> bool:
    return type(step.attrs.get(name, default)) in (int, float)


def compiled(kinds: str, numbers: int, steps: list[Any], results: tuple[Any, ...]) -> Callable | None:
    """A function of (arrays, numbers) that gives the results: Symbols, of which some may be inputs, and None."""
    given = {f"e{i}": i for i in range(len(kinds))}
    if any(r is not None and (not isinstance(r, Symbol) or r.name.startswith("s")) for r in results):
        return None
    made = list(dict.fromkeys(r.name for r in results if r is not None and r.name not in given))
    bools = {result for result, name, _ in steps if name in GIVES_BOOL}
    formula = Formula(kinds, numbers, steps, [(name, "b" if name in bools else "v") for name in made])
    quick, limit = _quick(steps, kinds), few(steps[0][1]) if steps else 0
    if len(results) == len(made) == 1:

        def one(arrays: list[np.ndarray], values: list[float]) -> tuple[Any, ...]:
            if quick is not None and arrays[0].size < limit:
                return (quick(arrays, values),)
            return tuple(run(formula, arrays, tuple(values)))

        return one
    places = [None if r is None else (r.name in given, given.get(r.name, -1)) for r in results]
    places = [p if p is None or p[0] else (False, made.index(r.name)) for p, r in zip(places, results, strict=True)]
    if not made:
        inputs = [None if p is None else p[1] for p in places]
        return lambda arrays, values: [None if i is None else arrays[i] for i in inputs]

    def several(arrays: list[np.ndarray], values: list[float]) -> list[Any]:
        if quick is not None and arrays[0].size < limit:
            outs = [quick(arrays, values)]
        else:
            outs = run(formula, arrays, tuple(values))
        return [None if p is None else arrays[p[1]] if p[0] else outs[p[1]] for p in places]

    return several


def _quick(steps: list[Any], kinds: str) -> Callable | None:
    """NumPy's own function, for a formula of one step that it does with the same bits."""
    if len(steps) != 1 or steps[0][1] not in EXACT:
        return None
    _, name, operands = steps[0]
    function = EXACT[name]
    if not all(o[1:].isdigit() for o in operands):
        return None
    places = [(o[0] == "e", int(o[1:])) for o in operands]
    if len(places) == 2 and places[0][0] and places[1][0]:
        i, j = places[0][1], places[1][1]
        return lambda arrays, values: function(arrays[i], arrays[j])

    def quick(arrays: list[np.ndarray], values: list[float]) -> Any:
        return function(*[arrays[i] if array else number_array(values[i]) for array, i in places])

    return quick
