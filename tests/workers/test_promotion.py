"""From a run to a registered model to a prediction; nothing half-done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import production
import research
from db import Store, StoreError, UnknownModel, UnknownRun
from workers import datasets
from workers.cluster import is_held
from workers.experiment import DigitsData, Experiment
from workers.line import KeeperGone
from workers.predict import as_rows, predict
from workers.problems import SpecProblem
from workers.promotion import _alone, promote, rebuilt, remove_alias, set_alias
from workers.writing import writing

pytestmark = pytest.mark.usefixtures("home")


def test_a_promoted_run_predicts_what_research_says(home, finished):
    version = promote(finished.id, "digits", alias="production")
    assert (version.model, version.run_id, version.path) == ("digits", finished.id, home / "models/digits/1")
    assert version.proof["bit_for_bit"]
    assert Store().model("digits").aliases == {"production": version.version}

    x = datasets.load(DigitsData(source="digits")).held_out_x[:20]
    net, _ = rebuilt(finished, Experiment.from_dict(finished.spec))
    with research.no_grad():
        scores = net(research.from_numpy(x)).numpy()
    answer = predict("digits", x, "production")
    assert answer["labels"] == [str(k) for k in scores.argmax(axis=1)]
    assert np.allclose(np.sum(answer["probabilities"], axis=1), 1)
    assert predict("digits", x[0])["labels"] == predict("digits", x[0].ravel()[None])["labels"] == answer["labels"][:1]
    saved = production.load(version.path)
    assert saved.provenance["run"] == finished.id
    assert saved.provenance["checkpoint"] == "best"


def test_versions_and_aliases(finished):
    first = promote(finished.id, "aliased")
    second = promote(finished.id, "aliased", checkpoint="last")
    assert (first.version, second.version) == (1, 2)
    set_alias("aliased", "champion", 1)
    assert Store().version("aliased", "champion").version == 1
    set_alias("aliased", "champion", 2, reason="better")
    assert predict("aliased", np.zeros((1, 8, 8)), "champion")["version"] == 2
    for wrong in ("a/b", "*bold*", "two\n", "latest", "7"):
        with pytest.raises(SpecProblem, match="alias: "):
            set_alias("aliased", wrong, 1)
    remove_alias("aliased", "champion")
    with pytest.raises(UnknownModel):
        predict("aliased", np.zeros((1, 8, 8)), "champion")


def test_the_name_is_the_experiments_unless_given(finished):
    assert promote(finished.id[:6]).model == "tiny"


def test_it_predicts_where_research_cannot_be_imported(finished):
    promote(finished.id, "alone")
    code = (
        "import sys; sys.modules['research'] = None\n"
        "import json; import numpy; from workers.predict import predict\n"
        "print(json.dumps(predict('alone', numpy.zeros((2, 1, 8, 8)))['labels']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True)
    assert len(json.loads(done.stdout)) == 2


def test_what_a_killed_promotion_left_is_replaced(home, finished):
    left = home / "models/left/1"
    left.mkdir(parents=True)
    (left / "graph.json").write_text("half")
    assert production.load(promote(finished.id, "left").path).verify()["bit_for_bit"]


def test_a_promotion_that_fails_leaves_nothing(home, finished, monkeypatch):
    from production import promote as bridge

    def fails(net, example, path, provenance):
        raise bridge.PromotionError("the bits differ at op conv2d")

    monkeypatch.setattr(bridge, "promote", fails)
    with pytest.raises(bridge.PromotionError, match="differ at op"):
        promote(finished.id, "failing", alias="production")
    assert not (home / "models/failing").exists()
    with pytest.raises(UnknownModel):
        Store().model("failing")


def test_a_version_that_cannot_be_registered_leaves_nothing(home, finished, monkeypatch):
    from workers.writing import KeeperWriter

    def refuses(self, *args, **kwargs):
        raise StoreError("the disk is full")

    monkeypatch.setattr(KeeperWriter, "add_version", refuses, raising=False)
    with pytest.raises(StoreError, match="disk is full"):
        promote(finished.id, "unregistered")
    assert not (home / "models/unregistered").exists()


@pytest.mark.parametrize("error", [KeeperGone("no answer"), StoreError("it was done, and then something failed")])
def test_a_version_that_was_registered_stays_though_the_answer_was_lost(home, finished, monkeypatch, error):
    from workers.writing import KeeperWriter

    def lost(self, *args, **kwargs):
        self.__getattr__("add_version")(*args, **kwargs)
        raise error

    monkeypatch.setattr(KeeperWriter, "add_version", lost, raising=False)
    name = f"lost-{type(error).__name__}"
    with pytest.raises(type(error)):
        promote(finished.id, name)
    assert production.load(Store().version(name, 1).path).verify()["bit_for_bit"]


def test_who_waits_for_a_promotion_that_fails_is_alone_after_it(tmp_path):
    entered, leave = threading.Event(), threading.Event()

    def promoting():
        with _alone(tmp_path / "m"):
            entered.set()
            leave.wait(20)

    with _alone(tmp_path / "m"):
        second = threading.Thread(target=promoting)
        second.start()
        assert not entered.is_set()
    assert entered.wait(20)
    assert is_held(tmp_path / ".m.lock")
    assert (tmp_path / "m").is_dir()
    leave.set()
    second.join(20)
    assert [file.name for file in tmp_path.iterdir()] == [".m.lock"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"model_name": "../evil"}, r"model: a name is .* got '\.\./evil'"),
        ({"alias": "latest"}, "alias: 'latest' is taken"),
        ({"alias": "3"}, "alias: '3' is taken"),
        ({"alias": "a b"}, "alias: a name is"),
        ({"checkpoint": "epoch-7"}, "checkpoint: needs to be one of best, last; got 'epoch-7'"),
        ({"alias": "a\n"}, "alias: a name is"),
    ],
)
def test_a_bad_promotion_is_refused(home, finished, settings, told):
    before = len(Store().models())
    with pytest.raises(SpecProblem, match=told):
        promote(finished.id, **settings)
    assert len(Store().models()) == before


def test_runs_that_cannot_be_promoted(finished):
    with pytest.raises(UnknownRun):
        promote("nosuchrun")
    with writing() as writer:
        empty = writer.create_run("tiny", finished.spec, {})
        writer.update_run(empty, state="stopped")
    with pytest.raises(SpecProblem, match=r"Run tiny-\d+ \(stopped\) has no checkpoint best or last"):
        promote(empty)


def test_code_that_changed_since_the_run(finished):
    with writing() as writer:
        changed = writer.create_run(
            "tiny", finished.spec | {"net": ["Flatten", {"Linear": [64, 10]}]}, {}, run_dir=finished.run_dir
        )
        writer.update_run(changed, state="stopped")
    with pytest.raises(SpecProblem, match=r"does not fit its net any more"):
        promote(changed)


def test_a_damaged_model_is_refused(finished):
    version = promote(finished.id, "damaged")
    weights = version.path / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-3] ^= 1
    weights.write_bytes(data)
    with pytest.raises(production.SavedModelError):
        predict("damaged", np.zeros((1, 8, 8)))


@pytest.mark.parametrize(
    ("x", "told"),
    [
        (np.zeros((3, 7)), r"x needs rows of shape \(1, 8, 8\), that is \(n, 1, 8, 8\); got \(3, 7\)"),
        ([["a"]], "x needs to be an array of numbers"),
        ([[1], [1, 2]], "x needs to be an array of numbers"),
        (np.full((2, 1, 8, 8), np.nan), "row 0 holds NaN"),
        (np.zeros((0, 1, 8, 8)), "x has no rows"),
        (3, "x needs rows of shape"),
    ],
)
def test_data_that_do_not_fit(x, told):
    with pytest.raises(SpecProblem, match=told):
        as_rows(x, (1, 8, 8))


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 8), (1, 1, 8, 8), (1, 64), (64,)])
def test_one_row_in_many_shapes(shape):
    if shape == (64,):
        with pytest.raises(SpecProblem):
            as_rows(np.zeros(shape), (1, 8, 8))
    else:
        assert as_rows(np.zeros(shape), (1, 8, 8)).shape == (1, 1, 8, 8)


def test_another_models_folder_in_its_place_is_noticed(home, finished):
    first, second = promote(finished.id, "first"), promote(finished.id, "second", checkpoint="last")
    for file in second.path.iterdir():
        file.write_bytes((first.path / file.name).read_bytes())
    assert predict("first", np.zeros((1, 8, 8)))["version"] == 1
    with pytest.raises(SpecProblem, match="holds another model than the one that was promoted as second 1"):
        predict("second", np.zeros((1, 8, 8)))


def test_numbers_that_are_no_reals_are_refused():
    with pytest.raises(SpecProblem, match="needs to be an array of numbers"):
        as_rows(np.ones((1, 4)) * 1j, (4,))
