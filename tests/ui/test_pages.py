"""Each page on a real store: empty, filled, and broken."""

import json
import sqlite3
import time
from pathlib import Path

import filled_stores
import pytest
from streamlit.testing.v1 import AppTest

import db
import ui
from ui import session

APP = str(Path(ui.__file__).with_name("app.py"))


def opened(page: str, **query: str) -> AppTest:
    """The app with this page open. A page that shows a traceback fails here."""
    app = AppTest.from_file(APP, default_timeout=30)
    app.query_params.update(query)
    app.run()
    if page != session.LAUNCH:
        app.switch_page(page).run()
    assert not app.exception, app.exception
    return app


def texts(app: AppTest) -> str:
    """Everything written on the page."""
    kinds = (
        app.title,
        app.subheader,
        app.markdown,
        app.caption,
        app.info,
        app.error,
        app.success,
        app.warning,
        app.code,
    )
    return "\n".join(str(element.value) for kind in kinds for element in kind)


@pytest.mark.parametrize("page", [session.RUNS, session.COMPARE, session.MODELS])
def test_an_empty_page_says_what_to_do_next(home, page):
    app = opened(page)
    assert not app.error
    assert [link.proto.label for link in app.get("page_link")] == ["**Launch an experiment**"]


def test_launch_shows_the_examples_with_their_defaults(home):
    app = opened(session.LAUNCH)
    assert app.title[0].value == "Launch"
    names = [field.value for field in app.text_input]
    assert any(str(name).startswith("digits-") for name in names)
    assert app.button(key="launch")


def test_a_mistake_in_the_form_is_told_in_a_box_and_creates_no_run(home):
    app = opened(session.LAUNCH)
    next(field for field in app.text_input if field.label == "Name").set_value("two words")
    app.button(key="launch").click().run()
    assert not app.exception
    assert "name" in app.error[0].value
    assert "two words" in app.error[0].value
    assert db.Store().runs() == []


SPEC = "name: mine\ndata: {source: digits}\nnet: [Flatten, {Linear: [64, 10]}]\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("epochs: 20.7", "epochs: "),
        ("loss: mea", "loss: "),
        ("lernrate: 0.5", "lernrate: "),
        ("optimizer: {name: RMSprop}", "optimizer.name: "),
        ("seed: -1", "seed: "),
        ("", None),
    ],
)
def test_a_mistake_in_a_file_is_told_above_the_form(home, line, told):
    path = home / "experiments" / "mine.yaml"
    path.parent.mkdir()
    path.write_text(SPEC + line + "\n")
    app = opened(session.LAUNCH)
    choice = next(each for each in (*app.selectbox, *app.button_group) if each.key == "launch-example")
    choice.set_value(path).run()
    assert not app.exception
    boxes = [error.value.replace("\\", "") for error in app.error]
    assert len(boxes) == (told is not None)
    assert all(told in box and "mine.yaml" in box for box in boxes)
    assert app.button(key="launch")


IMAGE = "![x](http://evil/p.png)"


def test_names_from_elsewhere_are_no_markdown(home, promoted):
    with db.Writer(home / "lockstep.db") as writer:
        run_id = writer.create_run(IMAGE, {}, {IMAGE: IMAGE})
        journal = db.Journal(home / "runs" / run_id / "journal.jsonl")
        writer.append(
            run_id,
            [
                journal.write("state", state="running", message=""),
                journal.write("metric", key=IMAGE, step=1, value=1.0),
                journal.write("log", rank=0, text=IMAGE),
                journal.write("state", state="failed", message=f"`a\n\n{IMAGE}`"),
            ],
        )
    app = opened(session.RUNS)
    shown = [element.value for kind in (app.subheader, app.markdown, app.caption, app.error) for element in kind]
    labels = [element.label for element in app.metric]
    options = [option.content for group in app.get("button_group") for option in group.proto.options]
    assert sum("evil" in text for text in [*shown, *labels, *options]) >= 4
    assert not [text for text in [*shown, *labels, *options] if IMAGE in text]


def test_runs_shows_the_newest_run(runs):
    app = opened(session.RUNS)
    assert app.subheader[0].value == "digits-mlp-3"
    assert len(app.get("plotly_chart")) == 2  # accuracy, loss
    assert {metric.label for metric in app.metric} >= {"validation accuracy", "validation loss", "duration"}
    assert "epoch 20: loss" in texts(app)


def test_the_share_of_waiting_is_a_bar_as_wide_as_its_cell(runs):
    app = opened(session.RUNS)
    run = db.Store().run(runs[-1])
    bars = [round(bar.value) for bar in app.get("progress")]
    assert bars == [100, round(100 * run.data_s / (run.data_s + run.compute_s))]


def test_the_address_names_a_run(runs):
    assert opened(session.RUNS, run=runs[0]).subheader[0].value == "digits-mlp-1"


def test_an_unknown_run_is_told_in_a_box(runs):
    app = opened(session.RUNS, run="0123456789ab")
    assert "0123456789ab" in app.error[0].value
    assert app.run().subheader[0].value == "digits-mlp-3"  # and forgotten


@pytest.fixture
def all_states(home):
    return filled_stores.fill_all_states(home / "lockstep.db")


def test_a_failed_run_says_why(all_states):
    app = opened(session.RUNS, run=all_states["failed"])
    assert "batch\\_size 1000000 needs 4 GB" in app.error[0].value


def test_an_active_run_can_be_stopped(all_states):
    app = opened(session.RUNS, run=all_states["running"])
    assert not app.button(key="stop-run").disabled
    app.button(key="stop-run").click().run()
    assert not app.exception
    assert db.Store().run(all_states["running"]).stop_requested


def test_an_ended_run_cannot_be_stopped_but_promoted(all_states):
    app = opened(session.RUNS, run=all_states["finished"])
    keys = {button.key for button in app.button}
    assert "stop-run" not in keys
    assert "promote-run" in keys


def test_compare_lays_the_newest_finished_runs_over_each_other(runs):
    app = opened(session.COMPARE)
    assert app.multiselect[0].value == [runs[3], runs[2]]
    assert len(app.get("plotly_chart")) == 2
    finals, params = app.dataframe[0].value, app.dataframe[1].value
    assert list(finals["run"]) == ["⬤ digits-mlp-3", "⬤ digits-mlp-2"]
    assert list(params["optimizer.lr"]) == ["0.01", "0.0003"]
    assert "net" not in params


def test_compare_takes_more_runs_and_fewer(runs):
    app = opened(session.COMPARE)
    app.multiselect[0].set_value(runs).run()
    assert not app.exception
    assert len(app.dataframe[0].value) == 4
    app.multiselect[0].set_value(runs[:1]).run()
    assert "two or more" in app.info[0].value


def test_compare_button_brings_its_run(runs):
    app = opened(session.RUNS, run=runs[0])
    app.button(key="compare-run").click().run()
    assert not app.exception
    app.switch_page(session.COMPARE).run()
    assert runs[0] in app.multiselect[0].value


def test_many_runs_with_many_points_open_quickly(home):
    with db.Writer(home / "lockstep.db") as writer:
        for position in range(12):
            filled_stores.add_run(writer, home / "runs", params={"seed": position}, steps_per_epoch=250)
    began = time.monotonic()
    app = opened(session.RUNS)
    assert time.monotonic() - began < 10
    drawn = [len(trace["x"]["bdata"]) if isinstance(trace["x"], dict) else len(trace["x"]) for trace in traces(app)]
    assert max(drawn) < 30_000  # bytes of at most 2,000 points, not of 5,000


def traces(app: AppTest) -> list[dict]:
    return [trace for chart in app.get("plotly_chart") for trace in json.loads(chart.proto.spec)["data"]]


@pytest.mark.parametrize("page", [session.RUNS, session.COMPARE, session.MODELS])
def test_a_file_that_is_no_store_is_told_in_a_box(home, page):
    (home / "lockstep.db").write_bytes(b"not a database at all" * 100)
    assert "not a Lockstep store" in opened(page).error[0].value


@pytest.mark.parametrize("page", [session.RUNS, session.COMPARE, session.MODELS])
def test_a_store_from_a_newer_version_is_told_in_a_box(runs, home, page):
    with sqlite3.connect(home / "lockstep.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer" in opened(page).error[0].value


def test_promoting_shows_the_proof(trained):
    app = opened(session.MODELS)
    app.text_input(key="promote-alias").set_value("production")
    app.button(key="promote").click().run()
    assert not app.exception
    assert not app.error, app.error[0].value
    assert "bit for bit" in app.success[0].value
    assert db.Store().model("digits-mlp").aliases == {"production": 1}
    assert set(app.dataframe[0].value["rows"]) >= {1, 2, 7}
    assert "held-out rows" in texts(app)


def test_a_model_name_that_cannot_be_is_told_in_a_box(trained):
    app = opened(session.MODELS)
    app.text_input(key=f"promote-name-{trained}").set_value("../../etc")
    app.button(key="promote").click().run()
    assert not app.exception
    assert "'../../etc'" in app.error[0].value
    assert db.Store().models() == []


def test_a_run_without_a_checkpoint_is_told_in_a_box(runs):
    app = opened(session.MODELS)
    app.button(key="promote").click().run()
    assert not app.exception
    assert "checkpoint" in app.error[0].value


def test_aliases_are_set_and_removed(promoted):
    app = opened(session.MODELS)
    app.text_input(key="alias-name-digits").set_value("candidate")
    button(app, "Point at version 1").click().run()
    assert db.Store().model("digits").aliases == {"production": 1, "candidate": 1}
    app.text_input(key="alias-name-digits").set_value("production")
    button(app, "Remove alias").click().run()
    assert db.Store().model("digits").aliases == {"candidate": 1}
    button(app, "Remove alias").click().run()
    assert not app.exception
    assert app.error


def button(app: AppTest, label: str):
    return next(each for each in app.button if each.label == label)


def test_a_sample_is_predicted(promoted):
    app = opened(session.MODELS)
    app.number_input(key="try-row").set_value(7).run()
    assert "It says" in texts(app)
    bars = next(trace for trace in traces(app) if trace["type"] == "bar")
    assert bars["x"] == [str(digit) for digit in range(10)]


def test_drawing_and_image_files_are_offered(promoted):
    app = opened(session.MODELS)
    for way in ("Draw", "Image file"):
        app.button_group(key="try-way").set_value(way).run()
        assert not app.exception, app.exception
        assert not app.error


def test_a_damaged_model_is_told_in_a_box(promoted):
    (promoted.path / "weights.safetensors").write_bytes(b"garbage")
    app = opened(session.MODELS)
    assert "damaged" in app.error[0].value
    assert "bit for bit" in app.success[0].value  # the rest of the page stands
