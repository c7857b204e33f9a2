"""Curves: what a reduced curve keeps, and what the figures show."""

import numpy as np
import pytest

from ui import charts, palette


def test_a_short_curve_is_drawn_as_it_is():
    shown = charts.curve([1, 2, 3], [3.0, 2.0, 1.0])
    assert shown.steps.tolist() == [1, 2, 3]
    assert shown.values.tolist() == [3.0, 2.0, 1.0]
    assert not shown.has_trend


def test_a_long_curve_is_small_and_keeps_its_spikes():
    values = np.sin(np.arange(100_000) / 3_000)
    values[12_345], values[67_890] = 40.0, -40.0
    shown = charts.curve(range(100_000), values)
    assert shown.points == 100_000
    assert shown.values.size <= charts.MAX_POINTS
    assert shown.values.max() == 40.0
    assert shown.values.min() == -40.0
    assert shown.steps[shown.values.argmax()] == 12_345
    assert (shown.steps[0], shown.steps[-1]) == (0, 99_999)
    assert (np.diff(shown.steps) > 0).all()


def test_one_nan_among_many_points_is_kept_as_a_gap():
    values = np.ones(50_000)
    values[30_000] = np.nan
    values[40_000] = np.inf
    shown = charts.curve(range(50_000), values)
    assert np.isnan(shown.values).sum() == 1
    assert shown.not_finite == 2
    figure = charts.run_chart("loss", {"train/loss": shown})
    assert all(np.isfinite(y) or np.isnan(y) for trace in figure.data for y in trace.y)


@pytest.mark.parametrize("values", [[], [1.0], [float("nan")], [float("inf")] * 3, [float("nan")] * 5_000])
def test_curves_without_anything_to_draw_are_drawn(values):
    shown = charts.curve(range(len(values)), values)
    charts.run_chart("loss", {"train/loss": shown}, logarithmic=True).to_json()


def test_points_logged_out_of_order_are_sorted_by_step():
    shown = charts.curve([1, 2, 3, 2, 3, 4], [9.0, 8.0, 7.0, 6.0, 5.0, 4.0])
    assert shown.steps.tolist() == [1, 2, 2, 3, 3, 4]


def test_a_noisy_curve_gets_its_trend():
    rng = np.random.default_rng(0)
    shown = charts.curve(range(4_000), 1.0 + rng.normal(0, 0.5, 4_000))
    assert shown.has_trend
    assert shown.trend_values.std() < 0.15
    assert shown.trend_values.mean() == pytest.approx(1.0, abs=0.05)


def test_families_put_accuracy_first_and_validation_before_train():
    keys = ["lr", "train/loss", "validation/accuracy", "validation/loss", "train/accuracy"]
    assert charts.families(keys) == {
        "accuracy": ["validation/accuracy", "train/accuracy"],
        "loss": ["validation/loss", "train/loss"],
        "lr": ["lr"],
    }


def test_train_and_validation_share_a_chart_in_their_colours():
    shown = charts.curve([1, 2], [0.5, 0.4])
    figure = charts.run_chart("loss", {"train/loss": shown, "validation/loss": shown})
    assert {trace.name: trace.line.color for trace in figure.data} == {
        "train": palette.SPLIT_COLOUR["train"],
        "validation": palette.SPLIT_COLOUR["validation"],
    }


def test_a_run_has_one_colour_in_every_chart():
    shown = charts.curve([1, 2], [0.5, 0.4])
    names = {"a": "run-1", "b": "run-2", "c": "run-3"}
    loss = {run_id: {"train/loss": shown, "validation/loss": shown} for run_id in names}
    accuracy = {run_id: {"validation/accuracy": shown} for run_id in ("b", "c")}  # one run lacks it
    colours = []
    for family, curves in (("loss", loss), ("accuracy", accuracy)):
        figure = charts.compare_chart(family, curves, names)
        colours.append({trace.legendgroup: trace.line.color for trace in figure.data})
    assert colours[0] == palette.colours_of(list(names))
    assert colours[1] == {run_id: colours[0][run_id] for run_id in ("b", "c")}


def test_the_legend_names_each_run_once():
    shown = charts.curve([1, 2], [0.5, 0.4])
    names = {str(i): f"run-{i}" for i in range(9)}
    figure = charts.compare_chart("loss", {i: {"train/loss": shown, "validation/loss": shown} for i in names}, names)
    assert [trace.name for trace in figure.data if trace.showlegend is not False] == list(names.values())
    looks = {(trace.line.color, trace.line.dash) for trace in figure.data if trace.showlegend is not False}
    assert len(looks) == 9  # more runs than colours: the dashes differ


def test_a_logarithmic_axis_is_left_out_where_a_value_is_not_positive():
    positive, zero = charts.curve([1, 2], [0.5, 0.4]), charts.curve([1, 2], [0.5, 0.0])
    assert charts.run_chart("loss", {"train/loss": positive}, logarithmic=True).layout.yaxis.type == "log"
    assert charts.run_chart("loss", {"train/loss": zero}, logarithmic=True).layout.yaxis.type is None


def test_the_likeliest_class_stands_out():
    figure = charts.probability_chart(["0", "1", "2"], [0.1, 0.7, 0.2])
    assert figure.data[0].marker.color[1] == palette.BLUE
    assert figure.data[0].text == ("10%", "70%", "20%")
