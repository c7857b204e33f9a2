"""Gradient rules of elementwise ops as one kernel each, traced from the rule itself.

The rule is run once on Symbols; what it wrote down is compiled. Since each expression in it is the one that the op's
own kernel has, the fused gradient has the very bits that the rule gives op by op.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from shared_ops.kernels.elementwise import GIVES_BOOL, SMALL, number_array, run
from shared_ops.kernels.expressions import EXACT
from shared_ops.kernels.formula import BOOL, F4, CannotTrace, Formula, Symbol

UNKNOWN = object()
MOST_VARIANTS = 32  # kernels for one rule, where numbers had to be compiled into them


class FusedGradient:
    """The gradient rule of one op, for float32 arrays of one shape; None for anything else."""

    def __init__(self, op: Any):
        self.op = op
        self.compiled: dict[Any, Callable | None] = {}

    def __call__(self, g: np.ndarray, known: Mapping[str, Any]) -> tuple[Any, ...] | None:
        if g.dtype is not F4:
            return None
        arrays, numbers, key = [g], [], []
        shape = g.shape
        for value in known.values():
            kind = type(value)
            if kind is np.ndarray:
                dtype = value.dtype
                if value.shape != shape or (dtype is not F4 and dtype is not BOOL):
                    return None
                arrays.append(value)
                key.append("v" if dtype is F4 else "b")
            elif kind is float or kind is int:
                numbers.append(value)
                key.append("s")
            elif kind is tuple or kind is str or value is None:
                key.append(value)
            else:
                return None
        key = tuple(key)
        found = self.compiled.get(key, UNKNOWN)
        if found is UNKNOWN:
            found = self.compiled[key] = self._trace(known)
        if found is None and numbers:
            found = self._with_numbers((key, *numbers), known)
            numbers = []
        return None if found is None else found(arrays, numbers)

    def _with_numbers(self, key: Any, known: Mapping[str, Any]) -> Callable | None:
        """For a rule that branches on its numbers: a kernel for these very ones."""
        if key not in self.compiled and len(self.compiled) < MOST_VARIANTS:
            self.compiled[key] = self._trace(known, symbols_for_numbers=False)
        return self.compiled.get(key)

    def _trace(self, known: Mapping[str, Any], symbols_for_numbers: bool = True) -> Callable | None:
        steps: list[Any] = []
        kinds, values, numbers = "v", {}, 0
        for name, value in known.items():
            if type(value) is np.ndarray:
                values[name] = Symbol(f"e{len(kinds)}", steps)
                kinds += "v" if value.dtype is F4 else "b"
            elif type(value) in (int, float) and symbols_for_numbers:
                values[name] = Symbol(f"s{numbers}", steps)
                numbers += 1
            else:
                values[name] = value
        try:
            grads = self.op.grad_rule(Symbol("e0", steps), **values)
        except CannotTrace:
            return None
        return compiled(kinds, numbers, steps, grads if isinstance(grads, tuple) else (grads,))


def compiled(kinds: str, numbers: int, steps: list[Any], results: tuple[Any, ...]) -> Callable | None:
    """A function of (arrays, numbers) that gives the results: Symbols, of which some may be inputs, and None."""
    given = {f"e{i}": i for i in range(len(kinds))}
    if any(r is not None and (not isinstance(r, Symbol) or r.name.startswith("s")) for r in results):
        return None
    made = list(dict.fromkeys(r.name for r in results if r is not None and r.name not in given))
    bools = {result for result, name, _ in steps if name in GIVES_BOOL}
    formula = Formula(kinds, numbers, steps, [(name, "b" if name in bools else "v") for name in made])
    places = [None if r is None else (r.name in given, given.get(r.name, 0) if r.name in given else made.index(r.name)) for r in results]
    quick = _quick(steps, kinds)

    def call(arrays: list[np.ndarray], values: list[float]) -> tuple[Any, ...]:
        if not made:
            outs: list[Any] = []
        elif quick is not None and arrays[0].size < SMALL:
            outs = [quick(arrays, values)]
        else:
            outs = run(formula, arrays, tuple(values))
        return tuple([None if p is None else arrays[p[1]] if p[0] else outs[p[1]] for p in places])

    return call


def _quick(steps: list[Any], kinds: str) -> Callable | None:
    """NumPy's own function, for a formula of one step that it does with the same bits."""
    if len(steps) != 1 or steps[0][1] not in EXACT:
        return None
    _, name, operands = steps[0]
    function = EXACT[name]
    if not all(o[1:].isdigit() for o in operands):
        return None
    places = [(o[0] == "e", int(o[1:])) for o in operands]

    def quick(arrays: list[np.ndarray], values: list[float]) -> Any:
        return np.asarray(function(*[arrays[i] if array else number_array(values[i]) for array, i in places]))

    return quick
