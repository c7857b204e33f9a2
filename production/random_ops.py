"""Random nodes: new numbers at every run, from a generator's state that the Session keeps."""

from __future__ import annotations

import secrets
import zlib
from typing import Any

import numpy as np

from production.graph import Graph, Node, get_default_graph
from production.variable import assign_hidden, hidden_variable
from shared_ops import ops
from shared_ops.op import Op
from shared_ops.random import seeded


def set_random_seed(seed: int) -> None:
    """Make the default graph's random nodes, those made from here on, draw the same numbers in every session."""
    get_default_graph().seed = seed


def random_normal(
    shape: Any,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = "float32",
    seed: int | None = None,
    name: str | None = None,
) -> Node:
    """Numbers of a normal distribution, new ones at each run."""
    attrs = {"shape": tuple(shape), "mean": mean, "stddev": stddev, "dtype": np.dtype(dtype).name}
    return _drawn(ops.random_normal, attrs, seed, name)


def random_uniform(
    shape: Any,
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: Any = "float32",
    seed: int | None = None,
    name: str | None = None,
) -> Node:
    """Numbers from minval up to, but without, maxval, new ones at each run."""
    attrs = {"shape": tuple(shape), "low": minval, "high": maxval, "dtype": np.dtype(dtype).name}
    return _drawn(ops.random_uniform, attrs, seed, name)


def _drawn(op: Op, attrs: dict[str, Any], seed: int | None, name: str | None) -> Node:
    graph = get_default_graph()
    state = hidden_variable(graph, seeded(_seed(graph, seed)), f"{name or op.name}/state")
    out, following = graph.apply(op, (state,), attrs, name)
    out.operation.followers.append(assign_hidden(state, following))
    return out


def _seed(graph: Graph, seed: int | None) -> int:
    """The op's own seed; else one made of the graph's and the op's place; else a fresh one."""
    if seed is not None:
        return seed
    if graph.seed is not None:
        return zlib.crc32(f"{graph.seed}/{len(graph.operations)}".encode())
    return secrets.randbits(63)
