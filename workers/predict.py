"""A promoted model on new data. Neither `research` nor the user's code is needed: only what was saved."""

from __future__ import annotations

import functools
import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np

import db
import production
from workers.problems import SpecProblem, shown


def predict(model: str, x: Any, version: str | int = "latest") -> dict[str, Any]:
    """Labels and probabilities for rows x, (n, ...) or one row: {model, version, labels, probabilities} as plain lists.

    A model of float targets gives `values` instead. Raises SpecProblem for data that do not fit, UnknownModel, and
    production.SavedModelError for a damaged or foreign model.
    """
    found = db.Store().version(model, version)
    saved = _load(str(found.path), _written_at(found.path))
    came = fingerprint(found.path)
    if found.proof.get("fingerprint", came) != came:
        raise SpecProblem(
            f"{found.path} holds another model than the one that was promoted as {found.model} {found.version}; "
            "promote the run again."
        )
    rows = as_rows(x, tuple(found.proof["input_shape"])) if "input_shape" in found.proof else np.asarray(x, np.float32)
    try:
        out = np.asarray(saved.predict(rows))
    except production.FeedError as error:
        raise SpecProblem(f"x does not fit the model {found.model} {found.version}: {error}.") from None
    answer: dict[str, Any] = {"model": found.model, "version": found.version}
    names = found.proof.get("class_names")
    if not names:
        return answer | {"values": out.tolist()}
    probabilities = softmax(out)
    labels = [names[k] if k < len(names) else str(k) for k in probabilities.argmax(axis=1).tolist()]
    return answer | {"labels": labels, "probabilities": probabilities.tolist()}


def fingerprint(path: Path) -> str:
    """What tells one saved model from any other: the SHA-256 of its manifest, which has those of its other files."""
    return hashlib.sha256((path / "manifest.json").read_bytes()).hexdigest()


def as_rows(x: Any, row_shape: tuple[int, ...]) -> np.ndarray:
    """Rows as float32, (n, *row_shape); a single row, and axes of length 1, may come without. Raises SpecProblem."""
    try:
        given = np.asarray(x)
        if given.dtype.kind not in "biuf":
            raise TypeError(given.dtype)
        rows = given.astype(np.float32)
    except (TypeError, ValueError):
        raise SpecProblem(
            f"x needs to be an array of numbers with rows of shape {row_shape}; got {shown(x)}."
        ) from None
    if _without_ones(rows.shape) == _without_ones(row_shape):
        rows = rows.reshape(1, *row_shape)
    elif _without_ones(rows.shape[1:]) in (_without_ones(row_shape), (math.prod(row_shape),)):
        rows = rows.reshape(-1, *row_shape)  # flat rows, or images without an axis for their one channel
    if rows.shape[1:] != row_shape or rows.ndim == 0:
        raise SpecProblem(
            f"x needs rows of shape {row_shape}, that is (n, {', '.join(map(str, row_shape))}); got {rows.shape}."
        )
    if len(rows) == 0:
        raise SpecProblem(f"x has no rows: shape {rows.shape}.")
    fine = np.isfinite(rows).reshape(len(rows), -1).all(axis=1)
    if not fine.all():
        raise SpecProblem(f"x needs finite numbers; row {int(np.argmin(fine))} holds NaN or infinity.")
    return rows


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities from scores, (n, classes) -> (n, classes), each row adding up to 1."""
    powers = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))  # at most exp(0): cannot overflow
    return powers / powers.sum(axis=1, keepdims=True)


@functools.lru_cache(maxsize=4)
def _load(path: str, written_at: float) -> production.SavedModel:
    """The model at a path; it proves itself while it loads, which a browser should not pay for at each click."""
    return production.load(path)


def _written_at(path: Path) -> float:
    try:
        return max((file.stat().st_mtime for file in [path, *path.glob("*")]), default=0.0)
    except OSError:
        return 0.0
