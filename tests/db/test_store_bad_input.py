"""Whatever is wrong is told in one plain message, and nothing is damaged."""

import pickle
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from events_for_tests import metric

from db import NewerStore, Store, StoreError, StoreLocked, UnknownModel, UnknownRun, Writer

OPENERS: list[Callable[[Path], object]] = [Store, Writer]


def refusal(opener: Callable[[Path], object], path: Path) -> str:
    """The message of a refusal: plain, with the path in it, of one line."""
    with pytest.raises(StoreError) as raised:
        opener(path)
    message = raised.value.args[0]
    assert str(path) in message
    assert "\n" not in message
    assert raised.value.__cause__ is None
    for word in ("sqlalchemy", "alembic", "Traceback", "(sqlite3", "Background"):
        assert word.lower() not in message.replace(str(path), "").lower()
    return message


def filled(path: Path) -> str:
    with Writer(path) as writer:
        run_id = writer.create_run("digits", {}, {})
        writer.append(run_id, [metric(n, n) for n in range(1, 5001)])
    return run_id


@pytest.mark.parametrize("opener", OPENERS)
def test_a_store_of_a_newer_version_is_left_alone(path: Path, opener: Callable[[Path], object]) -> None:
    filled(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'from_tomorrow'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NewerStore, match=r"its schema is from_tomorrow, this one knows up to 0001.*Upgrade Lockstep"):
        opener(path)
    refusal(opener, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("opener", OPENERS)
def test_a_file_that_is_no_database_is_left_alone(path: Path, opener: Callable[[Path], object]) -> None:
    path.parent.mkdir()
    path.write_text("dear diary\n" * 200)
    assert "is not a Lockstep store: it is not an SQLite database" in refusal(opener, path)
    assert path.read_text() == "dear diary\n" * 200


@pytest.mark.parametrize("opener", OPENERS)
def test_a_database_of_another_program_is_left_alone(path: Path, opener: Callable[[Path], object]) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("CREATE TABLE experiments (x)")
    connection.close()
    before = path.read_bytes()
    assert "not a Lockstep store (its tables: experiments)" in refusal(opener, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("opener", OPENERS)
def test_an_empty_file_becomes_a_store(path: Path, opener: Callable[[Path], object]) -> None:
    path.parent.mkdir()
    path.touch()
    opener(path)
    assert Store(path).runs() == []


@pytest.mark.parametrize("opener", OPENERS)
def test_a_truncated_store_is_called_damaged(path: Path, opener: Callable[[Path], object]) -> None:
    filled(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert "is damaged" in refusal(opener, path)
    assert path.read_bytes() == content[: len(content) // 2]


def test_damage_found_later_is_told_too(path: Path) -> None:
    run_id = filled(path)
    connection = sqlite3.connect(path)
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'points'").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    content = bytearray(path.read_bytes())
    content[(root - 1) * size : root * size] = b"\xa5" * size
    path.write_bytes(content)
    store = Store(path)
    assert store.run(run_id).id == run_id, "what is whole can be read"
    with pytest.raises(StoreError, match=r"is damaged \(SQLite says: .*\.recover"):
        store.metrics(run_id)


def test_a_field_that_is_no_json_is_damage(writer: Writer, store: Store, run_id: str) -> None:
    with writer._write() as connection:
        connection.exec_driver_sql("UPDATE runs SET spec = '{broken'")
    with pytest.raises(StoreError, match=r"is damaged: a field that must be JSON holds '\{broken'"):
        store.run(run_id)


@pytest.mark.parametrize("opener", OPENERS)
def test_a_folder_in_the_place_of_the_file(path: Path, opener: Callable[[Path], object]) -> None:
    path.mkdir(parents=True)
    assert "is a folder; the store must be a file" in refusal(opener, path)


@pytest.mark.parametrize("opener", OPENERS)
def test_a_file_in_the_place_of_the_folder(tmp_path: Path, opener: Callable[[Path], object]) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(StoreError, match=r"The folder .*home for the store cannot be created"):
        opener(tmp_path / "home" / "lockstep.db")


@pytest.mark.parametrize("opener", OPENERS)
def test_a_read_only_folder_cannot_hold_a_new_store(
    tmp_path: Path, opener: Callable[[Path], object], ordinary_user: None
) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    assert "cannot be written" in refusal(opener, folder / "lockstep.db")
    with pytest.raises(StoreError, match="cannot be created"):
        opener(folder / "deeper" / "lockstep.db")


def test_a_store_in_a_read_only_folder_can_be_read(tmp_path: Path, ordinary_user: None) -> None:
    path = tmp_path / "shared" / "lockstep.db"
    run_id = filled(path)
    (path.parent / "lockstep.db.lock").unlink()
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        assert Store(path).run(run_id).id == run_id
        assert len(Store(path).metrics(run_id)["loss"].steps) == 5000
        assert "cannot be written" in refusal(Writer, path)
    finally:
        path.parent.chmod(0o755)


def test_a_store_nobody_may_read(tmp_path: Path, ordinary_user: None) -> None:
    path = tmp_path / "secret" / "lockstep.db"
    filled(path)
    path.chmod(0o000)
    assert "cannot be opened" in refusal(Store, path)


def test_a_copy_of_a_store_is_a_store(path: Path, tmp_path: Path) -> None:
    run_id = filled(path)
    shutil.copy(path, tmp_path / "copy.db")
    assert Store(tmp_path / "copy.db").run(run_id).id == run_id


def test_a_store_that_another_program_holds(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = filled(path)
    monkeypatch.setattr("db.engine.BUSY_TIMEOUT_S", 0.1)
    outsider = sqlite3.connect(path, isolation_level=None)
    with Writer(path) as writer:
        outsider.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is held by a program outside Lockstep"):
            writer.append(run_id, [])
        outsider.execute("ROLLBACK")
        writer.append(run_id, [])
    outsider.close()


@pytest.mark.parametrize(
    ("spec", "params"),
    [({"net": object()}, {}), ({}, {"lr": object()}), ({"set": {1, 2}}, {}), ({("a", "tuple"): 1}, {})],
)
def test_what_json_cannot_hold_is_refused_and_leaves_nothing(
    writer: Writer, store: Store, spec: dict, params: dict
) -> None:
    with pytest.raises(StoreError, match=r"Only JSON values can be stored"):
        writer.create_run("digits", spec, params)
    assert store.runs() == []
    assert writer.create_run("digits", {}, {}) == store.run("digits-1").id


@pytest.mark.parametrize("name", ["", "  ", None, 3])
def test_a_name_is_needed(writer: Writer, name: str) -> None:
    with pytest.raises(StoreError, match="An experiment needs a name"):
        writer.create_run(name, {}, {})
    with pytest.raises(StoreError, match="A model needs a name"):
        writer.add_version(name, run_id=None, path="/x", proof={})


def test_a_path_that_is_no_text_is_refused(writer: Writer) -> None:
    with pytest.raises(StoreError, match="A path must be valid UTF-8"):
        writer.create_run("digits", {}, {}, run_dir="/runs/\udcff")


def test_a_number_that_does_not_fit(writer: Writer, store: Store, run_id: str) -> None:
    with pytest.raises(StoreError, match="cannot hold a value"):
        writer.add_artifact(run_id, "huge", "/x", "00", 2**64)
    with pytest.raises(StoreError, match="cannot hold a value"):
        store.logs(run_id, tail=2**64)
    assert store.artifacts(run_id) == []


def test_a_closed_writer_says_so(path: Path) -> None:
    writer = Writer(path)
    writer.close()
    writer.close()
    with pytest.raises(StoreError, match="is closed"):
        writer.create_run("digits", {}, {})


@pytest.mark.parametrize("error", [StoreError, UnknownRun, UnknownModel, NewerStore, StoreLocked])
def test_errors_travel_between_processes(error: type[StoreError]) -> None:
    assert issubclass(error, StoreError)
    back = pickle.loads(pickle.dumps(error("what is wrong")))
    assert (type(back), back.args) == (error, ("what is wrong",))


@pytest.mark.parametrize("home", ["~nosuchuser/x", "/tmp/" + "x" * 300], ids=["nobody's home", "too long"])
def test_a_home_that_is_no_path(home, monkeypatch):
    monkeypatch.setenv("LOCKSTEP_HOME", home)
    with pytest.raises(StoreError, match=r"\$LOCKSTEP_HOME is .*, which names no folder"):
        Store()
