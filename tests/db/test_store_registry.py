"""Models, versions, aliases, and what was in production on that date."""

import time
from pathlib import Path

import pytest

from db import Store, StoreError, UnknownModel, UnknownRun, Writer

PROOF = {"batches": 3, "worst_difference": 0.0, "loss": float("nan"), "ops": ["matmul"]}


def promoted(writer: Writer, model: str, count: int = 1, run_id: str | None = None) -> None:
    for _ in range(count):
        version = writer.next_version(model)
        assert writer.add_version(model, run_id=run_id, path=f"/models/{model}/{version}", proof=PROOF) == version


def test_versions_count_from_one(writer: Writer, store: Store, run_id: str) -> None:
    assert writer.next_version("digits") == 1
    promoted(writer, "digits", 2, run_id[:6])
    promoted(writer, "数字 🙂")
    assert [model.name for model in store.models()] == ["digits", "数字 🙂"]
    model = store.model("digits")
    assert [version.version for version in model.versions] == [1, 2]
    first = model.versions[0]
    assert (first.model, first.run_id, first.path) == ("digits", run_id, Path("/models/digits/1"))
    assert repr(first.proof) == repr(PROOF)
    assert first.created_at <= time.time()
    assert store.model("数字 🙂").versions[0].run_id is None
    assert model.aliases == {}


def test_a_version_is_found_by_number_alias_or_latest(writer: Writer, store: Store) -> None:
    promoted(writer, "digits", 3)
    writer.set_alias("digits", "production", 2)
    asked = {"latest": 3, 2: 2, "1": 1, "production": 2}
    assert {ask: store.version("digits", ask).version for ask in asked} == asked
    assert store.version("digits").version == 3
    assert repr(store.version("digits", 2)) == repr(store.model("digits").versions[1])


def test_what_is_not_there_is_told_with_what_is(writer: Writer, store: Store) -> None:
    with pytest.raises(UnknownModel, match=r"no model 'digits'\. There are no models in this store yet"):
        store.model("digits")
    promoted(writer, "digits", 2)
    writer.set_alias("digits", "production", 1)
    for ask in (store.model, store.version, store.alias_history):
        with pytest.raises(UnknownModel, match=r"no model 'digit'\. Did you mean digits\? The models here: digits\."):
            ask("digit")
    for wrong in ("prodution", 3, "0", "-1", "1.0", ""):
        with pytest.raises(UnknownModel, match=r"has no version or alias .*The versions and aliases here: 1, 2, produ"):
            store.version("digits", wrong)
    for wrong in (3, "two", 0, -1, "latest"):
        with pytest.raises(UnknownModel, match=r"Model 'digits' has no version .*The versions here: 1, 2"):
            writer.set_alias("digits", "production", wrong)
    with pytest.raises(UnknownModel, match=r"has no alias 'staging'.*The aliases here: production"):
        writer.remove_alias("digits", "staging")
    with pytest.raises(UnknownModel):
        writer.set_alias("letters", "production", 1)
    with pytest.raises(UnknownRun):
        writer.add_version("digits", run_id="none", path="/x", proof={})
    assert len(store.alias_history("digits")) == 1
    assert len(store.model("digits").versions) == 2


def test_the_history_says_what_was_in_production_then_and_why(writer: Writer, store: Store) -> None:
    times = []

    def now() -> None:
        time.sleep(0.002)
        times.append(time.time())
        time.sleep(0.002)

    now()
    promoted(writer, "digits", 2)
    writer.set_alias("digits", "production", 1, reason="first")
    now()
    writer.set_alias("digits", "production", 2, reason="more accurate")
    writer.set_alias("digits", "staging", 1)
    now()
    writer.remove_alias("digits", "production", reason="wrong on sevens")
    now()
    promoted(writer, "digits")
    assert store.model("digits").aliases == {"staging": 1}
    history = [(change.alias, change.version, change.reason) for change in store.alias_history("digits")]
    assert history == [
        ("production", 1, "first"),
        ("production", 2, "more accurate"),
        ("staging", 1, ""),
        ("production", None, "wrong on sevens"),
    ]
    assert [change.version for change in store.alias_history("digits", "production")] == [1, 2, None]
    assert store.version("digits", "production", at=times[1]).version == 1
    assert store.version("digits", "production", at=times[2]).version == 2
    assert store.version("digits", "latest", at=times[3]).version == 2
    for at in (times[0], times[3]):
        with pytest.raises(UnknownModel, match="had at that time no version or alias 'production'"):
            store.version("digits", "production", at=at)


def test_the_history_cannot_be_rewritten(writer: Writer, store: Store) -> None:
    promoted(writer, "digits")
    writer.set_alias("digits", "production", 1)
    for statement in ("UPDATE alias_history SET version = 9", "DELETE FROM alias_history"):
        with pytest.raises(StoreError, match="history of aliases is append-only"), writer._write() as connection:
            connection.exec_driver_sql(statement)
    assert [change.version for change in store.alias_history("digits")] == [1]


@pytest.mark.parametrize("alias", ["latest", "3", "", " "])
def test_an_alias_is_a_word_of_ones_own(writer: Writer, alias: str) -> None:
    promoted(writer, "digits")
    with pytest.raises(StoreError, match=r"An alias (is a word of your own|needs a name)"):
        writer.set_alias("digits", alias, 1)


def test_two_versions_cannot_lie_in_one_folder(writer: Writer, store: Store) -> None:
    writer.add_version("digits", run_id=None, path="/models/a", proof={})
    with pytest.raises(StoreError, match="/models/a is version 1 of model 'digits' already"):
        writer.add_version("letters", run_id=None, path="/models/a", proof={})
    assert [model.name for model in store.models()] == ["digits"], "nothing is left of what was refused"


def test_promotions_wait_for_the_disk_and_metrics_do_not(writer: Writer, run_id: str) -> None:
    seen = []

    def synchronous() -> int:
        assert writer._connection is not None
        raw = writer._connection.connection.driver_connection
        assert raw is not None
        return raw.execute("PRAGMA synchronous").fetchone()[0]

    with writer._write():
        seen.append(synchronous())
    with writer._write(durable=True):
        seen.append(synchronous())
    with writer._write():
        seen.append(synchronous())
    normal, full = 1, 2
    assert seen == [normal, full, normal]
