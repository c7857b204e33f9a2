"""What the tables of runs say."""

from types import SimpleNamespace

from ui import run_rows


def test_columns_are_the_metrics_of_at_least_half_of_the_runs_with_metrics():
    def row(*keys):
        return run_rows.RunRow(SimpleNamespace(), 1.0, "", 1.0, dict.fromkeys(keys, 0.5))

    rows = [row("loss"), row("loss"), row("loss", "accuracy"), row(), row(), row(), row()]
    assert run_rows.columns(rows) == ["loss"]
    assert run_rows.columns([row("loss", "accuracy")]) == ["accuracy", "loss"]
    assert run_rows.columns([row()]) == []
