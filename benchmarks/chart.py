"""The ratios as a picture: a bar for each part, on a logarithmic scale around 1, with a mark at its goal."""

from __future__ import annotations

import math
from html import escape
from typing import Any

LINE, BAR, LABELS, PLOT, MARGIN = 18, 11, 290, 420, 16  # in pixels
FASTER, SLOWER, BELOW_GOAL, GOAL, GREY = "#2a78b8", "#c8503c", "#d9a13b", "#222", "#777"
TICKS = (0.1, 0.25, 0.5, 1, 2, 4, 10, 25, 100)


def svg(report: dict[str, Any], machine: str) -> str:
    """The picture of what `report.as_json` gives."""
    sections = [s for s in report["sections"] if any(p["ratio"] for p in s["parts"])]
    ratios = [p["ratio"] for s in sections for p in s["parts"] if p["ratio"]]
    low, high = min([0.5, *ratios]), max([4.0, *ratios])

    def x(ratio: float) -> float:
        return LABELS + PLOT * math.log(ratio / low) / math.log(high / low)

    top = MARGIN + 2 * LINE
    drawn: list[str] = []
    y = float(top + LINE)
    for section in sections:
        mean = section["geometric_mean"]
        drawn.append(_text(MARGIN, y, section["name"], weight="bold"))
        drawn.append(_text(LABELS + PLOT + 2 * MARGIN + 40, y, f"mean {mean:.2f}", anchor="end", weight="bold"))
        y += LINE
        for part in section["parts"]:
            if part["ratio"]:
                drawn += _bar(part, y, x)
                y += LINE
        y += LINE / 2
    width, height = LABELS + PLOT + 2 * MARGIN + 56, y + MARGIN
    scale = [t for t in TICKS if low <= t <= high]
    grid = [_line(x(t), top, x(t), y - LINE, "#bbb" if t == 1 else "#e8e8e8") for t in scale]
    grid += [_text(x(t), top - 4, f"{t:g}", anchor="middle", colour=GREY) for t in scale]
    head = [
        _text(MARGIN, MARGIN + 4, "PyTorch's time over ours: right of 1 ours is faster; the mark is the goal"),
        _text(MARGIN, MARGIN + 20, machine, colour=GREY, size=9),
    ]
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    style = 'font-family="Helvetica, Arial, sans-serif" font-size="11"'
    body = "\n".join([*head, *grid, *drawn])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


def _bar(part: dict[str, Any], y: float, x: Any) -> list[str]:
    ratio, goal = part["ratio"], part["goal"]
    colour = SLOWER if ratio < 1 else BELOW_GOAL if part["met"] is False else FASTER
    left, right = sorted((x(1), x(ratio)))
    place = f'x="{left:.1f}" y="{y - BAR + 1:.1f}" width="{max(right - left, 1):.1f}" height="{BAR}"'
    drawn = [
        _text(LABELS - 8, y, part["name"], anchor="end"),
        f'<rect {place} fill="{colour}"/>',
        _text(LABELS + PLOT + 2 * MARGIN + 40, y, f"{ratio:.2f}", anchor="end", colour=colour),
    ]
    if goal:
        drawn.append(_line(x(goal), y - BAR, x(goal), y + 3, GOAL, 1.5))
    return drawn


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def _text(
    x: float, y: float, text: str, anchor: str = "start", colour: str = "#222", weight: str = "normal", size: int = 11
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}" font-weight="{weight}" font-size="{size}">{escape(text)}</text>'
