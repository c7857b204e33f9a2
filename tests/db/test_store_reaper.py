"""Runs whose process is gone: first their words, then their end."""

import os
import time
from pathlib import Path

import pytest
from events_for_tests import metric

from db import Journal, Store, Writer
from db.reaper import BATCH


def journal_of(store: Store, run_id: str) -> Journal:
    return Journal(store.run(run_id).run_dir / "journal.jsonl")


def written_ago(journal: Journal, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(journal.path, (then, then))


def heard_ago(writer: Writer, run_id: str, seconds: float) -> None:
    with writer._write() as connection:
        connection.exec_driver_sql("UPDATE runs SET heartbeat_at = ? WHERE id = ?", (time.time() - seconds, run_id))


def test_only_the_silent_are_reaped(writer: Writer, store: Store, run_id: str) -> None:
    silent, waiting, never, done = (writer.create_run("digits", {}, {}) for _ in range(4))
    for each in (silent, done):
        writer.update_run(each, state="running")
    writer.update_run(done, state="finished")
    for each, seconds in ((silent, 16), (waiting, 50), (never, 61), (done, 99)):
        heard_ago(writer, each, seconds)
    heard_at = store.run(silent).heartbeat_at
    assert writer.reap() == [silent, never]
    run = store.run(silent)
    assert run.state == "failed"
    assert "No sign of life for 16 s" in run.message
    assert run.ended_at == heard_at
    assert "never started: no sign of life in the 61 s" in store.run(never).message
    assert [store.run(each).state for each in (run_id, waiting, done)] == ["running", "created", "finished"]
    assert writer.reap() == []


def test_the_journal_is_stored_first_and_its_last_word_quoted(writer: Writer, store: Store, run_id: str) -> None:
    with journal_of(store, run_id) as journal:
        arrived = [journal.write("metric", key="loss", step=n, value=n) for n in range(3)]
        writer.append(run_id, arrived)
        for n in range(3, 6):
            journal.write("metric", key="loss", step=n, value=float("nan") if n == 4 else n)
        journal.write("log", rank=1, text="last line")
        journal.write("timing", data_s=1.0, compute_s=2.0)
        journal.write("progress", step=6, total_steps=90, epoch=0, epochs=3)
        journal.write("state", state="running", message="epoch 1")
    with journal.path.open("ab") as file:
        file.write(b'{"seq":11,"time":1.0,"ki')
    heard_ago(writer, run_id, 40)
    written_ago(journal, 30)
    writer.request_stop(run_id)
    assert writer.reap() == [run_id]
    run = store.run(run_id)
    assert run.state == "failed"
    assert "No sign of life for 30 s" in run.message
    assert "its last word was: running (epoch 1), step 6 of 90." in run.message
    assert "A stop had been asked for." in run.message
    assert run.ended_at == pytest.approx(time.time() - 30, abs=5)
    assert store.metrics(run_id)["loss"].steps == (0, 1, 2, 3, 4, 5)
    assert repr(store.metrics(run_id)["loss"].values) == "(0.0, 1.0, 2.0, 3.0, nan, 5.0)"
    assert [line.text for line in store.logs(run_id)] == ["last line"]
    assert (run.data_s, run.compute_s, run.progress["step"]) == (1.0, 2.0, 6)


@pytest.mark.parametrize("state", ["finished", "failed", "stopped"])
def test_an_end_in_the_journal_is_honoured(writer: Writer, store: Store, run_id: str, state: str) -> None:
    with journal_of(store, run_id) as journal:
        journal.write("metric", key="loss", step=1, value=0.25)
        journal.write("state", state=state, message="as it said itself", time=50.0)
    assert writer.reap(stale_after_s=0.0) == [run_id]
    run = store.run(run_id)
    assert (run.state, run.message, run.ended_at) == (state, "as it said itself", 50.0)
    assert store.final_metrics([run_id])[run_id] == {"loss": 0.25}


def test_a_run_that_still_writes_its_journal_lives(writer: Writer, store: Store, run_id: str) -> None:
    with journal_of(store, run_id) as journal:
        journal.write("metric", key="loss", step=1, value=0.25)
    heard_ago(writer, run_id, 100)
    assert writer.reap() == [], "it writes; only its messages do not arrive"
    written_ago(journal, 16)
    assert writer.reap() == [run_id]


def test_a_journal_of_rubbish_hides_neither_the_good_lines_nor_the_end(
    writer: Writer, store: Store, run_id: str
) -> None:
    with journal_of(store, run_id) as journal:
        journal.write("metric", key="loss", step=1, value=0.25)
        journal.write("metric", key="loss", step=2)
        journal.write("dance")
        journal.write("metric", key="loss", step=4, value=0.75)
    assert writer.reap(stale_after_s=0.0) == [run_id]
    assert store.metrics(run_id)["loss"].steps == (1, 4)
    assert "2 events of its journal could not be read" in store.run(run_id).message


def test_a_gap_left_by_a_lost_batch_is_filled_from_the_journal(writer: Writer, store: Store, run_id: str) -> None:
    with journal_of(store, run_id) as journal:
        events = [journal.write("metric", key="loss", step=n, value=n) for n in range(10)]
    assert writer.append(run_id, events[:3]).last_seq == 3
    assert writer.append(run_id, events[6:]).last_seq == 3
    writer.reap(stale_after_s=0.0)
    assert store.metrics(run_id)["loss"].steps == tuple(range(10))


def test_a_run_without_a_folder_is_reaped_too(writer: Writer, store: Store, tmp_path: Path) -> None:
    run_id = writer.create_run("digits", {}, {}, run_dir=tmp_path / "never made")
    assert writer.reap(created_stale_after_s=0.0) == [run_id]
    assert "It never started" in store.run(run_id).message


def test_a_long_journal_comes_in_parts(
    writer: Writer, store: Store, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert BATCH > 1000
    monkeypatch.setattr("db.reaper.BATCH", 7)
    with journal_of(store, run_id) as journal:
        for n in range(50):
            journal.write("metric", key="loss", step=n, value=n)
        journal.write("state", state="finished")
    writer.reap(stale_after_s=0.0)
    assert store.metrics(run_id)["loss"].steps == tuple(range(50))
    assert store.run(run_id).state == "finished"
    assert writer.append(run_id, [metric(1, 0.0)]).last_seq == 51


def test_a_heartbeat_from_before_the_clock_was_set_back_is_silence(writer: Writer, store: Store, run_id: str) -> None:
    heard_ago(writer, run_id, -3600)
    assert writer.reap() == [run_id]
    assert store.run(run_id).ended_at == pytest.approx(time.time(), abs=5)


def test_a_run_that_a_reader_presumes_failed_says_so(writer: Writer, store: Store, run_id: str) -> None:
    assert not store.run(run_id).presumed
    heard_ago(writer, run_id, 40)
    assert (store.run(run_id).state, store.run(run_id).presumed) == ("failed", True)
    writer.reap()
    assert (store.run(run_id).state, store.run(run_id).presumed) == ("failed", False)


def test_what_a_dead_run_wrote_is_replayed_in_parts(
    writer: Writer, store: Store, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.reaper.BATCH", 7)
    with journal_of(store, run_id) as journal:
        writer.append(run_id, [journal.write("metric", key="loss", step=n, value=n) for n in range(9)])
        for n in range(9, 30):
            journal.write("metric", key="loss", step=n, value=n)
    writer.replay(run_id)
    assert store.metrics(run_id)["loss"].steps == tuple(range(30))
    assert store.run(run_id).state == "running"
