"""Store: what was written is what is read, by a statement or two whatever the number of runs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from events_for_tests import event, log, metric
from sqlalchemy import event as alchemy_event

from db import Journal, Run, Store, StoreError, UnknownRun, Writer, home, journal_path


@contextmanager
def statements_of(store: Store) -> Iterator[list[str]]:
    """The statements that a block sends."""
    sent: list[str] = []

    def note(connection, cursor, statement, parameters, context, executemany):
        if statement != "BEGIN":
            sent.append(statement)

    alchemy_event.listen(store._engine, "before_cursor_execute", note)
    yield sent
    alchemy_event.remove(store._engine, "before_cursor_execute", note)


def plan_of(store: Store, statement: str) -> str:
    """SQLite's plan for a statement whose parameters do not matter."""
    with store._engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (None,) * statement.count("?"))
        return "\n".join(str(row[-1]) for row in rows)


def test_a_run_is_read_as_it_was_written(writer: Writer, store: Store, tmp_path: Path) -> None:
    before = time.time()
    spec = {"net": [{"Linear": [64, 10]}], "lr": float("inf"), "name": "数字 🙂"}
    params = {"lr": 0.1, "layers": 2, "bias": True, "seed": None, "name": "é\0'\"", "worst": float("-inf")}
    first = writer.create_run("digits", spec, params)
    second = writer.create_run("digits", {}, {}, run_dir=tmp_path / "elsewhere", parent=first)
    run = store.run(first)
    assert (run.id, run.experiment, run.name, run.state, run.message) == (first, "digits", "digits-1", "created", "")
    assert (run.spec, run.params) == (spec, params)
    assert list(run.params) == list(params), "params keep the order they came in"
    assert [type(value) for value in run.params.values()] == [type(value) for value in params.values()]
    assert before <= run.created_at == run.heartbeat_at <= time.time()
    assert (run.started_at, run.ended_at, run.parent, run.stop_requested) == (None, None, None, False)
    assert (run.progress, run.environment, run.data_s, run.compute_s) == ({}, {}, 0.0, 0.0)
    assert run.run_dir == writer.path.parent / "runs" / first
    again = store.run(second)
    assert (again.parent, again.run_dir, again.name) == (first, tmp_path / "elsewhere", "digits-2")


def test_ids_are_twelve_hex_characters_and_a_beginning_or_the_name_will_do(writer: Writer, store: Store) -> None:
    run_id = writer.create_run("digits", {}, {})
    assert len(run_id) == 12
    assert set(run_id) <= set("0123456789abcdef")
    assert store.run(run_id[:5]).id == store.run("digits-1").id == run_id
    assert store.metric_keys(run_id[:5]) == []


def test_runs_come_newest_first_and_can_be_narrowed(writer: Writer, store: Store) -> None:
    a, b, c = (writer.create_run(name, {}, {}) for name in ("a", "b", "a"))
    writer.update_run(b, state="running")

    def ids(runs: list[Run]) -> list[str]:
        return [run.id for run in runs]

    assert ids(store.runs()) == [c, b, a]
    assert ids(store.runs(experiment="a")) == [c, a]
    assert ids(store.runs(state="running")) == [b]
    assert ids(store.runs(experiment="a", state="created", limit=1)) == [c]
    assert store.runs(experiment="nothing of the kind") == []
    with pytest.raises(StoreError, match="one of created, running, finished, failed, stopped; got 'done'"):
        store.runs(state="done")


def test_lists_of_runs_and_their_last_values_take_one_indexed_statement(writer: Writer, store: Store) -> None:
    ids = [writer.create_run(f"e{n % 3}", {"n": n}, {"lr": n, "seed": 1}) for n in range(40)]
    for n, run_id in enumerate(ids):
        writer.append(run_id, [metric(1, n, key="loss"), metric(2, -n, key="acc")])
    with statements_of(store) as sent:
        runs = store.runs()
    assert len(sent) == 1
    assert [run.params["lr"] for run in runs] == list(reversed(range(40)))
    with statements_of(store) as sent:
        assert store.final_metrics(ids) == {run_id: {"acc": -n, "loss": n} for n, run_id in enumerate(ids)}
    assert len(sent) == 1
    plan = plan_of(store, sent[0])
    assert "SEARCH runs USING" in plan
    assert "SEARCH series USING" in plan
    for narrowed in ({"experiment": "e1"}, {"state": "failed"}):
        with statements_of(store) as sent:
            store.runs(**narrowed)
        assert "SCAN runs" not in plan_of(store, sent[0]), narrowed


def test_final_metrics_of_a_run_without_any(writer: Writer, store: Store, run_id: str) -> None:
    assert store.final_metrics([run_id, "no such run"]) == {run_id: {}, "no such run": {}}
    assert store.final_metrics([]) == {}


def test_logs_in_order_and_their_tail(writer: Writer, store: Store, run_id: str) -> None:
    writer.append(run_id, [log(n, f"line {n} é\ud800", rank=n % 2) for n in range(1, 6)])
    lines = store.logs(run_id)
    assert [(line.seq, line.rank, line.text) for line in lines] == [
        (n, n % 2, f"line {n} é\\ud800") for n in range(1, 6)
    ]
    assert store.logs(run_id, tail=2) == lines[-2:]
    assert store.logs(run_id, tail=0) == []


def test_artifacts_are_replaced_under_their_name(writer: Writer, store: Store, run_id: str, tmp_path: Path) -> None:
    writer.add_artifact(run_id, "weights", tmp_path / "old", "00", 1)
    writer.add_artifact(run_id, "weights", tmp_path / "new", "ff", 2**40)
    writer.add_artifact(run_id, "a 图", "/a", "aa", 0)
    found = store.artifacts(run_id)
    assert [(a.name, a.path, a.sha256, a.bytes) for a in found] == [
        ("a 图", Path("/a"), "aa", 0),
        ("weights", tmp_path / "new", "ff", 2**40),
    ]


def test_progress_timing_and_environment(writer: Writer, store: Store, run_id: str) -> None:
    writer.append(
        run_id,
        [
            event(1, "progress", step=1, total_steps=9, epoch=0, epochs=3),
            event(2, "timing", data_s=0.5, compute_s=1.5),
            event(3, "progress", step=2, total_steps=9, epoch=0, epochs=3),
        ],
    )
    writer.update_run(run_id, environment={"python": "3.11", "packages": {"numpy": "2"}}, message="warming up")
    run = store.run(run_id)
    assert run.progress == {"step": 2, "total_steps": 9, "epoch": 0, "epochs": 3}
    assert (run.data_s, run.compute_s, run.message, run.state) == (0.5, 1.5, "warming up", "running")
    assert run.environment == {"python": "3.11", "packages": {"numpy": "2"}}


def test_an_unknown_run_says_what_exists(writer: Writer, store: Store) -> None:
    with pytest.raises(UnknownRun, match=r"no run 'abc'\. There are no runs \(newest first\) in this store yet"):
        store.run("abc")
    run_id = writer.create_run("digits", {}, {})
    slip = run_id[:5] + ("0" if run_id[5] != "0" else "1") + run_id[6:]
    for ask in (store.run, store.metrics, store.metric_keys, store.logs, store.artifacts, writer.request_stop):
        with pytest.raises(UnknownRun) as raised:
            ask(slip)
        assert f"There is no run {slip!r}. Did you mean {run_id}?" in raised.value.args[0]
    with pytest.raises(UnknownRun):
        store.run("")


def test_an_ambiguous_beginning_names_the_candidates(
    writer: Writer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = iter(["abc000000000", "abc000000001", "abd000000000"])
    monkeypatch.setattr("db.writer.secrets.token_hex", lambda _: next(ids))
    for _ in range(3):
        writer.create_run("digits", {}, {})
    with pytest.raises(UnknownRun, match=r"Several runs begin with 'abc': abc000000000, abc000000001\. Give more"):
        store.run("abc")
    assert store.run("abd").id == "abd000000000"


def test_a_new_store_is_created_where_nothing_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_HOME", str(tmp_path / "not" / "there" / "50% é?#"))
    monkeypatch.chdir(tmp_path)
    store = Store()
    assert store.runs() == []
    assert store.models() == []
    assert store.path == home() / "lockstep.db"
    assert store.path.is_file()


def test_home_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOCKSTEP_HOME", "some/where")
    monkeypatch.chdir(tmp_path)
    assert home() == tmp_path / "some" / "where"
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("LOCKSTEP_HOME", "")
    assert home() == Path("/home/someone/.lockstep")


def test_a_reader_neither_writes_nor_waits_while_a_transaction_is_open(writer: Writer, store: Store) -> None:
    run_id = writer.create_run("digits", {}, {})
    with writer._write() as connection:
        connection.exec_driver_sql("UPDATE runs SET message = 'not committed yet'")
        began = time.monotonic()
        assert store.run(run_id).message == ""
        assert time.monotonic() - began < 1.0
    assert store.run(run_id).message == "not committed yet"
    with pytest.raises(Exception, match="readonly"), store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE runs SET message = 'from a reader'")


def test_reading_goes_on_after_the_writer_is_gone_and_after_the_folder_is(path: Path) -> None:
    with Writer(path) as writer:
        run_id = writer.create_run("digits", {}, {})
        store = Store(path)
    assert store.run(run_id).id == run_id
    for file in path.parent.iterdir():
        file.unlink()
    path.parent.rmdir()
    assert store.runs() == []


def test_a_silent_run_is_shown_and_found_as_failed(writer: Writer, store: Store) -> None:
    created, running, fresh = (writer.create_run("digits", {}, {}) for _ in range(3))
    for run_id in (running, fresh):
        writer.update_run(run_id, state="running")

    def silent_for(run_id: str, seconds: float) -> None:
        with writer._write() as connection:
            connection.exec_driver_sql("UPDATE runs SET heartbeat_at = ? WHERE id = ?", (time.time() - seconds, run_id))

    silent_for(created, 50)
    silent_for(running, 20)
    silent_for(fresh, 10)
    assert [store.run(run_id).state for run_id in (created, running, fresh)] == ["created", "failed", "running"]
    shown = store.run(running)
    assert "No sign of life for 20 s" in shown.message
    assert shown.ended_at == shown.heartbeat_at
    assert shown.ended
    assert [run.id for run in store.runs(state="failed")] == [running]
    assert [run.id for run in store.runs(state="running")] == [fresh]
    assert [run.id for run in store.runs(state="created")] == [created]
    silent_for(created, 61)
    assert "It never started" in store.run(created).message
    assert {run.id for run in store.runs(state="failed")} == {running, created}
    assert store.runs(state="created") == []


def test_runs_are_counted_by_their_states(writer: Writer, store: Store, run_id: str) -> None:
    for _ in range(2):
        writer.create_run("digits", {}, {})
    assert store.count("running", "created") == 3
    assert [store.count(state) for state in ("running", "created", "failed")] == [1, 2, 0]


def test_what_is_made_is_this_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "home" / "lockstep.db"
    with Writer(path) as writer:
        run_id = writer.create_run("digits", {}, {})
    with Journal(journal_path(Store(path).run(run_id).run_dir)) as journal:
        made = [path.parent.parent, path.parent, journal.path.parent, journal.path, path.with_name("lockstep.db.lock")]
        assert [file.stat().st_mode & 0o077 for file in made] == [0] * 5
    path.parent.chmod(0o755)
    Writer(path).close()
    assert path.parent.stat().st_mode & 0o777 == 0o755, "what was there is its owner's choice"
