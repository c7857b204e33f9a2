"""The demo's own parts; what it trains and promotes with is tested where it lives."""

import subprocess
import sys

import pytest

import db
from ui import demo, pictures
from ui.samples import held_out
from workers.predict import predict


def test_the_other_process_predicts_the_same_without_research(promoted):
    rows = held_out(db.Store(), promoted).x
    assert demo._predict_without_research(promoted, rows)["labels"] == predict("digits", rows)["labels"]


def test_the_other_process_refuses_to_go_on_where_research_can_be_imported():
    unguarded = demo.WITHOUT_RESEARCH.replace('sys.modules["research"] = None', "pass")
    assert unguarded != demo.WITHOUT_RESEARCH
    done = subprocess.run([sys.executable, "-c", unguarded], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "research can be imported here" in done.stderr


def test_a_failing_prediction_is_not_passed_over(promoted):
    (promoted.path / "weights.safetensors").unlink()
    with pytest.raises(RuntimeError, match="weights"):
        demo._predict_without_research(promoted, held_out(db.Store(), promoted).x)


def test_a_digit_looks_like_one_in_ascii(promoted):
    lines = pictures.ascii_lines(held_out(db.Store(), promoted).x[0])
    assert len(lines) == 8
    assert {len(line) for line in lines} == {16}
    assert "@@" in "".join(lines)
    assert set("".join(lines)) <= set(pictures.RAMP)
