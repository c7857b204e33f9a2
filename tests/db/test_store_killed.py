"""What was acknowledged is there after SIGKILL: of the owner, of a run, in any moment."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from db import Journal, Store, Writer

APPENDING = """
import sys
from db import Writer
writer = Writer(sys.argv[1])
run_id = writer.create_run("digits", {}, {})
writer.update_run(run_id, state="running")
print(run_id, flush=True)
seq = 0
while True:
    batch = [dict(seq=seq + n, time=1.0, kind="metric", key="loss", step=seq + n, value=1.0) for n in range(1, 51)]
    seq = writer.append(run_id, batch).last_seq
    print(seq, flush=True)
"""

JOURNALING = """
import sys
from db import Journal
journal = Journal(sys.argv[1])
while True:
    print(journal.write("metric", key="loss", step=1, value=0.5)["seq"], flush=True)
"""


def killed_while_printing(code: str, argument: Path, after_s: float) -> list[str]:
    """Run `code` until it has printed a few lines and then for `after_s` more, kill it, return its whole lines."""
    process = subprocess.Popen([sys.executable, "-c", code, argument], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    time.sleep(after_s)
    process.kill()
    rest = process.communicate()[0]
    return [line.strip() for line in [*lines, *rest.splitlines(keepends=True)] if line.endswith("\n")]


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.13])
def test_acknowledged_points_survive_the_death_of_the_owner(path: Path, after_s: float) -> None:
    run_id, *acknowledged = killed_while_printing(APPENDING, path, after_s)
    last = int(acknowledged[-1])
    assert last >= 100

    def steps() -> tuple[int, ...]:
        return Store(path).metrics(run_id)["loss"].steps

    # A reader sees them with no writer there to recover the file, and so does the next owner.
    assert steps()[:last] == tuple(range(1, last + 1))
    assert len(steps()) % 50 == 0, "a batch is there as a whole or not at all"
    with Writer(path, lock_timeout_s=0.0) as writer:
        assert writer.append(run_id, []).last_seq == len(steps())


@pytest.mark.parametrize("after_s", [0.0, 0.1])
def test_what_a_killed_run_wrote_down_reaches_the_store(path: Path, after_s: float) -> None:
    with Writer(path) as writer:
        run_id = writer.create_run("digits", {}, {})
        writer.update_run(run_id, state="running")
        journal = Store(path).run(run_id).run_dir / "journal.jsonl"
        last = int(killed_while_printing(JOURNALING, journal, after_s)[-1])
        assert last >= 3
        writer.append(run_id, Journal.read(journal)[:2])  # these had arrived
        assert writer.reap(stale_after_s=0.0) == [run_id]
        assert len(Store(path).metrics(run_id)["loss"].steps) >= last
        assert Store(path).run(run_id).state == "failed"
    with Journal(journal) as again:
        assert again.last_seq >= last


def test_a_kill_while_the_store_is_made_leaves_none_or_a_whole_one(tmp_path: Path) -> None:
    code = "import sys; from db import Writer; print('go', flush=True); Writer(sys.argv[1]); print('made', flush=True)"
    for number, after_s in enumerate((0.1, 0.18)):
        path = tmp_path / str(number) / "lockstep.db"
        process = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(after_s)
        process.kill()
        process.communicate()
        with Writer(path, lock_timeout_s=0.0) as writer:
            writer.create_run("digits", {}, {})
        assert len(Store(path).runs()) == 1
