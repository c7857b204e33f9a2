"""summary: a model as a table of its layers, with shapes, parameters and multiply-adds."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from research.grad_mode import GradMode
from research.intercept import around_ops
from research.nn.module import Module
from research.tensor import Tensor
from shared_ops.op import Op

RECURRENT = {"rnn_layer": 1, "lstm_layer": 4, "gru_layer": 3}  # gates


@dataclass
class Layer:
    """A row: a module, where it stands, what it gave, and what it cost."""

    name: str
    kind: str
    depth: int
    output_shape: Any = None
    parameters: int = 0
    multiply_adds: int = 0


@dataclass
class Summary:
    """The layers in the order of their calls, and sums; as text a table."""

    layers: list[Layer] = field(default_factory=list)
    parameters: int = 0
    trainable: int = 0
    multiply_adds: int = 0
    parameter_bytes: int = 0

    def __str__(self) -> str:
        cells = [("layer", "kind", "output", "parameters", "multiply-adds")]
        for row in self.layers:
            name = "  " * row.depth + (row.name.rpartition(".")[2] or "(model)")
            shape = _words(row.output_shape)
            cells.append((name, row.kind, shape, f"{row.parameters:,}", f"{row.multiply_adds:,}"))
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(
                cell.rjust(w) if i > 2 else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
            for row in cells
        ]
        lines.insert(1, "-" * len(lines[0]))
        lines += [
            "-" * len(lines[1]),
            f"parameters: {self.parameters:,}, of which {self.trainable:,} are learned; "
            f"{self.parameter_bytes / 2**20:.2f} MiB",
            f"multiply-adds of a forward pass: {self.multiply_adds:,}",
        ]
        return "\n".join(lines)


def summary(model: Module, *inputs: Any) -> Summary:
    """Run a model on inputs, which may be given by their shapes, and tell of each layer what it gave and cost.

    Multiply-adds are those of products, convolutions, attention and recurrent steps, as the ops that ran say; a module
    counts what ran inside it, and its own parameters with those of the modules inside.
    """
    values = [Tensor(_zeros(x)) if isinstance(x, tuple | list) else x for x in inputs]
    rows: dict[int, Layer] = {}
    open_layers: list[Layer] = []
    found = Summary()

    def enter(module: Module, _: Any) -> None:
        row = rows[id(module)]
        if row.output_shape is None and row not in found.layers:
            found.layers.append(row)
        open_layers.append(row)

    def leave(module: Module, _: Any, output: Any) -> None:
        open_layers.pop().output_shape = _shapes(output)

    def count(proceed: Any, op: Op, args: tuple, attrs: dict[str, Any]) -> Any:
        out = proceed(op, args, attrs)
        cost = multiply_adds(op, args, attrs, out)
        found.multiply_adds += cost
        for row in {id(r): r for r in open_layers}.values():
            row.multiply_adds += cost
        return out

    with ExitStack() as hung:
        for name, module in model.named_modules():
            size = sum(p.numel() for p in module.parameters())
            rows[id(module)] = Layer(name, type(module).__name__, name.count(".") + bool(name), None, size)
            hung.enter_context(module.register_forward_pre_hook(enter))
            hung.enter_context(module.register_forward_hook(leave))
        hung.enter_context(around_ops(count))
        hung.enter_context(GradMode(False))
        model(*values)
    every = list(model.parameters())
    found.parameters = sum(p.numel() for p in every)
    found.trainable = sum(p.numel() for p in every if p.requires_grad)
    found.parameter_bytes = sum(p.nbytes for p in every)
    return found


def multiply_adds(op: Op, args: tuple, attrs: dict[str, Any], out: Any) -> int:
    """How many multiplications with addition an op does, by the shapes that came; 0 for all that is no product."""
    first = out[0] if isinstance(out, tuple) else out
    size = math.prod(first.shape)
    if op.name in ("matmul", "linear"):
        return size * args[0].shape[-1]
    if op.name in ("conv", "conv_input"):  # each weight of a filter, at each place of the smaller side
        whole = size if op.name == "conv" else math.prod(args[0].shape)
        return whole * math.prod(args[1].shape[1:])
    if op.name == "attention":
        q, k, v = args[:3]
        return math.prod(q.shape[:-1]) * k.shape[-2] * (q.shape[-1] + v.shape[-1])
    if op.name in RECURRENT:
        steps, rows, width = args[0].shape
        hidden = first.shape[-1]
        return steps * rows * RECURRENT[op.name] * hidden * (width + hidden)
    return 0


def _zeros(shape: Any) -> Any:
    return np.zeros(tuple(shape), np.float32)


def _shapes(output: Any) -> Any:
    if hasattr(output, "shape"):
        return tuple(output.shape)
    if isinstance(output, tuple | list):
        return [_shapes(o) for o in output]
    return None


def _words(shape: Any) -> str:
    if isinstance(shape, list):
        return ", ".join(filter(None, map(_words, shape)))
    return "" if shape is None else str(list(shape))
