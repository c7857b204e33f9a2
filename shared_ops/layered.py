"""A graph drawn as SVG, in layers from top to bottom: what comes in above what is made of it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

LETTER, LINE, PAD, GAP_X, GAP_Y = 7.2, 16, 10, 24, 44  # px
SWEEPS = 4  # how often the layers are put in order, down and up
FILLS = {"input": "#dbeafe", "parameter": "#fef3c7", "op": "#f3f4f6", "output": "#dcfce7"}


@dataclass(frozen=True)
class Box:
    """What is drawn for a node: lines of text, and a kind of FILLS."""

    lines: tuple[str, ...]
    kind: str = "op"

    @property
    def width(self) -> float:
        return max(map(len, self.lines)) * LETTER + 2 * PAD

    @property
    def height(self) -> float:
        return len(self.lines) * LINE + PAD


def draw(boxes: Mapping[Hashable, Box], edges: Sequence[tuple[Hashable, Hashable, str]], title: str = "graph") -> str:
    """SVG of boxes and of edges (from, to, words). Every edge goes down; there must be no cycle."""
    layers = _ordered(_layers(boxes, edges), edges)
    places: dict[Hashable, tuple[float, float]] = {}
    widths = [sum(boxes[n].width + GAP_X for n in layer) - GAP_X for layer in layers]
    total, y = max(widths, default=0.0) + 2 * GAP_X, float(GAP_X)
    for layer, width in zip(layers, widths, strict=True):
        x = (total - width) / 2
        for n in layer:
            places[n] = (x + boxes[n].width / 2, y)
            x += boxes[n].width + GAP_X
        y += max(boxes[n].height for n in layer) + GAP_Y
    parts = [_arrow(boxes, places, *edge) for edge in edges]
    parts += [_rectangle(boxes[n], *places[n]) for n in places]
    height = y - GAP_Y + GAP_X
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total:.0f} {height:.0f}" width="{total:.0f}" '
        f'height="{height:.0f}" role="img" font-family="ui-monospace, monospace" font-size="12">'
        f"<title>{escape(title)}</title>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#6b7280"/></marker></defs>'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n'
    )


def _layers(boxes: Mapping[Hashable, Box], edges: Sequence[tuple]) -> list[list[Hashable]]:
    """Nodes by the length of the longest way to them, but sources just above what they go into."""
    after: dict[Hashable, list[Hashable]] = {n: [] for n in boxes}
    missing = dict.fromkeys(boxes, 0)
    for a, b, _ in edges:
        after[a].append(b)
        missing[b] += 1
    sources = [n for n in boxes if not missing[n]]
    depth, waiting = dict.fromkeys(boxes, 0), list(sources)
    while waiting:
        n = waiting.pop()
        for b in after[n]:
            depth[b] = max(depth[b], depth[n] + 1)
            missing[b] -= 1
            if not missing[b]:
                waiting.append(b)
    for n in sources:
        if after[n]:
            depth[n] = min(depth[b] for b in after[n]) - 1
    layers: list[list[Hashable]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for n in boxes:
        layers[depth[n]].append(n)
    return layers


def _ordered(layers: list[list[Hashable]], edges: Sequence[tuple]) -> list[list[Hashable]]:
    """Each layer in the order of the middle of its neighbours, so that few edges cross."""
    near: dict[Hashable, list[Hashable]] = {n: [] for layer in layers for n in layer}
    for a, b, _ in edges:
        near[a].append(b)
        near[b].append(a)
    at = {n: i / max(len(layer), 1) for layer in layers for i, n in enumerate(layer)}
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            layer.sort(key=lambda n: sum(at[m] for m in near[n]) / len(near[n]) if near[n] else at[n])
            at.update({n: (i + 0.5) / len(layer) for i, n in enumerate(layer)})
    return layers


def _rectangle(box: Box, x: float, y: float) -> str:
    text = "".join(
        f'<text x="{x:.1f}" y="{y + PAD / 2 + LINE * (i + 0.75):.1f}" text-anchor="middle" '
        f'fill="{"#111827" if i == 0 else "#4b5563"}">{escape(line)}</text>'
        for i, line in enumerate(box.lines)
    )
    return (
        f'<rect x="{x - box.width / 2:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="6" '
        f'fill="{FILLS[box.kind]}" stroke="#9ca3af"/>{text}'
    )


def _arrow(boxes: Mapping, places: Mapping, a: Hashable, b: Hashable, words: str) -> str:
    (x0, top), (x1, y1) = places[a], places[b]
    y0 = top + boxes[a].height
    bend = (y0 + y1) / 2
    path = f'<path d="M{x0:.1f} {y0:.1f}C{x0:.1f} {bend:.1f} {x1:.1f} {bend:.1f} {x1:.1f} {y1:.1f}" fill="none" '
    path += 'stroke="#6b7280" marker-end="url(#tip)"/>'
    label = f'<text x="{(x0 + x1) / 2 + 4:.1f}" y="{bend:.1f}" fill="#6b7280" font-size="10">{escape(words)}</text>'
    return path + (label if words else "")
