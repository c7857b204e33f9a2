"""Batches of events: kept whole, kept once, kept exactly."""

import math
import random

import numpy as np
import pytest
from events_for_tests import event, log, metric
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db import Event, Store, StoreError, Writer

on_one_store = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
steps = st.integers(-(2**63) + 1, 2**63 - 1)
floats = st.floats(allow_nan=True, allow_infinity=True)
keys = st.text(min_size=1, max_size=8)


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


@on_one_store
@given(points=st.lists(st.tuples(keys, steps, floats), max_size=30))
def test_every_point_comes_back_as_it_was_logged(
    writer: Writer, store: Store, points: list[tuple[str, int, float]]
) -> None:
    run_id = writer.create_run("digits", {}, {})
    ack = writer.append(run_id, [metric(n, v, step, key, time=n) for n, (key, step, v) in enumerate(points, 1)])
    assert ack.last_seq == len(points)
    found = store.metrics(run_id)
    written = {key: [(step, v) for k, step, v in points if k == key] for key, _, _ in points}
    # A lone surrogate has no UTF-8: it is kept as its escape.
    written = {key.encode("utf-8", "backslashreplace").decode(): rows for key, rows in written.items()}
    assert store.metric_keys(run_id) == sorted(written, key=lambda key: key.encode())
    assert found.keys() == written.keys()
    for key, rows in written.items():
        assert found[key].steps == tuple(step for step, _ in rows)
        assert all(map(same, found[key].values, (v for _, v in rows)))
        assert list(found[key].times) == sorted(found[key].times)
        assert same(store.final_metrics([run_id])[run_id][key], rows[-1][1])


@on_one_store
@given(seed=st.integers(0, 2**32), size=st.integers(1, 40))
def test_batches_may_overlap_repeat_and_overtake_each_other(writer: Writer, store: Store, seed: int, size: int) -> None:
    chance = random.Random(seed)
    run_id = writer.create_run("digits", {}, {})
    events = [chance.choice([metric(n, n, step=-n), log(n, f"line {n}")]) for n in range(1, size + 1)]
    there: set[int] = set()
    while len(there) < size:
        start = chance.randrange(size)
        part = events[start : start + chance.randint(1, 10)]
        there |= {one["seq"] for one in part}
        ack = writer.append(run_id, part)
        whole = next(n for n in range(size + 1) if n + 1 not in there)
        assert ack.last_seq <= whole, "an acknowledged event is missing"
    assert writer.append(run_id, events).last_seq == size
    found = store.metrics(run_id).get("loss")
    assert list(found.values if found else ()) == [one["value"] for one in events if one["kind"] == "metric"]
    assert [line.text for line in store.logs(run_id)] == [one["text"] for one in events if one["kind"] == "log"]


def test_only_the_wanted_keys_are_read(writer: Writer, store: Store, run_id: str) -> None:
    writer.append(run_id, [metric(1, 0.5, key="loss"), metric(2, 0.9, key="acc")])
    assert list(store.metrics(run_id, ["acc", "nothing"])) == ["acc"]
    assert store.metrics(run_id, []) == {}


def test_repeated_and_backward_steps_are_kept(writer: Writer, store: Store, run_id: str) -> None:
    writer.append(run_id, [metric(n, n, step=step) for n, step in enumerate([5, 5, 1, 9, 2], 1)])
    assert store.metrics(run_id)["loss"].steps == (5, 5, 1, 9, 2)
    assert store.final_metrics([run_id])[run_id] == {"loss": 5}, "the last value is the one logged last"


def test_a_late_batch_does_not_take_back_the_last_value(writer: Writer, store: Store, run_id: str) -> None:
    writer.append(run_id, [metric(2, 2.0)])
    writer.append(run_id, [metric(1, 1.0)])
    assert store.final_metrics([run_id])[run_id] == {"loss": 2.0}
    assert store.metrics(run_id)["loss"].values == (1.0, 2.0)


def test_scalars_of_array_libraries_are_numbers(writer: Writer, store: Store, run_id: str) -> None:
    writer.append(run_id, [metric(1, np.float32(0.5), step=np.int64(3)), metric(2, np.array(2.0), step=4.0)])
    assert store.metrics(run_id)["loss"].values == (0.5, 2.0)
    assert store.metrics(run_id)["loss"].steps == (3, 4)


def test_a_heartbeat_carries_the_wish_to_stop(writer: Writer, store: Store, run_id: str) -> None:
    before = store.run(run_id).heartbeat_at
    assert not writer.append(run_id, []).stop_requested
    writer.request_stop(run_id)
    assert writer.append(run_id, []).stop_requested
    assert store.run(run_id).stop_requested
    assert store.run(run_id).heartbeat_at > before


BAD: list[tuple[dict, str]] = [
    ({"kind": "metrik"}, "kind is one of metric, log, progress, timing, state; got 'metrik'"),
    ({"step": 1.5}, "1.5 is not a whole number"),
    ({"step": 2**63}, "does not fit into 64 bits"),
    ({"step": None}, "Event 2 of kind metric cannot be stored"),
    ({"value": "high"}, "could not convert string to float"),
    ({"value": 10**400}, "too large"),
    ({"value": None}, "Event 2 of kind metric cannot be stored"),
    ({"key": ""}, "key is text that is not empty"),
    ({"key": 3}, "key is text that is not empty"),
    ({"time": math.nan}, "time is unix seconds"),
    ({"seq": 0}, "seq counts from 1"),
    ({"seq": "2"}, "'2' is not a whole number"),
]


@pytest.mark.parametrize(("wrong", "complaint"), BAD, ids=[str(wrong) for wrong, _ in BAD])
def test_one_wrong_event_refuses_its_batch_and_says_why(
    writer: Writer, store: Store, run_id: str, wrong: dict, complaint: str
) -> None:
    with pytest.raises(StoreError, match=complaint):
        writer.append(run_id, [metric(1, 1.0), {**metric(2, 2.0), **wrong}])
    assert store.metrics(run_id) == {}
    assert writer.append(run_id, [metric(1, 1.0)]).last_seq == 1, "the writer still works"


@pytest.mark.parametrize(
    "wrong",
    [
        "text",
        {"kind": "metric"},
        {"seq": 1, "kind": "log", "time": 1.0},
        event(1, "state", state="done"),
        event(1, "timing", data_s=math.nan, compute_s=1),
    ],
)
def test_what_is_no_event_is_refused_in_plain_words(writer: Writer, run_id: str, wrong: Event) -> None:
    with pytest.raises(StoreError) as raised:
        writer.append(run_id, [wrong])
    assert "sqlalchemy" not in raised.value.args[0].lower()


def test_batches_are_fast(writer: Writer, store: Store, run_id: str) -> None:
    import time

    events = [metric(n, n * 0.5, step=n, key="loss" if n % 2 else "acc") for n in range(1, 50_001)]
    began = time.perf_counter()
    for start in range(0, len(events), 5000):
        writer.append(run_id, events[start : start + 5000])
    rate = len(events) / (time.perf_counter() - began)
    assert len(store.metrics(run_id)["loss"].steps) == 25_000
    # Several times below what an idle machine does, so that a busy one does not fail it.
    assert rate > 50_000, f"{rate:.0f} points/s"
