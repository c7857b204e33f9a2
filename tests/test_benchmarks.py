"""The programs that compare us with PyTorch run, and say what they found. How fast anything is, no test asks."""

import importlib.util
import io
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from benchmarks import __main__ as program
from benchmarks import chart, machine, measure, report
from benchmarks.models import MODELS
from benchmarks.row import Row, Section, chosen
from benchmarks.rows import PROGRAMS, elementwise, sections
from benchmarks.worker import library
from shared_ops.op import REGISTRY

ROOT = Path(__file__).parent.parent
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs the extra `bench`")


def results():
    """A section with one part of two sizes, one alone, a sum, and one that we do not have yet."""
    rows = [
        Row("some", "both", "1e3", None, goal=1.0),
        Row("some", "both", "1e4", None, goal=1.0),
        Row("some", "slow", "", None, goal=1.2),
        Row("some", "sum", "", None, goal=1.0, sum_of=("some: both 1e3", "some: slow")),
        Row("some", "later", "", None, goal=1.0),
    ]
    found = [
        measure.Result(rows[0], {"ours": 1e-6, "torch": 4e-6}, difference=0.0),
        measure.Result(rows[1], {"ours": 1e-3, "torch": 1e-3}, difference=1e-7),
        measure.Result(rows[2], {"ours": 2.0, "torch": 1.0}, others=0.9),
    ]
    found += [
        measure.added_up(rows[3], [found[0], found[2]]),
        measure.Result(rows[4], note="not there yet: BatchNorm9d"),
    ]
    return measure.judge([Section("some", rows, goal=1.1)], found)


# judging and writing ------------------------------------------------------------------------------------------------
def test_parts_are_judged_by_their_geometric_mean():
    (some,) = results()
    both, slow, added, later = some.parts
    assert (both.ratio, both.met, both.worst.row.size) == (pytest.approx(2.0), True, "1e4")
    assert (slow.ratio, slow.met) == (0.5, False)
    assert added.ratio == pytest.approx(0.5, rel=1e-3)
    assert (later.ratio, later.met) == (None, None)
    assert some.ratio == pytest.approx(1.0)  # without the sum, and without what is not there
    assert some.met is False


def test_the_table_has_every_part_and_says_what_is_not_there():
    console = Console(width=120, record=True, file=io.StringIO())
    report.show(console, results())
    text = console.export_text()
    for words in (
        "both",
        "1e4",
        "slow",
        "0.50",
        "not there yet: BatchNorm9d",
        "others: 0.9 cores",
        "1 µs",
        "geometric",
    ):
        assert words in text


def test_the_json_and_the_chart_tell_the_same():
    found = report.as_json("ops", results(), machine.describe(2), {"only": None})
    assert json.loads(json.dumps(found)) == found
    both = found["sections"][0]["parts"][0]
    assert (both["ratio"], both["met"], both["rows"][0]["ours"]) == (2.0, True, 1e-6)
    assert {"cpu", "cores", "memory_gib", "python", "numpy", "numba", "torch", "date"} <= found["machine"].keys()
    drawn = ET.fromstring(chart.svg(found, "a <machine>"))
    words = [t.text for t in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"both", "slow", "sum", "2.00", "0.50", "a <machine>"} <= set(words)
    assert "later" not in words


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([[1.0, 2.0]], [[1.0, 2.0]], 0),
        ([[1.0, 2.5]], [[1.0, 2.0]], 0.25),
        ([[float("nan"), float("inf")]], [[float("nan"), float("inf")]], 0),
        ([[float("nan")]], [[1.0]], float("inf")),
        ([[1.0]], [[1.0, 2.0]], float("inf")),
        ([[1.0]], [[1.0], [2.0]], float("inf")),
    ],
)
def test_difference_between_results(ours, theirs, expected):
    assert measure.difference(ours, theirs) == expected


def test_times_and_sizes_in_words():
    words = [report.seconds_in_words(s) for s in (2e-7, 1.234e-6, 0.0567, 3.0)]
    assert words == ["200 ns", "1.23 µs", "56.7 ms", "3 s"]
    assert report.bytes_in_words(3 * 2**20) == "3.0 MiB"


# choosing -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", PROGRAMS)
def test_row_names_are_unique(name):
    names = [row.name for section in sections(name) for row in section.rows]
    assert names
    assert len(set(names)) == len(names)


def test_only_takes_what_a_sum_needs_too():
    (convolution,) = chosen(sections("ops"), "64,1,28,16,5 sum")
    assert [row.part.removeprefix("64,1,28,16,5 ") for row in convolution.rows] == [
        "forward",
        "backward data",
        "backward weight",
        "sum",
    ]
    assert chosen(sections("ops"), "nothing has this name") == []


def test_every_elementwise_op_has_a_row():
    families = ("elementwise", "transcendental", "activation", "rounding", "logic", "erf")
    names = {op.name for op in REGISTRY.values() if op.__module__.rpartition(".")[2] in families}
    missing = names - elementwise.TAKES.keys()
    assert not missing, f"benchmarks/rows/elementwise.py has no row for {sorted(missing)}"


# running ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith(("two", "MLP", "LeNet"))])
def test_the_models_train(name):
    step = MODELS[name][0](library("ours", 2))
    first, *_, last = (step()[0].item() for _ in range(4))
    assert last < first


def test_without_torch_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    said = CliRunner().invoke(program.app, ["ops", "--quick"])
    assert said.exit_code == 1
    assert "pip install 'lockstep[bench]'" in said.output.replace("\n", " ")


@needs_torch
@pytest.mark.parametrize(
    ("name", "only", "rows"),
    [("ops", "relu 1e3", 1), ("train", "MLP", 3)],
)
def test_a_program_runs_from_end_to_end(name, only, rows, tmp_path):
    command = [sys.executable, "-m", "benchmarks", name, "--only", only, "--quick", "--out", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert only.split()[0] in run.stdout
    found = json.loads((tmp_path / f"{name}.json").read_text())
    parts = [part for section in found["sections"] for part in section["parts"]]
    assert len(parts) >= rows
    assert all(row["ours"] > 0 and row["torch"] > 0 for part in parts for row in part["rows"])
    assert max(row["difference"] or 0 for part in parts for row in part["rows"]) < 1e-4
    ET.fromstring((tmp_path / f"{name}.svg").read_text())


@needs_torch
def test_what_we_do_not_have_is_no_failure_and_what_breaks_is(tmp_path):
    with measure.Process("ours", "ops") as process:
        broken = process.ask("prepare", row="no such row")
        fine = process.ask("prepare", row="elementwise: relu 1e3")
        timed = process.ask("time", seconds=0.0)
    result = measure.Result(Row("some", "part", "", None))
    assert measure.not_done(result, "ours", broken)
    assert result.failed
    assert "no such row" in result.note
    assert "values" in fine
    assert timed["seconds"] > 0
    later = measure.Result(Row("some", "part", "", None))
    assert measure.not_done(later, "ours", {"missing": "LSTM"})
    assert (later.note, later.failed) == ("not there yet: LSTM", False)
