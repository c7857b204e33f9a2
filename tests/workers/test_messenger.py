"""What a run says reaches the store once, in order, whatever happens on the way; what it prints becomes log lines."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from db import Ack, Journal, StoreError
from workers import messenger
from workers.environment import environment, git_state
from workers.messenger import Messenger
from workers.output import captured


class Store:
    """An owner that can be out of reach."""

    def __init__(self):
        self.events, self.calls, self.reachable, self.stop = [], [], True, False
        self.refused = 0

    def send(self, method, run_id, *args, **kwargs):
        if not self.reachable:
            self.refused += 1
            raise ConnectionError("out of reach")
        if args[:1] == ("refused",):
            raise StoreError("A path must be valid UTF-8")
        self.calls.append((method, *args, *kwargs))
        if method == "append":
            seen = {event["seq"] for event in self.events}
            self.events += [event for event in args[0] if event["seq"] not in seen]
        return Ack(len(self.events), self.stop)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(messenger, "BATCH_EVERY_S", 0.01)
    monkeypatch.setattr(messenger, "HEARTBEAT_EVERY_S", 0.02)


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_nothing_is_lost_while_the_owner_is_out_of_reach(tmp_path, store, quick):
    store.reachable = False
    run = Messenger("r", tmp_path, store.send)
    (tmp_path / "file").write_bytes(b"weights")
    run.artifact("checkpoint/last", tmp_path / "file")
    run.environment({"host": "here"})
    for step in range(50):
        run.metric("loss", step, 0.5)
    until(lambda: store.refused > 2)
    assert len(Journal.read(tmp_path / "journal.jsonl")) == 50  # there before anything was sent
    store.reachable = True
    run.state("finished")
    run.close()
    assert [event["seq"] for event in store.events] == list(range(1, 52))
    assert ("update_run", "environment") in store.calls
    assert [call[1] for call in store.calls if call[0] == "add_artifact"] == ["checkpoint/last"]


def test_an_owner_that_stays_away_does_not_hold_up_the_end_for_ever(tmp_path, store, quick, monkeypatch):
    monkeypatch.setattr(messenger, "FAREWELL_S", 0.1)
    store.reachable = False
    run = Messenger("r", tmp_path, store.send)
    run.state("finished")
    begun = time.monotonic()
    run.close()
    assert time.monotonic() - begun < 5
    assert Journal.read(tmp_path / "journal.jsonl")[-1]["state"] == "finished"


def test_a_silent_run_has_a_heartbeat_by_which_a_stop_arrives(tmp_path, store, quick):
    run = Messenger("r", tmp_path, store.send)
    assert not run.stopping
    store.stop = True
    until(lambda: run.stopping)
    assert store.calls[0] == ("append", [])
    run.close()


def test_prints_become_lines_and_still_show(capsys):
    lines = []
    with captured(lines.append):
        print("one\ntwo", 3)
        sys.stderr.write("warn")
        sys.stderr.write("ing\n  50%\r 100%\n")
        print("no end", end="")
    assert lines == ["one", "two 3", "warning", " 100%", "no end"]
    assert capsys.readouterr().out == "one\ntwo 3\nno end"
    print("afterwards")
    assert len(lines) == 5


def test_the_environment_says_which_code_ran(tmp_path):
    assert git_state(str(tmp_path)) is None
    assert git_state(None) is None
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "net.py").write_text("1")
    for arguments in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True)
    clean = environment(str(tmp_path))["git"]
    assert len(clean["commit"]) == 40
    assert clean["changed"] is False
    (tmp_path / "net.py").write_text("2")
    assert git_state(str(tmp_path)) == clean | {"changed": True}


def test_an_artifact_that_cannot_be_recorded_silences_nobody(tmp_path, store, quick, monkeypatch):
    monkeypatch.setattr(messenger, "FAREWELL_S", 5.0)
    run = Messenger("r", tmp_path, store.send)
    (tmp_path / "file").write_bytes(b"weights")
    run.artifact("vanished", tmp_path / "vanished")
    run.artifact("refused", tmp_path / "file")
    run.artifact("good", tmp_path / "file")
    run.state("finished")
    run.close()
    assert "finished" in [event.get("state") for event in store.events]
    assert [call[1] for call in store.calls if call[0] == "add_artifact"] == ["good"]
    lines = " ".join(event["text"] for event in store.events if event["kind"] == "log")
    assert "The artifact vanished was not recorded: " in lines
    assert "The artifact refused was not recorded: A path must be valid UTF-8" in lines


def test_much_that_waited_comes_in_parts_and_the_end_comes_last(tmp_path, store, quick, monkeypatch):
    monkeypatch.setattr(messenger, "BATCH_EVENTS", 7)
    store.reachable = False
    run = Messenger("r", tmp_path, store.send)
    (tmp_path / "file").write_bytes(b"weights")
    for step in range(20):
        run.metric("loss", step, 0.5)
    run.artifact("checkpoint/last", tmp_path / "file")
    run.state("finished")
    store.reachable = True
    run.close()
    batches = [call[1] for call in store.calls if call[0] == "append"]
    assert max(map(len, batches)) == 7
    assert [event["seq"] for event in store.events] == list(range(1, 22))
    kinds = [call[0] for call in store.calls if call[0] == "add_artifact" or (call[1:] and store.events[-1] in call[1])]
    assert kinds == ["add_artifact", "append"], "who sees the end sees all that the run made"
