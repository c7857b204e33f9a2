"""The journal: a line an event, whole or not there."""

import json
import math
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db import Journal, StoreError

texts = st.text(st.characters(), max_size=20)  # surrogates too
values = st.one_of(st.floats(), st.integers(-(2**70), 2**70), texts, st.booleans(), st.none())


def lines_of(path: Path) -> list[dict]:
    """The journal as any JSON reader sees it: one that has no NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no standard JSON")

    return [json.loads(line, parse_constant=refuse) for line in path.read_bytes().splitlines()]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=st.lists(st.dictionaries(st.sampled_from(["key", "value", "text", "$float"]), values), max_size=8))
def test_what_is_written_is_read(tmp_path: Path, written: list[dict]) -> None:
    path = tmp_path / "journal.jsonl"
    path.unlink(missing_ok=True)
    with Journal(path) as journal:
        events = [journal.write("metric", **fields) for fields in written]
    assert repr(Journal.read(path)) == repr(events)  # repr: NaN equals itself
    assert [event["seq"] for event in events] == list(range(1, len(written) + 1))
    assert repr(Journal.read(path, after_seq=3)) == repr(events[3:])
    assert len(lines_of(path)) == len(written)


def test_nan_and_infinities_are_marked_and_text_that_looks_like_a_mark_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        for value in (math.nan, math.inf, -math.inf, np.float32("nan"), "nan", '{"$float": "nan"}'):
            journal.write("metric", key="loss", step=1, value=value)
    found = [event["value"] for event in Journal.read(path)]
    assert repr(found) == repr([math.nan, math.inf, -math.inf, math.nan, "nan", '{"$float": "nan"}'])
    assert lines_of(path)[1]["value"] == {"$float": "inf"}


def test_an_event_is_plain_and_dated(tmp_path: Path) -> None:
    before = time.time()
    with Journal(tmp_path / "new" / "folder" / "journal.jsonl") as journal:
        event = journal.write("metric", key="loss", step=np.int64(3), value=np.float32(0.5))
        assert event == {"seq": 1, "time": event["time"], "kind": "metric", "key": "loss", "step": 3, "value": 0.5}
        assert type(event["value"]) is float
        assert before <= event["time"] <= time.time()
        assert journal.write("log", text="x", time=5.0)["time"] == 5.0
        with pytest.raises(StoreError, match="numbers its events itself"):
            journal.write("log", seq=9, text="x")


def test_it_is_in_the_file_before_write_returns(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    for n in range(5):
        journal.write("log", text=str(n))
        assert len(Journal.read(path)) == n + 1
    journal.close()
    journal.close()
    with pytest.raises(StoreError, match="is closed"):
        journal.write("log", text="late")


@pytest.mark.parametrize("torn_at", range(1, 60, 7))
def test_a_torn_last_line_is_skipped_and_then_overwritten(tmp_path: Path, torn_at: int) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        first, second = (journal.write("log", text=text) for text in ("first", "torn"))
    whole = path.read_bytes()
    os.truncate(path, len(whole) - torn_at if torn_at < len(whole) // 2 else len(whole) // 2 + 1)
    assert Journal.read(path) == [first]
    with Journal(path) as journal:
        again = journal.write("log", text="again")
    assert again["seq"] == second["seq"]
    assert Journal.read(path) == [first, again]


@pytest.mark.parametrize("rubbish", [b"\0" * 100, b"\xff\xfe not json\n", b'{"seq":\n', b"[1]\n\n", b'{"seq":7}'])
def test_rubbish_at_the_end_is_taken_away_and_the_count_goes_on(tmp_path: Path, rubbish: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        first = journal.write("log", text="first")
    path.write_bytes(path.read_bytes() + rubbish)
    with Journal(path) as journal:
        second = journal.write("log", text="second")
    assert second["seq"] == 2
    assert Journal.read(path) == [first, second]


def test_a_damaged_line_in_the_middle_hides_no_other(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        events = [journal.write("log", text=str(n)) for n in range(3)]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\0" * 20 + b"\n" + lines[2])
    assert Journal.read(path) == [events[0], events[2]]


def test_no_file_is_no_events(tmp_path: Path) -> None:
    assert Journal.read(tmp_path / "nothing.jsonl") == []
    Journal(tmp_path / "empty.jsonl").close()
    assert Journal.read(tmp_path / "empty.jsonl") == []


def test_threads_share_one_count(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        threads = [
            threading.Thread(target=lambda name=name: [journal.write("log", text=name * 50) for _ in range(200)])
            for name in "abcd"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        events = Journal.read(journal.path)
    assert [event["seq"] for event in events] == list(range(1, 801))


def test_a_write_that_fails_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    first = journal.write("log", text="first")
    real = os.write

    def full(file: int, data: bytes) -> int:
        if len(data) > 5:
            return real(file, data[:5])  # the disk takes a little …
        raise OSError(28, "No space left on device")

    def short(file: int, data: bytes) -> int:
        if data.startswith(b'{"seq"'):
            return real(file, data[:5])
        raise OSError(28, "No space left on device")

    for failing in (full, short):
        monkeypatch.setattr("db.journal.os.write", failing)
        with pytest.raises(StoreError, match=r"journal\.jsonl cannot be written: No space left"):
            journal.write("log", text="lost")
        monkeypatch.setattr("db.journal.os.write", real)
    second = journal.write("log", text="second")
    journal.close()
    assert Journal.read(path) == [first, second]
    assert second["seq"] == 2


def test_a_value_that_json_cannot_hold_is_refused_and_the_journal_goes_on(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        with pytest.raises(StoreError, match="a object cannot be stored as JSON"):
            journal.write("log", text=object())
        assert journal.write("log", text="fine")["seq"] == 1


def test_a_folder_in_its_place_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot be opened: Is a directory"):
        Journal(tmp_path)
    with pytest.raises(StoreError, match=r"cannot be read: Is a directory"):
        Journal.read(tmp_path)


def test_a_call_is_cheap(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        began = time.perf_counter()
        for step in range(5000):
            journal.write("metric", key="loss", step=step, value=0.5)
        each_s = (time.perf_counter() - began) / 5000
    # 5 µs on an idle machine.
    assert each_s < 100e-6, f"{each_s * 1e6:.1f} µs a call"
