"""What the commands about models do; cli.py says how they are called."""

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from db import ModelVersion, Store
from ui import as_json, pictures, proof, terminal, words
from ui.commands import UsageProblem, out
from ui.samples import held_out, input_shape

SHOWN_ROWS = 20


def promote(wanted: str, name: str | None, alias: str | None, json: bool) -> None:
    """Promotes, and shows the proof."""
    from workers.promotion import promote

    version = promote(Store().run(wanted).id, name, alias)
    if json:
        return as_json.write({**as_json.plain(version), "alias": alias})
    say_promoted(out(), version, alias)
    return None


def say_promoted(console: Console, version: ModelVersion, alias: str | None) -> None:
    """What there is now, and why it can be trusted."""
    named = f", alias [bold]{escape(alias)}[/]" if alias else ""
    console.print(f"[bold]{escape(version.model)}[/] version [bold]{version.version}[/]{named}")
    console.print(proof.in_words(version.proof), style="green")
    table = terminal.plain_table("batch", "rows", "bytes", "result")
    columns = proof.rows(version.proof)
    for batch, rows, size, result in zip(*columns.values(), strict=True):
        table.add_row(escape(batch), words.number(rows), words.number(size), result)
    console.print(table)


def models(json: bool) -> None:
    """A line a version."""
    found = Store().models()
    if json:
        return as_json.write(found)
    if not found:
        return out().print("No models yet. Promote a finished run with: lockstep promote RUN")
    table = terminal.plain_table("model", "version", "aliases", "run", "proof", "created")
    for model in found:
        for version in reversed(model.versions):
            aliases = ", ".join(name for name, number in model.aliases.items() if number == version.version)
            proved = (
                Text("bit for bit", style="green") if version.proof.get("bit_for_bit") else Text("none", style="red")
            )
            cells = str(version.version), escape(aliases), version.run_id or "–", proved, words.ago(version.created_at)
            table.add_row(escape(model.name), *cells)
    return out().print(table)


def predict(model: str, file: Path | None, sample: int | None, wanted: str, json: bool) -> None:
    """Predicts for a file's rows, an image, or a held-out row."""
    from workers.predict import predict

    if (file is None) == (sample is None):
        raise UsageProblem("predict needs either --input FILE (.npy or an image) or --sample N.")
    store = Store()
    version = store.version(model, wanted)
    label = None
    if sample is not None:
        rows_known = held_out(store, version)
        x = rows_known.row(sample)[None]
        label = rows_known.labels[sample] if rows_known.labels else None
    else:
        assert file is not None
        x = read_input(file, input_shape(version))
    answer = predict(model, x, version.version)
    if json:
        return as_json.write({**answer, **({} if sample is None else {"sample": sample, "label": label})})
    say_prediction(out(), x, answer, label)
    return None


def read_input(file: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The rows in a .npy file, or an image as one row. Raises UsageProblem, PictureProblem."""
    if not file.is_file():
        raise UsageProblem(f"{file}: {'this is a folder' if file.is_dir() else 'there is no such file'}.")
    if file.suffix.lower() != ".npy":
        return pictures.from_image(file, shape)[None]
    try:
        with file.open("rb") as content:
            return np.asarray(np.lib.format.read_array(content, allow_pickle=False))
    except Exception as problem:  # NumPy parses the header as Python; damaged bytes raise whatever that raises
        reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise UsageProblem(f"{file}: this is not a readable .npy file: {reason}") from None


def say_prediction(console: Console, x: np.ndarray, answer: dict[str, Any], label: str | None) -> None:
    """A line a row; for a single picture the picture too, with a bar for each class."""
    if "values" in answer:
        for values in answer["values"][:SHOWN_ROWS]:
            console.print(str(values))
    elif len(answer["labels"]) == 1:
        console.print(one_prediction(x.reshape(x.shape[-3:] if x.ndim > 3 else x.shape), answer, label))
    else:
        table = terminal.plain_table("row", "label", "probability")
        for row, (name, p) in enumerate(zip(answer["labels"], answer["probabilities"], strict=True)):
            if row < SHOWN_ROWS:
                table.add_row(str(row), escape(name), words.percent(max(p)))
        console.print(table)
    rest = len(answer.get("labels", answer.get("values", ()))) - SHOWN_ROWS
    if rest > 0:
        console.print(f"and {words.plural(rest, 'row')} more; --json has them all", style="bright_black")


def one_prediction(row: np.ndarray, answer: dict[str, Any], label: str | None) -> Table:
    """The picture beside the probabilities."""
    p = answer["probabilities"][0]
    bars = Table(box=None, show_header=False, pad_edge=False)
    best = int(np.argmax(p))
    for position, value in enumerate(p):
        bar = "█" * round(24 * value)
        style = "bold blue" if position == best else "bright_black"
        bars.add_row(Text(str(position), style=style), Text(bar, style=style), Text(words.percent(value), style=style))
    verdict = Text.assemble("It says ", (answer["labels"][0], "bold"), f" ({words.percent(max(p))})")
    if label is not None:
        right = label == answer["labels"][0]
        verdict.append(f"; the label is {label}", style="green" if right else "red")
    side = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    side.add_row(
        Text("\n".join(pictures.ascii_lines(row[0] if row.ndim > 1 and row.shape[0] == 1 else row))),
        Group(verdict, bars),
    )
    return side
