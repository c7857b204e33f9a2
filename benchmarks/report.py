"""The results as tables for the terminal, and as JSON."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.measure import BUSY, Judged, Part, Result

FEW = 3  # a part with more rows is one line


def show(console: Console, judged: list[Judged]) -> None:
    """A table for each section."""
    for section in judged:
        console.print(table(section))


def table(judged: Judged) -> Table:
    measured = Table(title=judged.section.name, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    measured.add_column("", no_wrap=True)
    for heading in ("ours", "torch", "ratio", "goal", "met", "differs by"):
        measured.add_column(heading, justify="right", no_wrap=True)
    measured.add_column("")
    for part in judged.parts:
        if len(part.results) == 1:
            _one_line(measured, part)
        else:
            _several_lines(measured, part)
    goal = judged.section.goal
    if len(judged.parts) > 1:
        mean = _ratio(judged.ratio, judged.met)
        measured.add_row("geometric mean", "", "", mean, _number(goal), _met(judged.met), "", "")
    return measured


def _one_line(measured: Table, part: Part) -> None:
    (result,) = part.results
    name = f"{part.name} {result.row.size}".strip()
    measured.add_row(name, *_values(result), _ratio(part.ratio, part.met), *_verdict(part), *_remarks(result))


def _several_lines(measured: Table, part: Part) -> None:
    few, worst = len(part.results) <= FEW, part.worst
    remark = "" if few or worst is None else f"worst {worst.ratio:.2f} at {worst.row.size}"
    if not few and any(r.others > BUSY for r in part.results):
        remark += f"; others: {max(r.others for r in part.results):.1f} cores"
    remark = remark or next((r.note for r in part.results if r.note and r.ratio is None), "")
    measured.add_row(part.name, "", "", _ratio(part.ratio, part.met), *_verdict(part), "", remark)
    for result in part.results:
        if few or result.failed:
            measured.add_row(f"  {result.row.size}", *_values(result), _number(result.ratio), "", "", *_remarks(result))


def _verdict(part: Part) -> tuple[str, str]:
    return _number(part.goal), _met(part.met)


def _values(result: Result) -> tuple[str, str]:
    write = bytes_in_words if result.row.memory else seconds_in_words
    ours, torch = (result.medians.get(name) for name in ("ours", "torch"))
    return "" if ours is None else write(ours), "" if torch is None else write(torch)


def _remarks(result: Result) -> tuple[str, str]:
    apart = "" if result.difference is None else f"{result.difference:.0e}"
    note = result.note or (f"others: {result.others:.1f} cores" if result.others > BUSY else "")
    return apart, f"[red]{_plain(note)}" if result.failed else _plain(note)


def _plain(text: str) -> str:
    return text.replace("[", "\\[")


def _ratio(ratio: float | None, met: bool | None) -> str:
    colour = {True: "[green]", False: "[red]", None: ""}[met]
    return colour + _number(ratio)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _met(met: bool | None) -> str:
    return {True: "[green]yes", False: "[red]no", None: ""}[met]


def seconds_in_words(seconds: float) -> str:
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds / size < 1000 else f"{seconds / size:.0f} {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def bytes_in_words(count: float) -> str:
    return f"{count / 2**20:.1f} MiB"


# JSON -------------------------------------------------------------------------------------------------------------
def as_json(program: str, judged: list[Judged], machine: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Everything that was measured; times in seconds an op, memory in bytes, ratios PyTorch's over ours."""
    return {
        "program": program,
        "machine": machine,
        "settings": settings,
        "sections": [
            {
                "name": section.section.name,
                "geometric_mean": _rounded(section.ratio),
                "goal": section.section.goal,
                "met": section.met,
                "parts": [_part_as_json(part) for part in section.parts],
            }
            for section in judged
        ],
    }


def _part_as_json(part: Part) -> dict[str, Any]:
    rows = [
        {
            "size": r.row.size,
            "unit": "bytes" if r.row.memory else "seconds",
            **{library: _rounded(value) for library, value in r.medians.items()},
            "ratio": _rounded(r.ratio),
            "difference": None if r.difference is None else float(f"{r.difference:.2g}"),
            "others_cores": round(r.others, 2),
            "note": r.note,
        }
        for r in part.results
    ]
    return {"name": part.name, "ratio": _rounded(part.ratio), "goal": part.goal, "met": part.met, "rows": rows}


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
