"""`lockstep demo`: the whole main job in a terminal, in about a minute.

Trains two digit classifiers at once (a list of layers from YAML, a convolutional net that is a Python class), compares
them, promotes the better one, and predicts with it in a process in which `research` cannot be imported.
"""

import json
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
from rich.columns import Columns
from rich.console import Console
from rich.text import Text

from db import ModelVersion, Run, Store
from ui import as_json, comparison, model_commands, pictures, terminal, words
from ui.commands import UsageProblem, err, out
from ui.samples import held_out
from ui.watch import follow

EXAMPLES = ("digits_mlp.yaml", "digits_cnn.yaml")
MODEL, ALIAS = "digits", "production"
PICTURES = 6

# Run by the other process. A name that is None in sys.modules cannot be imported: Python raises ModuleNotFoundError.
WITHOUT_RESEARCH = """
import json, sys
sys.modules["research"] = None
try:
    import research
except ModuleNotFoundError:
    pass
else:
    sys.exit("research can be imported here")
import numpy as np
from workers.predict import predict
x = np.load(sys.argv[3], allow_pickle=False)
print(json.dumps(predict(sys.argv[1], x, int(sys.argv[2]))))
"""


def run(as_data: bool) -> None:
    """The demo; with `as_data` its result as JSON on stdout, and its talk on stderr."""
    begun = time.monotonic()
    console = err() if as_data else out()
    runs = _trained(console)
    ids = [each.id for each in runs]
    store = Store()
    finals = store.final_metrics(ids)
    best = _compared(console, runs, finals)
    version = _promoted(console, best)
    answer = _predicted(console, store, version)
    took = time.monotonic() - begun
    console.print(f"\nDone in {words.duration(took)}. Look at it all in a browser with: [bold]lockstep ui[/]")
    if as_data:
        accuracy = {each.experiment: finals[each.id].get("validation/accuracy") for each in runs}
        as_json.write(
            {"runs": ids, "accuracy": accuracy, "best": best.id, "version": version, **answer, "seconds": took}
        )


def _trained(console: Console) -> list[Run]:
    """Both runs, trained at once. Raises UsageProblem if one did not finish."""
    from workers.experiment import Experiment
    from workers.launch import experiments, launch

    console.print("[bold]1  Train[/]  a net without code, from YAML; and a convolutional net, a Python class")
    files = {path.name: path for path in experiments()}
    missing = [name for name in EXAMPLES if name not in files]
    if missing:
        raise UsageProblem(f"the demo needs the example {' and '.join(missing)}, which this installation lacks.")
    say = lambda status: console.print(f"   {status}", style="bright_black")  # noqa: E731
    ids = [launch(Experiment.from_yaml(files[name]), say) for name in EXAMPLES]
    runs, interrupted = follow(console, ids)
    if interrupted:
        raise KeyboardInterrupt
    for each in runs:
        if each.state != "finished":
            raise UsageProblem(f"run {each.id} ended as {each.state}: {each.message}")
    return runs


def _compared(console: Console, runs: list[Run], finals: dict[str, dict[str, float]]) -> Run:
    """The better run, with both shown side by side."""
    console.print("\n[bold]2  Compare[/]")
    ids = [each.id for each in runs]
    rows = comparison.final_rows(ids, finals)
    params = comparison.differing_params([each.params for each in runs])
    for table in terminal.comparison([each.name or each.id for each in runs], rows, params):
        console.print(table)
    best = comparison.best_run(ids, finals) or ids[0]
    return next(each for each in runs if each.id == best)


def _promoted(console: Console, best: Run) -> ModelVersion:
    from workers.promotion import promote

    console.print(f"\n[bold]3  Promote[/]  {best.name or best.id}, the better one, to a static graph")
    version = promote(best.id, MODEL, ALIAS)
    model_commands.say_promoted(console, version, ALIAS)
    return version


def _predicted(console: Console, store: Store, version: ModelVersion) -> dict[str, Any]:
    """All held-out rows, predicted where `research` cannot be imported; a few of them shown."""
    console.print("\n[bold]4  Predict[/]  in a process in which `research` cannot be imported")
    rows = held_out(store, version)
    said = _predict_without_research(version, rows.x)
    right = sum(told == label for told, label in zip(said["labels"], rows.labels, strict=True))
    shown = []
    for i in range(min(PICTURES, len(rows.x))):
        told, sure = said["labels"][i], max(said["probabilities"][i])
        picture = Text("\n".join(pictures.ascii_lines(rows.x[i])))
        right_here = told == rows.labels[i]
        picture.append(f"\nsays {told} ({words.percent(sure)})", style="green" if right_here else "red")
        picture.append("" if right_here else f"\nis   {rows.labels[i]}")
        shown.append(picture)
    console.print(Columns(shown, padding=(0, 3)))
    share = words.percent(right / len(rows.x))
    console.print(f"{right} of {len(rows.x)} held-out digits right ({share})", style="bold")
    return {"labels": said["labels"], "held_out_accuracy": right / len(rows.x)}


def _predict_without_research(version: ModelVersion, x: np.ndarray) -> dict[str, Any]:
    """The answer of a process of its own. Raises RuntimeError, a defect of ours, with what it said if it fails."""
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file, x)
        file.flush()
        command = [sys.executable, "-c", WITHOUT_RESEARCH, version.model, str(version.version), file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"predicting without research failed:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
