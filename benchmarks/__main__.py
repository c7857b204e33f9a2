"""Our speed beside PyTorch's: `python -m benchmarks ops` and `python -m benchmarks train`."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import chart, machine, report
from benchmarks.measure import BUSY, THREADS, How, Judged, Result, judge, measure
from benchmarks.row import Section, chosen
from benchmarks.rows import sections

RESULTS = Path(__file__).parent / "results"
ROUNDS, TURN_SECONDS = 5, 0.06
QUICK_ROUNDS, QUICK_SECONDS = 2, 0.01
FILE_WIDTH = 120  # columns, where no terminal says how wide it is
NO_TORCH = "PyTorch is not installed, and there is nothing to compare with. Install it: pip install 'lockstep[bench]'"

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

Only = Annotated[str | None, typer.Option(help="Only rows whose name has this in it; * stands for anything.")]
Rounds = Annotated[int | None, typer.Option(min=1, help=f"Turns of each library for each row. [default: {ROUNDS}]")]
Quick = Annotated[bool, typer.Option("--quick", help="Short turns and few: a look, not a measurement.")]
Patience = Annotated[
    float, typer.Option(min=0, help="Seconds a row during which a turn that other processes disturbed is taken again.")
]
Out = Annotated[Path | None, typer.Option(help="The folder for the JSON and the chart.")]


@app.command()
def ops(
    only: Only = None, rounds: Rounds = None, quick: Quick = False, patience: Patience = 0.0, out: Out = None
) -> None:
    """The ops: tiny, elementwise, layers, convolution, optimisers, products."""
    run("ops", only, how(rounds, quick, patience), quick, out)


@app.command()
def train(
    only: Only = None, rounds: Rounds = None, quick: Quick = False, patience: Patience = 0.0, out: Out = None
) -> None:
    """One training step of seven models: time and memory."""
    run("train", only, how(rounds, quick, patience), quick, out)


def how(rounds: int | None, quick: bool, patience: float) -> How:
    usual = (QUICK_ROUNDS, QUICK_SECONDS) if quick else (ROUNDS, TURN_SECONDS)
    return How(rounds or usual[0], usual[1], patience)


def run(program: str, only: str | None, how: How, quick: bool, out: Path | None) -> None:
    console = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
    if importlib.util.find_spec("torch") is None:
        console.print(NO_TORCH, markup=False)
        raise typer.Exit(1)
    wanted = chosen(sections(program), only)
    if not wanted:
        console.print(f"no row of {program} has {only!r} in its name", markup=False)
        raise typer.Exit(1)
    results = _with_progress(console, program, wanted, how)
    judged = judge(wanted, results)
    described = machine.describe(THREADS)
    report.show(console, judged)
    console.print(f"Ratio: PyTorch's over ours, above 1 ours is better. {machine.in_words(described)}", markup=False)
    settings = {"only": only, "quick": quick, **dataclasses.asdict(how)}
    folder = out or (RESULTS / "partial" if only or quick else RESULTS)  # a look does not replace a measurement
    _write(console, folder, program, judged, described, settings)
    _end(console, judged, results)


def _with_progress(console: Console, program: str, wanted: list[Section], how: How) -> list[Result]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=sum(len(section.rows) for section in wanted))

        def done(result: Result) -> None:
            said = result.note if result.ratio is None else f"{result.ratio:.2f}"
            progress.update(task, advance=1, description=f"{result.row.name}: {said}".replace("[", "\\["))

        return measure(program, wanted, how, done)


def _write(console: Console, folder: Path, program: str, judged: list[Judged], described: dict, settings: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    found = report.as_json(program, judged, described, settings)
    (folder / f"{program}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    (folder / f"{program}.svg").write_text(chart.svg(found, machine.in_words(described)))
    console.print(f"Written: {folder / program}.json and .svg", markup=False)


def _end(console: Console, judged: list[Judged], results: list[Result]) -> None:
    """How many goals are met; a row that failed is an error, a goal that is missed is a result."""
    busy = [r for r in results if r.others > BUSY]
    if busy:
        console.print(
            f"While {len(busy)} of {len(results)} rows were measured, other processes used {BUSY} cores or more: "
            "their ratios are not to be trusted, since PyTorch's threads then wait long for each other.",
            style="yellow",
        )
    goals = [p.met for s in judged for p in s.parts] + [s.met for s in judged]
    known = [met for met in goals if met is not None]
    console.print(f"Goals met: {sum(known)} of {len(known)}.")
    failed = [r for r in results if r.failed]
    for r in failed:
        console.print(f"failed: {r.row.name}: {r.note}", markup=False, style="red")
    if failed:
        raise typer.Exit(1)


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
