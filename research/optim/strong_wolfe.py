"""A line search: how far to go, so that the loss falls enough and its slope flattens enough."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

FALL, FLAT = 1e-4, 0.9  # c1 and c2 of the Wolfe conditions
MOST = 25  # evaluations


class Point(NamedTuple):
    """A place on the line: how far, the loss there, its gradient, and the slope along the line."""

    t: float
    loss: float
    gradient: Any
    slope: float


def strong_wolfe(
    at: Callable[[float], tuple[float, Any]], t: float, direction: Any, loss: float, gradient: Any, slope: float
) -> tuple[float, float, Any]:
    """A step size with the strong Wolfe conditions, with the loss and the gradient there.

    `at(t)` gives both at a distance; `slope` is that at 0. Nocedal & Wright 2006, algorithms 3.5 and 3.6.
    """

    def point(t: float) -> Point:
        new_loss, g = at(t)
        return Point(t, new_loss, g, float(g @ direction))

    start = last = Point(0.0, loss, gradient, slope)
    for tries in range(MOST):
        new = point(t)
        if new.loss > loss + FALL * t * slope or (tries and new.loss >= last.loss) or math.isnan(new.loss):
            new = _between(point, last, new, start, MOST - tries)
            break
        if abs(new.slope) <= -FLAT * slope:
            break
        if new.slope >= 0:
            new = _between(point, new, last, start, MOST - tries)
            break
        t, last = _minimum(last, new, new.t + 0.01 * (new.t - last.t), 10 * new.t), new
    return new.t, new.loss, new.gradient


def _between(point: Callable[[float], Point], low: Point, high: Point, start: Point, tries: int) -> Point:
    """A point between two, of which the first has the lower loss, that keeps the conditions; or the best found."""
    for _ in range(tries):
        width = high.t - low.t
        if abs(width) * max(1.0, abs(low.slope)) < 1e-9:
            break
        left, right = sorted((low.t + 0.1 * width, high.t - 0.1 * width))
        new = point(_minimum(low, high, left, right))
        if new.loss > start.loss + FALL * new.t * start.slope or new.loss >= low.loss or math.isnan(new.loss):
            high = new
            continue
        if abs(new.slope) <= -FLAT * start.slope:
            return new
        if new.slope * width >= 0:
            high = low
        low = new
    return low


def _minimum(a: Point, b: Point, least: float, most: float) -> float:
    """Where the cubic through two points and their slopes is least, kept within bounds: equation 3.59."""
    middle = (least + most) / 2
    if not (math.isfinite(b.loss) and math.isfinite(b.slope)) or a.t == b.t:
        return middle
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if square < 0:
        return middle
    d2 = math.copysign(math.sqrt(square), b.t - a.t)
    divisor = b.slope - a.slope + 2 * d2
    t = b.t - (b.t - a.t) * (b.slope + d2 - d1) / divisor if divisor else middle
    return min(max(t, least), most)
