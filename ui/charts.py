"""Curves as Plotly figures: one chart a metric family, however many points there are.

A long run logs far more points than a screen has columns. `envelope` keeps, of every bucket of neighbours, the lowest
and the highest: a spike of one step survives, and the figure stays small.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ui import palette
from ui.words import family_and_split, metric_order

MAX_POINTS = 2_000
NOISY_POINTS = 200  # from here on a curve is one of single steps, and gets its trend drawn over it
TREND_POINTS = 80
HEIGHT_PX = 300


@dataclass(frozen=True)
class Curve:
    """A metric of a run, reduced: at most MAX_POINTS by step, the trend of a noisy one, and what was there before."""

    steps: np.ndarray
    values: np.ndarray
    trend_steps: np.ndarray
    trend_values: np.ndarray
    points: int
    not_finite: int

    @property
    def has_trend(self) -> bool:
        """Whether it has enough points to need one."""
        return self.trend_steps.size > 0


def curve(steps: Sequence[int], values: Sequence[float]) -> Curve:
    """A series as a chart shows it; a resumed run may have logged a step again, so it is sorted by step first."""
    x, y = np.asarray(steps), np.asarray(values, dtype=np.float64)
    if x.size > 1 and (x[1:] < x[:-1]).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    return Curve(*envelope(x, y), *trend(x, y), points=y.size, not_finite=int((~np.isfinite(y)).sum()))


def trend(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of each of TREND_POINTS stretches, for curves of NOISY_POINTS and more: (n,), (n,) -> (m,), (m,)."""
    finite = np.isfinite(y)
    x, y = x[finite], y[finite]
    if y.size < NOISY_POINTS:
        return np.empty(0), np.empty(0)
    starts = np.linspace(0, y.size, TREND_POINTS + 1).astype(np.int64)[:-1]
    sizes = np.diff(np.append(starts, y.size))
    return np.add.reduceat(x.astype(np.float64), starts) / sizes, np.add.reduceat(y, starts) / sizes


def envelope(x: np.ndarray, y: np.ndarray, limit: int = MAX_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """At most `limit` points with the first, the last and every bucket's lowest and highest: (n,), (n,) -> (m,), (m,).

    A bucket with a NaN or an infinity keeps one of those too, so a curve that broke shows its gap.
    """
    if y.size <= limit:
        return x, y
    buckets = max(1, (limit - 2) // 3)  # lowest, highest, and one that is not finite
    starts = np.linspace(0, y.size, buckets + 1).astype(np.int64)[:-1]
    bucket_of = np.searchsorted(starts, np.arange(y.size), side="right") - 1
    finite = np.isfinite(y)
    kept = [np.array([0, y.size - 1])]
    for fill, pick in ((np.inf, np.minimum), (-np.inf, np.maximum)):
        filled = np.where(finite, y, fill)
        kept.append(_first_in_bucket(filled == pick.reduceat(filled, starts)[bucket_of], bucket_of))
    kept.append(_first_in_bucket(~finite, bucket_of))
    chosen = np.unique(np.concatenate(kept))
    return x[chosen], y[chosen]


def _first_in_bucket(hit: np.ndarray, bucket_of: np.ndarray) -> np.ndarray:
    """The first index in each bucket at which `hit` holds."""
    where = np.flatnonzero(hit)
    _, first = np.unique(bucket_of[where], return_index=True)
    return where[first]


def families(keys: Sequence[str]) -> dict[str, list[str]]:
    """Metric keys by what they measure, accuracies first: {loss: [validation/loss, train/loss]}."""
    grouped: dict[str, list[str]] = {}
    for key in sorted(keys, key=metric_order):
        grouped.setdefault(family_and_split(key)[0], []).append(key)
    return grouped


def _figure(title: str, height: int = HEIGHT_PX) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0, "xref": "container", "y": 0.98, "yanchor": "top"},
        height=height,
        margin={"l": 8, "r": 12, "t": 58, "b": 8},
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.01, "yanchor": "bottom", "font": {"size": 12}},
        hovermode="x unified",
        hoverlabel={"namelength": -1},
        uirevision=title,  # a zoom survives the next second's points
        transition={"duration": 0},
    )
    figure.update_xaxes(title={"text": "step", "font": {"size": 12}}, automargin=True, showgrid=False)
    figure.update_yaxes(automargin=True)
    return figure


def _add(figure: go.Figure, shown: Curve, name: str, line: dict[str, Any], raw: bool = True, **more: Any) -> None:
    """A curve as one line; a noisy one as its trend, over its points in a pale thin line."""
    style = {"name": name, "legendgroup": name, **more}
    if shown.has_trend:
        if raw:
            pale = {**line, "width": 1, "dash": "solid"}
            figure.add_trace(
                _line(
                    shown.steps, shown.values, {**style, "opacity": 0.3, "showlegend": False, "hoverinfo": "skip"}, pale
                )
            )
        figure.add_trace(_line(shown.trend_steps, shown.trend_values, style, line))
    else:
        figure.add_trace(_line(shown.steps, shown.values, style, line))


def _line(x: np.ndarray, y: np.ndarray, style: dict[str, Any], line: dict[str, Any]) -> go.Scatter:
    y = np.where(np.isfinite(y), y, np.nan)  # an infinity would blow the axis up; NaN is a gap
    mode = "lines+markers" if y.size <= 40 else "lines"
    return go.Scatter(x=x, y=y, mode=mode, line=line, marker={"size": 5}, **style)


def _format_axis(figure: go.Figure, family: str, shown: Sequence[Curve], logarithmic: bool) -> None:
    if "accuracy" in family.lower():
        figure.update_yaxes(tickformat=".0%", hoverformat=".2%")
        return
    figure.update_yaxes(hoverformat=".4g")
    positive = all((each.values[np.isfinite(each.values)] > 0).all() for each in shown)
    if logarithmic and positive:
        figure.update_yaxes(type="log", dtick=1, tickformat="~g", minor={"showgrid": True})


def run_chart(family: str, curves: Mapping[str, Curve], logarithmic: bool = False) -> go.Figure:
    """One family of one run, its splits overlaid: {train/loss: curve, validation/loss: curve}."""
    figure = _figure(family)
    for position, (key, shown) in enumerate(sorted(curves.items())):
        split = family_and_split(key)[1]
        colour = palette.SPLIT_COLOUR.get(split, palette.colour_of(position))
        _add(figure, shown, split or family, {"color": colour, "width": 2.25})
    figure.update_layout(showlegend=True)
    _format_axis(figure, family, list(curves.values()), logarithmic)
    return figure


def compare_chart(
    family: str,
    curves: Mapping[str, Mapping[str, Curve]],
    names: Mapping[str, str],
    logarithmic: bool = False,
) -> go.Figure:
    """One family of several runs: {run id: {key: curve}}. One colour a run; training curves thin and dotted."""
    figure = _figure(family, HEIGHT_PX + 40)
    for position, run_id in enumerate(names):
        of_run = curves.get(run_id, {})
        keys = sorted(of_run, key=metric_order)
        for rank, key in enumerate(keys):
            split = family_and_split(key)[1]
            thin = split == "train" and len(keys) > 1
            line = {"color": palette.colour_of(position), "width": 1.5 if thin else 2.5}
            line["dash"] = "dot" if thin else palette.dash_of(position)
            group = {"legendgroup": run_id, "showlegend": rank == 0}  # a click on a run's name hides all its lines
            name = names[run_id] if rank == 0 else f"{names[run_id]} {split}"
            _add(figure, of_run[key], name, line, raw=len(names) <= 2, **group)
    figure.update_layout(showlegend=True)
    _format_axis(figure, family, [shown for of_run in curves.values() for shown in of_run.values()], logarithmic)
    return figure


def probability_chart(labels: Sequence[str], probabilities: Sequence[float]) -> go.Figure:
    """The probability of each class as bars, the likeliest in colour."""
    best = int(np.argmax(probabilities)) if len(probabilities) else -1
    figure = _figure("Probability of each class", 250)
    figure.add_trace(
        go.Bar(
            x=list(labels),
            y=list(probabilities),
            marker={"color": [palette.BLUE if i == best else "#B8C4D0" for i in range(len(labels))]},
            text=[f"{100 * p:.0f}%" if p >= 0.005 else "" for p in probabilities],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{x}: %{y:.2%}<extra></extra>",
        )
    )
    figure.update_layout(showlegend=False, hovermode="closest", bargap=0.25, margin={"t": 34})
    figure.update_xaxes(type="category", title={"text": "class", "font": {"size": 12}})
    figure.update_yaxes(range=[0, 1.12], tickformat=".0%", tickvals=[0, 0.25, 0.5, 0.75, 1])
    return figure
