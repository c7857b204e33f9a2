"""The command line, as a user runs it: exit codes, one message for a mistake, and JSON that parses."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import db
from ui import watch
from ui.cli import app
from ui.problems import is_mistake
from workers import cluster
from workers.launch import experiments

MLP = next(path for path in experiments() if path.name == "digits_mlp.yaml")


def lockstep(*arguments: object, home: Path | None = None) -> "Done":
    """Runs the command as a user does; with `home` in that home."""
    environment = {**os.environ, **({"LOCKSTEP_HOME": str(home)} if home else {})}
    command = [sys.executable, "-m", "ui.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def quick(*arguments: object) -> "Done":
    """Runs the command in this process: the same, without a second of imports."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="lockstep")
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def json_of(*arguments: object) -> Any:
    """What the command printed with --json; a success without a word beside it."""
    done = quick(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def mistake(*arguments: object, by: Callable[..., Done] = quick) -> str:
    """The message of a command that refused: one on stderr, nothing on stdout, never a traceback."""
    done = by(*arguments)
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()
    return done.stderr


def test_help_loads_nothing_heavy():
    code = "import ui.cli, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"ray", "streamlit", "sklearn", "pandas", "plotly", "sqlalchemy", "pydantic", "numpy", "research"}
    assert not heavy & set(loaded)


def test_help_names_every_command():
    done = quick("--help")
    assert done.returncode == 0
    for command in ("ui", "train", "runs", "show", "compare", "stop", "promote", "models", "predict", "demo"):
        assert f"  {command} " in done.stdout


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["optimizer.rate=0.1"], "rate"),
        (["epochs=many"], "epochs"),
        (["net=[Flatten, {Liner: [64, 10]}]"], "Liner"),
        (["net=[Flatten, {Linear: [63, 10]}]"], "63"),
        (["data={source: npz, path: nowhere.npz}"], "nowhere.npz"),
        (["net={module: nowhere:Net}"], "nowhere"),
        (["epochs"], "key.path=value"),
    ],
)
def test_a_mistake_in_a_spec_is_told_and_nothing_is_begun(home, changes, told):
    options = [word for change in changes for word in ("--set", change)]
    assert told in mistake("train", MLP, *options, by=lockstep)
    assert not (home / "cluster.json").exists()
    assert db.Store().runs() == []


def test_a_missing_spec_is_told(home):
    assert "nowhere.yaml" in mistake("train", home / "nowhere.yaml", by=lockstep)


def test_a_spec_that_is_no_yaml_is_told_with_its_line(home):
    (home / "broken.yaml").write_text("name: x\nnet: [Flatten\nepochs: 3\n")
    assert "broken.yaml, line" in mistake("train", home / "broken.yaml")


@pytest.mark.parametrize("command", [["show"], ["stop"], ["promote"], ["compare", "digits-mlp-1"]])
def test_an_unknown_run_is_told_with_what_exists(runs, command):
    assert runs[0] in mistake(*command, "0123456789ab", by=lockstep if command == ["show"] else quick)


def test_an_ambiguous_beginning_is_told(runs):
    assert "0123456789ab" not in mistake("show", "")


@pytest.mark.parametrize("command", [["runs"], ["show", "x"], ["models"], ["predict", "m", "--sample", "0"]])
def test_a_store_from_a_newer_version_is_told(runs, home, command):
    with sqlite3.connect(home / "lockstep.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer" in mistake(*command, by=lockstep if command == ["runs"] else quick)


def test_a_file_that_is_no_store_is_told_and_left_alone(home):
    (home / "lockstep.db").write_bytes(b"not a database at all" * 100)
    assert "not a Lockstep store" in mistake("runs")
    assert (home / "lockstep.db").read_bytes().startswith(b"not a database")


@pytest.mark.parametrize(
    "command",
    [
        ["compare", "digits-mlp-1"],
        ["stop", "digits-mlp-1"],
        ["runs", "--state", "walking"],
        ["predict", "m"],
        ["train"],
    ],
)
def test_what_makes_no_sense_is_told(runs, command):
    mistake(*command)


def test_runs_in_words_and_in_json(runs):
    done = quick("runs")
    assert done.returncode == 0
    assert "digits-cnn-1" in done.stdout
    listed = json_of("runs", "--limit", "2")
    assert [run["id"] for run in listed] == runs[:1:-1]
    assert listed[0]["metrics"]["validation/accuracy"] > 0.9


def test_an_empty_store_lists_nothing(home):
    assert json_of("runs") == []
    assert json_of("models") == []
    assert "lockstep train" in quick("runs").stdout


def test_show_in_words_and_in_json(runs):
    done = quick("show", "digits-mlp-1")
    assert done.returncode == 0
    assert "validation/accuracy" in done.stdout
    shown = json_of("show", runs[0][:8])
    assert shown["id"] == runs[0]
    assert shown["params"]["optimizer.lr"] == 0.001
    assert shown["logs"][-1].startswith("epoch 20")


def test_compare_in_words_and_in_json(runs):
    assert "optimizer.lr" in quick("compare", *runs).stdout
    compared = json_of("compare", *runs)
    assert compared["runs"] == runs
    assert compared["differing_params"]["optimizer.lr"] == [0.001, 0.003, 0.0003, 0.01]
    assert compared["best"] in runs


def test_values_that_json_lacks_are_written_as_text(home):
    with db.Writer() as writer:
        run_id = writer.create_run("x", {}, {})
        journal = db.Journal(home / "runs" / run_id / "journal.jsonl")
        writer.append(run_id, [journal.write("metric", key="loss", step=1, value=float("nan"))])
    assert json_of("show", run_id)["metrics"] == {"loss": "NaN"}


def test_promote_predict_and_models(trained, home):
    version = json_of("promote", trained[:6], "--name", "digits", "--alias", "production")
    assert (version["model"], version["version"], version["alias"]) == ("digits", 1, "production")
    assert version["proof"]["bit_for_bit"] is True
    assert json_of("models")[0]["aliases"] == {"production": 1}
    assert "bit for bit" in quick("models").stdout

    said = json_of("predict", "digits", "--sample", "3", "--version", "production")
    assert said["labels"] == [said["label"]]
    assert sum(said["probabilities"][0]) == pytest.approx(1)
    assert "It says" in quick("predict", "digits", "--sample", "3").stdout


def test_predict_on_files(promoted, home):
    from ui.samples import held_out

    rows = held_out(db.Store(), promoted)
    np.save(home / "rows.npy", rows.x[:40])
    from_rows = json_of("predict", "digits", "--input", home / "rows.npy")
    assert len(from_rows["labels"]) == 40
    pixels = 255 - (np.kron(rows.x[3].reshape(8, 8), np.ones((20, 20))) * 255).astype(np.uint8)  # ink on paper
    Image.fromarray(np.pad(pixels, 40, constant_values=255)).save(home / "three.png")
    assert json_of("predict", "digits", "--input", home / "three.png")["labels"] == [from_rows["labels"][3]]
    assert "and 20 rows more" in quick("predict", "digits", "--input", home / "rows.npy").stdout


def test_inputs_that_do_not_fit_are_told(promoted, home):
    np.save(home / "wrong.npy", np.zeros((2, 5)))
    assert "(2, 5)" in mistake("predict", "digits", "--input", home / "wrong.npy")
    np.save(home / "nan.npy", np.full((1, 8, 8), np.nan))
    assert "NaN" in mistake("predict", "digits", "--input", home / "nan.npy")
    (home / "text.png").write_text("no image")
    assert "not an image" in mistake("predict", "digits", "--input", home / "text.png")
    (home / "text.npy").write_text("no array")
    assert "not a readable .npy" in mistake("predict", "digits", "--input", home / "text.npy")
    for header in (b"{'descr': '<f4', 'shape': (", b"{'descr'", b"1 +", b"(" * 90, b"\xff", b"{" * 3 + b"\n  x"):
        version = b"\x93NUMPY\x01\x00"
        (home / "damaged.npy").write_bytes(version + len(header).to_bytes(2, "little") + header)
        assert "not a readable .npy" in mistake("predict", "digits", "--input", home / "damaged.npy")
    with (home / "several.npy").open("wb") as file:
        np.savez(file, x=np.zeros((1, 8, 8)))
    assert "not a readable .npy" in mistake("predict", "digits", "--input", home / "several.npy")
    assert "no such file" in mistake("predict", "digits", "--input", home / "nowhere.npy")
    assert "0 to 358" in mistake("predict", "digits", "--sample", "9999")
    assert "production" in mistake("predict", "digits", "--sample", "0", "--version", "staging")
    assert "digits" in mistake("predict", "digit", "--sample", "0")


def test_a_damaged_model_is_told(promoted):
    (promoted.path / "weights.safetensors").write_bytes(b"garbage")
    assert "damaged" in mistake("predict", "digits", "--sample", "0", by=lockstep)


def test_a_taken_port_is_told_before_anything_starts(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port}" in mistake("ui", "--port", port)
    assert not (home / "cluster.json").exists()


def test_train_shows_progress_apart_from_its_json(live_home):
    done = lockstep("train", MLP, "--set", "epochs=3", "--set", "name=short", "--json", home=live_home)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert (run["state"], run["experiment"]) == ("finished", "short")
    assert run["metrics"]["validation/accuracy"] > 0.5


def test_a_run_that_fails_is_exit_code_1(live_home, tmp_path):
    x = np.full((40, 64), 1e38, dtype=np.float32)  # finite, but no sum of them is
    np.savez(tmp_path / "huge.npz", x=x, y=np.arange(40) % 10)
    data = f"data={{source: npz, path: {tmp_path / 'huge.npz'}}}"
    done = lockstep("train", MLP, "--set", data, "--set", "name=diverges", home=live_home)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "loss" in done.stderr


def test_ctrl_c_stops_the_run_and_waits_for_its_checkpoint(live_home):
    command = [sys.executable, "-m", "ui.cli", "train", str(MLP), "--set", "epochs=100000", "--set", "name=endless"]
    environment = {**os.environ, "LOCKSTEP_HOME": str(live_home)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        store = db.Store(live_home / "lockstep.db")
        run = until(lambda: next((run for run in store.runs(experiment="endless") if run.progress), None))
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=40)
    finally:
        process.kill()
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert store.run(run.id).state == "stopped"
    assert any("last" in artifact.name for artifact in store.artifacts(run.id)), store.artifacts(run.id)


@pytest.mark.parametrize("kind", ["KeeperGone", "KeeperAbsent"])
def test_a_keeper_that_is_gone_is_told_and_a_defect_in_it_is_not(kind):
    assert is_mistake(type(kind, (Exception,), {"__module__": "workers.line"})("gone"))
    assert not is_mistake(type("KeeperError", (Exception,), {"__module__": "workers.line"})("defect"))


def test_follow_goes_on_while_a_keeper_may_still_hear_from_the_run(monkeypatch):
    run = SimpleNamespace(ended=True, presumed=True)
    monkeypatch.setattr(cluster, "running_keeper", lambda: object())
    assert not watch._is_over(run)
    assert watch._is_over(SimpleNamespace(ended=True, presumed=False))
    assert not watch._is_over(SimpleNamespace(ended=False, presumed=False))
    monkeypatch.setattr(cluster, "running_keeper", lambda: None)
    assert watch._is_over(run)


def until(found, timeout_s: float = 60.0):
    """What `found` returns, as soon as it is something."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if (result := found()) is not None:
            return result
        time.sleep(0.05)
    raise AssertionError(f"nothing within {timeout_s} s")
