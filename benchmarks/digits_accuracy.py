"""Held-out accuracy of the example experiments over seeds: `python -m benchmarks.digits_accuracy [seeds]`."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from workers.experiment import Experiment
from workers.report import Memory
from workers.train import train

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def accuracy(spec: Path, seed: int) -> tuple[float, float, float]:
    """(held-out accuracy after the last epoch, the best of all epochs, seconds) of one training run in this process."""
    report, begun = Memory(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        train(Experiment.from_yaml(spec, [f"seed={seed}"]), report, Path(folder))
    values = [value for _, value in report.metrics["validation/accuracy"]]
    return values[-1], max(values), time.perf_counter() - begun


def main(seeds: int = 5) -> dict[str, list[float]]:
    """Prints each accuracy, and the spread; returns the last epochs' by spec."""
    found: dict[str, list[float]] = {}
    for spec in sorted(EXAMPLES.glob("digits_*.yaml")):
        for seed in range(seeds):
            last, best, seconds = accuracy(spec, seed)
            found.setdefault(spec.stem, []).append(last)
            print(f"{spec.stem}  seed {seed}  last {last:.2%}  best {best:.2%}  {seconds:.1f} s", flush=True)
        values = found[spec.stem]
        spread = f"min {min(values):.2%}  mean {statistics.mean(values):.2%}  max {max(values):.2%}"
        print(f"{spec.stem}  {spread}", flush=True)
    return found


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
