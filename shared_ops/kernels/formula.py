"""Formula: a few elementwise ops on the same elements, made into one chunk kernel.

A formula is traced: run an op, or a gradient rule, on Symbols, and they write down which expressions it applies.
Its source goes into a file of the cache folder, since Numba keeps compiled code only beside a file.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from shared_ops.files import write_atomically
from shared_ops.kernels import division, expressions, scalar
from shared_ops.kernels.division import USUAL
from shared_ops.kernels.expressions import EXPRESSIONS, VARIANT_SETTING, VARIANTS
from shared_ops.operators import Operators

F4, BOOL = np.dtype(np.float32), np.dtype(np.bool_)

_compiling = threading.Lock()


class CannotTrace(TypeError):
    """What was to be traced is more than elementwise expressions of numbers."""


class Symbol(Operators):
    """A value of a formula: it answers ops by writing them down in `steps`, as (result, expression, operands)."""

    world = "formula"

    def __init__(self, name: str, steps: list[tuple[str, str, tuple[str, ...]]]):
        self.name, self.steps = name, steps

    @property
    def shape(self) -> tuple[Any, ...]:
        raise CannotTrace("a formula knows no shapes")

    def __bool__(self) -> bool:
        raise CannotTrace("a formula does not branch on values")

    def __apply_op__(self, op: Any, args: tuple, attrs: dict[str, Any]) -> Symbol:
        if len(op.outputs) > 1:
            raise CannotTrace(op.name)
        if op.name == "pow" and type(args[1]) in (int, float) and args[1] == 1:
            return args[0]
        name, operands = expression_of(op, args, attrs)
        result = f"v{len(self.steps)}"
        self.steps.append((result, name, tuple(map(_written, operands))))
        return Symbol(result, self.steps)


def expression_of(op: Any, args: Sequence[Any], attrs: dict[str, Any]) -> tuple[str, list[Any]]:
    """The name of the expression for such a call, and all its operands. Raises CannotTrace when there is none."""
    settings = {**op.attrs, **attrs}
    word = VARIANT_SETTING.get(op.name)
    name = VARIANTS[op.name].get(settings.pop(word), "") if word else op.name
    if op.name == "pow" and args[1] == 2 and isinstance(args[1], int | float):
        name, args = "square", args[:1]
    if name not in EXPRESSIONS:
        raise CannotTrace(op.name)
    return name, [*args, *settings.values()]


def _written(operand: Any) -> str:
    if isinstance(operand, Symbol):
        return operand.name
    if type(operand) not in (bool, int, float):
        raise CannotTrace(repr(operand))
    return f"f4({float(operand)!r})" if abs(operand) < float("inf") and operand == operand else f"f4('{operand}')"


class Formula:
    """The chunk kernel of some steps. `kinds`: per input `v` for float32 elements, `b` for booleans; then numbers."""

    def __init__(
        self, kinds: str, numbers: int, steps: Sequence[tuple], results: Sequence[tuple[str, str]], over: bool = False
    ):
        """`over`: the one result is written over the first input; there is no place for it among the pointers.

        Compiled code that was given that array twice could not know it, and would go element by element.
        """
        self.over = over
        self.kinds, self.numbers, self.steps, self.results = kinds, numbers, tuple(steps), tuple(results)
        self.dtypes = tuple(F4 if kind == "v" else BOOL for _, kind in results)

    @functools.cached_property
    def address(self) -> int:
        """Where the machine code is; compiled, or taken from the cache, at the first asking."""
        with _compiling:
            self._kernel = _load(self.source).chunk  # kept, for the code lives as long as it does
        return self._kernel.address

    @functools.cached_property
    def first_as_number(self) -> Formula:
        """The same formula for a first input that is one number all over; it comes after the other numbers."""
        renamed = {f"e{i}": f"e{i - 1}" for i in range(1, len(self.kinds))} | {"e0": f"s{self.numbers}"}
        steps = [(result, name, tuple(renamed.get(o, o) for o in operands)) for result, name, operands in self.steps]
        return Formula(self.kinds[1:], self.numbers + 1, steps, self.results)

    @functools.cached_property
    def source(self) -> str:
        pointers = {"v": "FLOATS", "b": "BOOLS"}
        inputs = [f"x{i}" for i in range(len(self.kinds))]
        outputs = [] if self.over else [f"out{i}" for i in range(len(self.results))]
        places = ["x0"] if self.over else outputs
        numbers = [f"s{i}" for i in range(self.numbers)]
        kinds = [pointers[k] for k in self.kinds] + [pointers[kind] for _, kind in self.results[: len(outputs)]]
        signature = ", ".join([*kinds, "types.int64", *["types.float32"] * self.numbers])
        used = sorted({name for _, name, _ in self.steps})
        read = [f"        e{i} = {x}[i]" for i, x in enumerate(inputs)]
        compute = [f"        {result} = {name}({', '.join(operands)})" for result, name, operands in self.steps]
        write = [f"        {out}[i] = {value}" for out, (value, _) in zip(places, self.results, strict=True)]
        body = ["    for i in range(count):", *read, *compute, *write]
        if USUAL.keys() & used:
            body = self._usual_first(read, write, body)
        return "\n".join(
            [
                "import numpy as np",
                "from numba import cfunc, types",
                "from shared_ops.kernels.division import USUAL",
                "from shared_ops.kernels.expressions import EXPRESSIONS",
                "",
                "f4, FLOATS, BOOLS = np.float32, types.CPointer(types.float32), types.CPointer(types.uint8)",
                *[f"{name} = EXPRESSIONS[{name!r}]" for name in used],
                *[f"{name}_usual, {name}_unusual = USUAL[{name!r}]" for name in used if name in USUAL],
                "",
                "",
                f'@cfunc(types.void({signature}), cache=True, error_model="numpy")',
                f"def chunk({', '.join([*inputs, *outputs, 'count', *numbers])}):",
                *body,
                "",
            ]
        )

    def _usual_first(self, read: list[str], write: list[str], again: list[str]) -> list[str]:
        """The loop with the quick forms in it, which are for usual numbers alone, and, if others came, the true one.

        So an output must not lie where an input does.
        """
        compute = []
        for result, name, operands in self.steps:
            given, quick = ", ".join(operands), name in USUAL
            compute += [f"        unusual |= {name}_unusual({given})"] if quick else []
            compute += [f"        {result} = {name}{'_usual' if quick else ''}({given})"]
        first = ["    unusual = 0", "    for i in range(count):", *read, *compute, *write]
        return [*first, "    if unusual:", *["    " + line for line in again]]


@functools.cache
def cache_folder() -> Path:
    """Where generated kernels are kept: $LOCKSTEP_CACHE, or lockstep in the user's cache folder.

    Where nothing can be written, a folder of this process alone.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("LOCKSTEP_CACHE") or base / "lockstep" / "kernels")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="lockstep-kernels-"))


@functools.cache
def _version() -> bytes:
    """What compiled formulas depend on beside their own source."""
    return b"".join(Path(str(module.__file__)).read_bytes() for module in (division, expressions, scalar))


def _load(source: str) -> ModuleType:
    """The module of a source, by way of a file in the cache folder."""
    name = "formula_" + hashlib.sha256(source.encode() + _version()).hexdigest()[:24]
    path = cache_folder() / f"{name}.py"
    if not path.exists():
        write_atomically(path, source.encode())
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where Numba looks for it when it takes compiled code from its cache
    spec.loader.exec_module(module)
    return module
