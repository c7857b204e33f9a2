"""save and load: tensors, numbers, texts, lists and dicts in one safetensors file. No pickle, and never half a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from research.tensor import Tensor, _wrap
from shared_ops.device import to_host
from shared_ops.files import write_atomically

FORMAT = "lockstep.state"
VERSION = 1
ZIP = b"PK\x03\x04"  # how an .npz file begins


class LoadError(ValueError):
    """A file that is not one of ours, or is damaged."""


def save(value: Any, path: str | os.PathLike) -> None:
    """Write a nest of dicts, lists, tensors, arrays, numbers, texts and None. A kill leaves the old file whole.

    Raises TypeError for anything else, and names where it stands.
    """
    from safetensors.numpy import save as to_bytes

    arrays: dict[str, np.ndarray] = {}
    tree = _flatten(value, "value", arrays)
    header = {"format": FORMAT, "version": str(VERSION), "tree": json.dumps(tree)}
    write_atomically(Path(path), to_bytes(arrays, metadata=header))


def load(path: str | os.PathLike) -> Any:
    """What `save` wrote; arrays come back as tensors. Also a plain safetensors or .npz file, as a dict of tensors.

    Raises LoadError for a damaged or foreign file.
    """
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise LoadError(f"there is no file {path}")
    with Path(path).open("rb") as file:
        if file.read(4) == ZIP:
            return _npz(path)
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise LoadError(f"{path} is damaged or no safetensors file: {error}") from error
    if header.get("format") != FORMAT:  # a plain safetensors file, of whatever origin, is a dict of tensors
        return {name: _wrap(array) for name, array in arrays.items()}
    if int(header["version"]) > VERSION:
        raise LoadError(f"{path} has format version {header['version']}; this installation reads up to {VERSION}")
    return _unflatten(json.loads(header["tree"]), arrays)


def _npz(path: str | os.PathLike) -> dict[str, Tensor]:
    """The arrays of an .npz file; pickled objects are refused."""
    try:
        with Path(path).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: _wrap(file[name]) for name in file.files}
    except Exception as error:  # a zip file has many ways to be damaged
        raise LoadError(f"{path} is damaged, or no .npz file of arrays: {error}") from error


def _flatten(value: Any, where: str, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, Tensor | np.ndarray) or hasattr(value, "__cuda_array_interface__"):
        array = value.array if isinstance(value, Tensor) else value
        name = f"{len(arrays)}: {where}"  # numbered, for 'a.b' may be one key or two
        arrays[name] = np.asarray(to_host(array), order="C")
        return {"tensor": name}
    if isinstance(value, dict):
        bad = next((k for k in value if not isinstance(k, str)), None)
        if bad is not None:
            raise TypeError(f"the keys of a saved dict are texts; {where} has {bad!r}")
        return {"dict": {k: _flatten(v, f"{where}.{k}", arrays) for k, v in value.items()}}
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_flatten(v, f"{where}.{i}", arrays) for i, v in enumerate(value)]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"save takes tensors, numbers, texts, lists and dicts; {where} is a {type(value).__name__}")


def _unflatten(tree: Any, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(tree, dict):
        return tree
    ((kind, content),) = tree.items()
    if kind == "tensor":
        return _wrap(arrays[content])
    if kind == "dict":
        return {k: _unflatten(v, arrays) for k, v in content.items()}
    items = [_unflatten(v, arrays) for v in content]
    return tuple(items) if kind == "tuple" else items
