"""The life of a run: every change that may be, and no other."""

import itertools

import pytest
from events_for_tests import event, metric

from db import Store, StoreError, Writer
from db.states import ENDED, NEXT

WAY = {"created": [], "running": ["running"], **{state: ["running", state] for state in ENDED}}
ALLOWED = {
    ("created", "running"),
    ("created", "failed"),
    ("created", "stopped"),
    ("running", "finished"),
    ("running", "failed"),
    ("running", "stopped"),
}


def run_in(writer: Writer, state: str) -> str:
    run_id = writer.create_run("digits", {}, {})
    for step in WAY[state]:
        writer.update_run(run_id, state=step)
    return run_id


@pytest.mark.parametrize(("old", "new"), list(itertools.product(NEXT, NEXT)))
def test_each_pair_of_states(writer: Writer, store: Store, old: str, new: str) -> None:
    run_id = run_in(writer, old)
    if (old, new) in ALLOWED or old == new:
        writer.update_run(run_id, state=new)
        assert store.run(run_id).state == new
    else:
        with pytest.raises(StoreError, match=f"Run {run_id} (is|has ended as) {old}.*{new}"):
            writer.update_run(run_id, state=new, message="must not be written")
        assert (store.run(run_id).state, store.run(run_id).message) == (old, "")


def test_there_is_no_other_state(writer: Writer, run_id: str) -> None:
    with pytest.raises(StoreError, match="one of created, running, finished, failed, stopped; got 'done'"):
        writer.update_run(run_id, state="done")


def test_times_are_those_of_the_first_change(writer: Writer, store: Store, run_id: str) -> None:
    started_at = store.run(run_id).started_at
    writer.update_run(run_id, state="running")
    writer.update_run(run_id, state="finished", message="done")
    ended = store.run(run_id)
    writer.update_run(run_id, state="finished")
    assert store.run(run_id) == ended
    assert ended.started_at == started_at is not None
    assert ended.ended_at is not None
    assert ended.created_at <= started_at <= ended.ended_at


def test_a_run_tells_its_own_states(writer: Writer, store: Store) -> None:
    run_id = writer.create_run("digits", {}, {})
    writer.append(run_id, [event(1, "state", time=10.0, state="running", message="go")])
    assert (store.run(run_id).state, store.run(run_id).message, store.run(run_id).started_at) == ("running", "go", 10.0)
    writer.append(run_id, [event(2, "state", time=20.0, state="failed", message="loss is NaN")])
    run = store.run(run_id)
    assert (run.state, run.message, run.ended_at) == ("failed", "loss is NaN", 20.0)


def test_an_end_that_is_told_without_a_start_counts(writer: Writer, store: Store) -> None:
    run_id = writer.create_run("digits", {}, {})
    writer.append(run_id, [event(1, "state", time=20.0, state="finished")])
    assert (store.run(run_id).state, store.run(run_id).started_at) == ("finished", 20.0)


def test_a_run_that_was_given_up_keeps_its_end_and_its_points_and_is_told_to_stop(
    writer: Writer, store: Store, run_id: str
) -> None:
    writer.update_run(run_id, state="failed", message="given up")
    end = store.run(run_id)
    ack = writer.append(run_id, [metric(1, 0.5), event(2, "state", state="running", message="I live")])
    assert ack.stop_requested
    assert ack.last_seq == 2
    assert store.run(run_id) == end
    assert store.metrics(run_id)["loss"].values == (0.5,)


def test_the_batch_that_ends_a_run_is_no_reason_to_stop_it(writer: Writer, run_id: str) -> None:
    assert not writer.append(run_id, [event(1, "state", state="finished")]).stop_requested


def test_a_stop_asked_of_an_ended_run_changes_nothing(writer: Writer, store: Store, run_id: str) -> None:
    writer.update_run(run_id, state="finished")
    writer.request_stop(run_id)
    assert not store.run(run_id).stop_requested
