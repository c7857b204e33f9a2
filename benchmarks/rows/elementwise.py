"""Every elementwise op that PyTorch has too, forward, without recording, from a thousand elements to ten million."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import Library, Prepare, Row, Section, draw

SIZES = {"1e3": 10**3, "1e4": 10**4, "1e5": 10**5, "1e6": 10**6, "1e7": 10**7}

KINDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "n": lambda rng, n: rng.standard_normal(n, dtype=np.float32),
    "w": lambda rng, n: 9 * rng.standard_normal(n, dtype=np.float32),  # wide
    "p": lambda rng, n: rng.random(n, dtype=np.float32) + np.float32(0.1),  # positive
    "u": lambda rng, n: np.float32(1.9) * rng.random(n, dtype=np.float32) - np.float32(0.95),  # between -1 and 1
    "i": lambda rng, n: rng.integers(0, 9, n),
    "b": lambda rng, n: rng.random(n) < 0.5,
}

# what ops take, a letter of KINDS for each input
KINDS_OF: dict[str, str] = {
    "n": """neg abs sign square sigmoid logsigmoid softsign hardsigmoid hardtanh relu relu6 leaky_relu softplus elu celu
         selu silu mish hardswish gelu exp exp2 expm1 sin cos tan atan sinh cosh tanh erf erfc isnan isinf isfinite
         clamp cast""",
    "w": "floor ceil round trunc frac",
    "p": "sqrt rsqrt reciprocal log log2 log10 log1p",
    "u": "asin acos",
    "b": "logical_not",
    "i": "bitwise_not",
    "nn": "add sub mul maximum minimum atan2 eq ne lt le gt ge",
    "np": "div",
    "pn": "pow",
    "wp": "floor_div remainder",
    "bb": "logical_and logical_or logical_xor",
    "ii": "bitwise_and bitwise_or bitwise_xor left_shift right_shift",
    "nnp": "lerp",
    "bnn": "where",
}
TAKES = {name: kinds for kinds, names in KINDS_OF.items() for name in names.split()}
SETTINGS: dict[str, dict[str, Any]] = {"clamp": {"min": -0.5, "max": 0.5}, "cast": {"dtype": "float64"}}

# where PyTorch has another name for it, or another call
THEIRS: dict[str, Callable[..., Any]] = {
    "cast": lambda torch: lambda x, dtype: x.to(getattr(torch, dtype)),
    "floor_div": lambda torch: torch.floor_divide,
    "left_shift": lambda torch: torch.bitwise_left_shift,
    "right_shift": lambda torch: torch.bitwise_right_shift,
    "logsigmoid": lambda torch: torch.nn.functional.logsigmoid,
}


def _function(lib: Library, name: str) -> Callable[..., Any]:
    if lib.ours:
        return getattr(lib.ops, name)
    if name in THEIRS:
        return THEIRS[name](lib.torch)
    home = lib.torch if hasattr(lib.torch, name) else lib.torch.nn.functional
    return getattr(home, name)


def _prepare(name: str, size: int) -> Prepare:
    def prepare(lib: Library) -> Callable[[], Any]:
        rng, settings = draw(), SETTINGS.get(name)
        function = _function(lib, name)
        inputs = [lib.tensor(KINDS[kind](rng, size)) for kind in TAKES[name]]
        if settings:
            return lambda: (function(*inputs, **settings),)
        if len(inputs) == 1:
            (x,) = inputs
            return lambda: (function(x),)
        return lambda: (function(*inputs),)

    return prepare


def sections() -> list[Section]:
    title = "elementwise"
    rows = [Row(title, name, label, _prepare(name, n), 1.0) for name in TAKES for label, n in SIZES.items()]
    return [Section(title, rows, goal=1.5)]
