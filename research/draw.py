"""draw: the tape behind a tensor as a picture."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from research.tape import Leaf, Step
from research.tensor import Tensor
from shared_ops.files import write_atomically
from shared_ops.layered import Box
from shared_ops.layered import draw as draw_layers
from shared_ops.spec import Spec, spec_of

MOST_STEPS = 2000  # more are no picture any more


class Picture(str):
    """An SVG, which a notebook shows and `save` writes."""

    def _repr_svg_(self) -> str:
        return str(self)

    def save(self, path: str | os.PathLike) -> None:
        write_atomically(Path(path), self.encode())


def draw(tensor: Tensor, names: Mapping[str, Tensor] | None = None) -> Picture:
    """The steps and leaves that a tensor was made from, as SVG.

    `names` for the leaves: `dict(model.named_parameters())`. Raises ValueError for a tensor without history, or with
    more than MOST_STEPS steps.
    """
    if not isinstance(tensor.step, Step):
        raise ValueError(f"draw shows how a tensor was made; {spec_of(tensor.array)} has no history")
    named = {id(t.step): name for name, t in (names or {}).items() if t.step is not None}
    boxes: dict[Hashable, Box] = {"result": Box(("result", str(spec_of(tensor.array))), "output")}
    edges: list[tuple[Hashable, Hashable, str]] = [(id(tensor.step), "result", "")]
    waiting: list[tuple[Any, Any]] = [(tensor.step, spec_of(tensor.array))]
    while waiting:
        step, spec = waiting.pop()
        if id(step) in boxes:
            continue
        if len(boxes) > MOST_STEPS:
            raise ValueError(f"draw shows at most {MOST_STEPS} steps; this tensor was made by more")
        boxes[id(step)] = _box(step, named)
        if isinstance(step, Leaf):
            continue
        for i, edge in enumerate(step.parents):
            if edge is not None:
                came = step.input_specs[i] if step.input_specs else spec
                known = came if isinstance(came, Spec) else None
                edges.append((id(edge[0]), id(step), "" if known is None else str(list(known.shape))))
                waiting.append((edge[0], known))
    return Picture(draw_layers(boxes, edges, "tape"))


def _box(step: Any, names: Mapping[int, str]) -> Box:
    if isinstance(step, Leaf):
        tensor = step.tensor()
        words = "freed" if tensor is None else str(spec_of(tensor.array))
        return Box((names.get(id(step), "leaf"), words), "parameter")
    settings = tuple(f"{name}={value}"[:40] for name, value in step.attrs.items())[:3]
    return Box((step.op.name, *settings))
