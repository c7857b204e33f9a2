"""What differs between runs, and which did best. The Compare page and `lockstep compare` show the same."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ui.words import higher_is_better, metric_order


@dataclass(frozen=True)
class Row:
    """One line of a comparison: a name, one value a run (None where a run has none), and the winners' positions."""

    name: str
    values: tuple[Any, ...]
    best: frozenset[int] = frozenset()


def differing_params(params: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The parameters that are not the same in all runs, by name; a parameter that a run lacks counts as different."""
    absent = object()
    names = sorted({name for of_run in params for name in of_run})
    rows = []
    for name in names:
        values = [of_run.get(name, absent) for of_run in params]
        if any(_key(value) != _key(values[0]) for value in values):
            rows.append(Row(name, tuple(None if value is absent else value for value in values)))
    return rows


def _key(value: Any) -> tuple[str, str]:
    """Equality that keeps True from 1, and lets lists be compared; 1 and 1.0 are one number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number", repr(float(value))
    return type(value).__name__, repr(value)


def shared_params(params: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The parameters that every run has with the same value."""
    differing = {row.name for row in differing_params(params)}
    return {name: value for name, value in sorted(params[0].items()) if name not in differing} if params else {}


def final_rows(run_ids: Sequence[str], finals: Mapping[str, Mapping[str, float]]) -> list[Row]:
    """The last value of each metric, a row a metric; the best of a row is marked where there is a contest."""
    keys = sorted({key for run_id in run_ids for key in finals.get(run_id, {})}, key=metric_order)
    rows = []
    for key in keys:
        values = tuple(finals.get(run_id, {}).get(key) for run_id in run_ids)
        rows.append(Row(key, values, best_positions(key, values)))
    return rows


def best_positions(key: str, values: Sequence[float | None]) -> frozenset[int]:
    """Where the best value stands; every position of a tie; nowhere if there is no contest or no known direction."""
    direction = higher_is_better(key)
    contest = {i: value for i, value in enumerate(values) if value is not None and math.isfinite(value)}
    if direction is None or len(contest) < 2:
        return frozenset()
    best = max(contest.values()) if direction else min(contest.values())
    return frozenset(i for i, value in contest.items() if value == best)


def deciding_metric(keys: Sequence[str]) -> str | None:
    """The metric that ranks runs: validation accuracy if it is there, else the first with a direction."""
    ranked = [key for key in sorted(keys, key=metric_order) if higher_is_better(key) is not None]
    validation = [key for key in ranked if key.startswith(("validation", "val"))]
    return next(iter(validation or ranked), None)


def best_run(run_ids: Sequence[str], finals: Mapping[str, Mapping[str, float]]) -> str | None:
    """The run with the best deciding metric; ties are broken by the next metrics, and then by the order given."""
    keys = {key for run_id in run_ids for key in finals.get(run_id, {})}
    first = deciding_metric(sorted(keys))
    if first is None:
        return None
    others = [key for key in sorted(keys, key=metric_order) if higher_is_better(key) is not None and key != first]

    def merit(run_id: str) -> tuple[float, ...]:
        values = ((key, finals.get(run_id, {}).get(key)) for key in (first, *others))
        return tuple(_signed(key, value) for key, value in values)

    return max(run_ids, key=merit)


def _signed(key: str, value: float | None) -> float:
    if value is None or math.isnan(value):
        return -math.inf
    return value if higher_is_better(key) else -value
