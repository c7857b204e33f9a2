"""How runs, comparisons and models look in a terminal: rich tables and a progress bar."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from ui import palette, words
from ui.comparison import Row

BARS = "▁▂▃▄▅▆▇█"


def state(name: str) -> Text:
    """A run's state in its colour."""
    return Text(name, style=palette.STATE_STYLE.get(name, ""))


def plain_table(*headers: str, title: str | None = None) -> Table:
    """A table without a frame; numbers are told apart by their columns."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, no_wrap=True)
    return table


def facts(pairs: Iterable[tuple[str, Any]]) -> Table:
    """Names and values in two columns, without a header."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bright_black", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(name, value if isinstance(value, Text) else escape(str(value)))
    return table


def comparison(names: Sequence[str], finals: Sequence[Row], params: Sequence[Row]) -> list[Table]:
    """Final metrics with the best in bold green, then the parameters that differ."""
    tables = []
    for title, rows in (("Final metrics", finals), ("Differing parameters", params)):
        if not rows:
            continue
        table = plain_table("", title=title)
        for name in names:
            table.add_column(escape(name), justify="right" if rows is finals else "left", overflow="fold")
        for row in rows:
            cells = []
            for position, value in enumerate(row.values):
                text = words.metric(row.name, value) if isinstance(value, float) else words.number(value)
                cells.append(Text(text, style="bold green" if position in row.best else ""))
            table.add_row(escape(row.name), *cells)
        tables.append(table)
    return tables


def sparkline(values: Sequence[float], width: int = 32) -> str:
    """A curve in one line of text: the mean of each of `width` stretches."""
    finite = [value for value in values if value == value and abs(value) != float("inf")]
    if not finite:
        return ""
    count = min(width, len(finite))
    means = []
    for i in range(count):
        part = finite[i * len(finite) // count : (i + 1) * len(finite) // count]
        means.append(sum(part) / len(part))
    low, span = min(means), (max(means) - min(means)) or 1.0
    return "".join(BARS[min(7, int(8 * (mean - low) / span))] for mean in means)


class _Mark(SpinnerColumn):
    """A spinner while a run is active, then a sign of how it ended."""

    ENDS: ClassVar = {"finished": ("✓", "green"), "failed": ("✗", "red"), "stopped": ("■", "yellow")}

    def render(self, task: Any) -> Any:
        end = self.ENDS.get(task.fields.get("state", ""))
        return Text(*end) if end else super().render(task)


class _Field(ProgressColumn):
    """A field of a task as text, on one line."""

    def __init__(self, name: str, style: str) -> None:
        super().__init__(table_column=Column(no_wrap=True))
        self.name, self.style = name, style

    def render(self, task: Any) -> Text:
        return Text(task.fields.get(self.name, ""), style=self.style)


def progress(console: Console) -> Progress:
    """The bars of training runs: name, bar, epoch, metrics, time."""
    return Progress(
        _Mark(),
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=12 if console.width < 100 else 28),
        _Field("epoch", "bright_black"),
        _Field("metrics", "cyan"),
        TimeElapsedColumn(),
        console=console,
    )


def metrics_line(finals: Mapping[str, float]) -> str:
    """The few metrics that fit beside a bar: loss 0.0812  accuracy 97.2 %."""
    chosen = []
    for family in ("loss", "accuracy"):
        keys = [key for key in sorted(finals, key=words.metric_order) if words.family_and_split(key)[0] == family]
        if keys:
            chosen.append(f"{family} {words.metric(keys[0], finals[keys[0]])}")
    return "  ".join(chosen)
