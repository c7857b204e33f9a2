"""One step of an optimiser, against PyTorch's default form of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import Library, Prepare, Row, Section, normal

TITLE, GOAL = "optimiser step", 2.0

OPTIMISERS: dict[str, Callable[[Any, Any], Any]] = {
    "SGD": lambda optim, params: optim.SGD(params, lr=1e-4),
    "SGD momentum": lambda optim, params: optim.SGD(params, lr=1e-4, momentum=0.9),
    "Adam": lambda optim, params: optim.Adam(params, lr=1e-4),
    "AdamW": lambda optim, params: optim.AdamW(params, lr=1e-4),
}
PARAMETERS = {"1e5": [10**5], "1e7": [10**7], "50 of 1000": [1000] * 50}


def _prepare(name: str, sizes: list[int]) -> Prepare:
    def prepare(lib: Library) -> Callable[[], Any]:
        params = []
        for i, size in enumerate(sizes):
            p = lib.tensor(normal(size, seed=i), requires_grad=True)
            p.grad = lib.tensor(np.float32(0.1) * normal(size, seed=100 + i))
            params.append(p)
        optimiser = OPTIMISERS[name](lib.torch.optim, params)

        def step() -> Any:
            optimiser.step()
            return params

        return step

    return prepare


def sections() -> list[Section]:
    # one part each, so that none hides behind another
    rows = [
        Row(TITLE, f"{name} {label}", "", _prepare(name, sizes), GOAL)
        for name in OPTIMISERS
        for label, sizes in PARAMETERS.items()
    ]
    return [Section(TITLE, rows)]
