"""Held-out rows to try a promoted model on: of the data that its run was trained from. Needs no `research`."""

from dataclasses import dataclass

import numpy as np

from db import ModelVersion, Store
from ui.commands import UsageProblem


@dataclass(frozen=True)
class HeldOut:
    """Rows that training never saw, x (n, ...), with their labels as the model names them (none for float targets)."""

    x: np.ndarray
    labels: tuple[str, ...]

    def row(self, number: int) -> np.ndarray:
        """One row. Raises UsageProblem."""
        if not 0 <= number < len(self.x):
            raise UsageProblem(f"sample {number}: there are {len(self.x)} held-out rows, 0 to {len(self.x) - 1}.")
        return np.asarray(self.x[number])


def held_out(store: Store, version: ModelVersion) -> HeldOut:
    """The held-out rows of a version's run. Raises UsageProblem, StoreError, SpecProblem."""
    from workers import datasets
    from workers.experiment import Experiment

    if version.run_id is None:
        raise UsageProblem(
            f"{version.model} version {version.version} came from no run, so its data are not known here."
        )
    spec = store.run(version.run_id).spec
    experiment = Experiment.model_validate(spec)  # was checked when the run was launched
    data = datasets.load(experiment.data, experiment.loss)
    names = data.class_names
    labels = tuple(names[label] for label in data.held_out_y.tolist()) if names else ()
    return HeldOut(data.held_out_x, labels)


def input_shape(version: ModelVersion) -> tuple[int, ...]:
    """The shape of one row that a version takes; empty if it was not recorded."""
    return tuple(version.proof.get("input_shape", ()))


def class_names(version: ModelVersion) -> tuple[str, ...]:
    """The classes of a version, in the order of its output; empty for float targets."""
    return tuple(version.proof.get("class_names", ()))
