"""The profiler: what it counts, by op and by line, and the trace that it writes."""

import inspect
import json
import threading

import pytest

import research as torch
from research import nn
from research.intercept import pull_wrappers, wrappers


def test_ops_are_counted_forward_and_backward():
    x = torch.randn(4, 5, requires_grad=True)
    with torch.profile() as p:
        for _ in range(3):
            (x.sin() * 2).sum().backward()
    calls = {row.key: row.calls for row in p.rows()}
    assert calls == {name + way: 3 for name in ("sin", "mul", "sum") for way in ("", " backward")}
    sin = next(row for row in p.rows() if row.key == "sin")
    assert sin.nbytes == 3 * 4 * 5 * 4


def test_lines_carry_the_time_of_both_ways():
    x = torch.randn(4, requires_grad=True)
    with torch.profile() as p:
        y = x.sin()
        line = inspect.currentframe().f_lineno - 1
        y.sum().backward()
    lines = {row.key.rpartition("/")[2]: row.calls for row in p.rows("line")}
    assert lines == {f"test_profiler.py:{line}": 2, f"test_profiler.py:{line + 2}": 2}


def test_own_times_add_up_to_no_more_than_the_whole():
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
    with torch.profile() as p:
        model(torch.randn(16, 8)).sum().backward()
    assert 0 < sum(row.seconds for row in p.rows()) <= p.seconds


def test_the_table_is_sorted_and_cut():
    x = torch.randn(3)
    with torch.profile() as p:
        for _ in range(5):
            x.sin()
        x.cos()
    lines = p.table(sort_by="calls", row_limit=1).splitlines()
    assert lines[2].split()[0] == "sin"
    assert lines[-1] == "… and 1 more"
    assert "sin" in str(p)
    with pytest.raises(ValueError, match="sorted by 'seconds', 'calls' or 'nbytes'; got by='op', sort_by='beauty'"):
        p.rows(sort_by="beauty")


def test_a_trace_for_chrome(tmp_path):
    with torch.profile() as p, torch.profiler.record_function("my part"):
        torch.randn(3).sin()
    p.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    by_name = {e["name"]: e for e in events}
    outer, inner = by_name["my part"], by_name["sin"]
    assert outer["ph"] == inner["ph"] == "X"
    assert outer["ts"] <= inner["ts"]
    assert inner["ts"] + inner["dur"] <= outer["ts"] + outer["dur"]


def test_all_threads_are_seen():
    with torch.profile() as p:
        threads = [threading.Thread(target=torch.randn(3).sin) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert next(row.calls for row in p.rows() if row.key == "sin") == 4


def test_events_are_bounded_and_sums_go_on():
    with torch.profile(max_events=10) as p:
        for _ in range(20):
            torch.randn(1).sin()
    assert len(p.events) == 10
    assert next(row.calls for row in p.rows() if row.key == "sin") == 20


def test_it_leaves_nothing_behind_when_the_program_fails():
    with pytest.raises(KeyError), torch.profile():
        raise KeyError
    assert not wrappers
    assert not pull_wrappers
