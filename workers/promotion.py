"""From a run's checkpoint to a registered model: rebuilt, proved equal, saved, and only then known."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import db
from workers import datasets
from workers.experiment import Experiment
from workers.line import KeeperAbsent, KeeperGone
from workers.names import check_alias, check_name
from workers.net import build
from workers.predict import fingerprint
from workers.problems import SpecProblem, listed, shown
from workers.train import checkpoint_path
from workers.writing import writing

Checkpoint = Literal["best", "last"]
EXAMPLE_ROWS = 5


def promote(
    run_id: str,
    model_name: str | None = None,
    alias: str | None = None,
    *,
    checkpoint: Checkpoint | None = None,
    reason: str = "",
) -> db.ModelVersion:
    """Promotes a run's best checkpoint (or `last`) to the next version of a model; `alias` then names it.

    Raises SpecProblem, StoreError, or production.promote.PromotionError when the graph does not give equal bits; then
    nothing is saved or registered.
    """
    run = db.Store().run(run_id)
    experiment = Experiment.from_dict(run.spec, where=f"the spec of run {run.id}")
    name = model_name or experiment.name
    check_name(name, "model")
    if alias is not None:
        check_alias(alias)
    net, saved_at = rebuilt(run, experiment, checkpoint)
    data = datasets.load(experiment.data, experiment.loss)
    folder = db.home() / "models" / name
    with _alone(folder), writing() as writer:
        path = folder / str(writer.next_version(name))
        if path.exists():  # we are alone, and the store does not know it: what a killed promotion left
            shutil.rmtree(path)
        proof = _proved_and_saved(net, data, path, _provenance(run, experiment, data, saved_at))
        try:
            version = writer.add_version(name, run_id=run.id, path=path, proof=proof)
        except Exception as error:
            if _is_surely_unknown(name, path, error):
                shutil.rmtree(path, ignore_errors=True)
            raise
        if alias is not None:
            writer.set_alias(name, alias, version, reason=reason or f"promoted from run {run.name}")
    return db.Store().version(name, version)


def rebuilt(run: db.Run, experiment: Experiment, checkpoint: Checkpoint | None = None) -> tuple[Any, Path]:
    """The run's net, set to evaluate, with a checkpoint's weights; and that checkpoint's path. Raises SpecProblem."""
    import research

    allowed = get_args(Checkpoint)
    if checkpoint is not None and checkpoint not in allowed:
        raise SpecProblem(f"checkpoint: needs to be one of {listed(allowed)}; got {shown(checkpoint)}.")
    choices = [checkpoint] if checkpoint else allowed
    paths = [checkpoint_path(run.run_dir / "checkpoint", choice) for choice in choices]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise SpecProblem(
            f"Run {run.name} ({run.state}) has no checkpoint {' or '.join(choices)}: a run saves one at the end "
            "of each epoch, and when it is stopped."
        )
    net = build(experiment)
    try:
        net.load_state_dict(research.load(path)["model"])
    except (research.LoadError, KeyError, TypeError) as error:
        raise SpecProblem(f"The checkpoint {path} cannot be read: {error}.") from None
    except RuntimeError as error:
        raise SpecProblem(
            f"The checkpoint of run {run.name} does not fit its net any more; has its code changed? {error}."
        ) from None
    return net.eval(), path


def set_alias(model: str, alias: str, version: int | str, *, reason: str = "") -> None:
    """Lets an alias such as `production` name a version. Raises UnknownModel, SpecProblem, StoreError."""
    check_alias(alias)
    with writing() as writer:
        writer.set_alias(model, alias, version, reason=reason)


def remove_alias(model: str, alias: str, *, reason: str = "") -> None:
    """Takes an alias away. Raises UnknownModel."""
    with writing() as writer:
        writer.remove_alias(model, alias, reason=reason)


def _proved_and_saved(net: Any, data: datasets.Dataset, path: Path, provenance: dict[str, Any]) -> dict[str, Any]:
    from production import promote as bridge
    from research import from_numpy

    path.parent.mkdir(parents=True, exist_ok=True)
    example = from_numpy(data.held_out_x[:EXAMPLE_ROWS].copy())
    promotion = bridge.promote(net, (example,), path=path, provenance=provenance)
    # what `predict` needs of the data is kept in the store, beside the proof
    known = {"input_shape": list(data.input_shape), "class_names": list(data.class_names)}
    return dict(promotion.proof) | known | {"fingerprint": fingerprint(path)}


def _is_surely_unknown(name: str, path: Path, error: Exception) -> bool:
    """Whether the store has no such version, and will not have it: an answer that was lost may have been a yes."""
    if isinstance(error, KeeperGone) and not isinstance(error, KeeperAbsent):
        return False
    try:
        return all(version.path != path for version in db.Store().model(name).versions)
    except db.UnknownModel:
        return True
    except db.StoreError:
        return False


def _provenance(run: db.Run, experiment: Experiment, data: datasets.Dataset, checkpoint: Path) -> dict[str, Any]:
    return {
        "run": run.id,
        "run_name": run.name,
        "checkpoint": checkpoint.stem,
        "metrics": db.Store().final_metrics([run.id]).get(run.id, {}),
        "spec": experiment.as_dict(),
        "environment": run.environment,
        "class_names": list(data.class_names),
    }


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds off other promotions of the same model: two must not save under one version number."""
    db.make_private(folder.parent)
    # beside the folder, and never removed: two who lock different files of one name would not see each other
    with (folder.parent / f".{folder.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        folder.mkdir(exist_ok=True)
        try:
            yield
        finally:
            if not any(child.is_dir() for child in folder.iterdir()):
                shutil.rmtree(folder, ignore_errors=True)  # nothing came of it: leave no trace
