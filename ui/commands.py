"""What the commands about runs do; cli.py says how they are called."""

import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from db import Run, Store
from ui import as_json, comparison, run_rows, terminal, words


class UsageProblem(Exception):
    """What was asked for makes no sense: one clear message."""


def out() -> Console:
    """Where results go. A file or a pipe has no width: there a table keeps its lines whole."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)


def err() -> Console:
    """Where progress and remarks go: with --json, stdout is for JSON alone."""
    return Console(stderr=True, highlight=False)


def ui(host: str, port: int, json: bool) -> None:
    """Starts the keeper and the server; blocks until the server ends or a signal comes."""
    from ui import serve
    from workers.cluster import ensure_keeper

    serve.require_free(host, port)
    serve.raise_on_signals()
    server = serve.Server(host, port)
    try:
        ensure_keeper(lambda status: err().print(status, style="bright_black"))
        server.start()
        address = serve.url(host, port)
        if json:
            as_json.write({"url": address})
        else:
            out().print(f"Lockstep is at [bold]{address}[/]   (Ctrl-C ends it; runs go on)")
        code = server.wait()
        raise serve.ServeProblem(f"the web server ended by itself, with code {code}")
    except KeyboardInterrupt:
        err().print("Ended.", style="bright_black")
    finally:
        server.end()


def train(spec: Path, changes: list[str], detach: bool, json: bool) -> int:
    """Launches, and follows unless detached; the exit code."""
    from ui.watch import follow
    from workers.experiment import Experiment
    from workers.launch import launch

    experiment = Experiment.from_yaml(spec, changes)
    run_id = launch(experiment, lambda status: err().print(status, style="bright_black"))
    if detach:
        as_json.write({"id": run_id}) if json else out().print(run_id)
        return 0
    ended, interrupted = follow(err() if json else out(), [run_id])
    run = ended[0]
    as_json.write(_with_metrics(Store(), run)) if json else _say_end(run)
    if run.state == "finished":
        return 0
    return 130 if interrupted else 1


def _say_end(run: Run) -> None:
    line = Text.assemble("run ", (run.id, "bold"), " ", terminal.state(run.state))
    line.append(f" after {words.duration(run_rows.duration_s(run))}")
    (out() if run.state == "finished" else err()).print(line)
    if run.state == "failed":
        err().print(run.message or "It left no message.", style="red", markup=False)
    elif run.state == "finished":
        out().print(
            f"next: lockstep show {run.name or run.id}   lockstep promote {run.name or run.id}", style="bright_black"
        )


def runs(experiment: str | None, state: str | None, limit: int, json: bool) -> None:
    """A line a run."""
    store = Store()
    found = store.runs(experiment=experiment, state=state, limit=limit)
    finals = store.final_metrics([run.id for run in found])
    if json:
        return as_json.write([{**as_json.plain(run), "metrics": finals.get(run.id, {})} for run in found])
    if not found and (experiment or state) and (all_runs := store.runs()):
        names = ", ".join(sorted({run.experiment for run in all_runs}))
        return out().print(f"No such runs among {words.plural(len(all_runs), 'run')} of: {names}", markup=False)
    if not found:
        return out().print("No runs yet. Begin with: lockstep train examples/digits_mlp.yaml")
    rows = [run_rows.row(run, finals.get(run.id, {})) for run in found]
    console = out()
    keys = run_rows.columns(rows, limit=3 if console.width >= 110 else 1)
    headers = [key.replace("/", "\n") for key in keys]
    table = terminal.plain_table("run", "name", "state", "done", *headers, "duration", "created")
    for row in rows:
        metrics = [words.metric(key, row.final[key]) if key in row.final else "" for key in keys]
        ends = words.duration(row.duration_s), words.ago(row.run.created_at)
        done = f"{100 * row.progress:.0f} %"
        table.add_row(row.run.id, escape(row.run.name), terminal.state(row.run.state), done, *metrics, *ends)
    console.print(table)


def show(wanted: str, json: bool) -> None:
    """Everything about one run."""
    store = Store()
    run = store.run(wanted)
    if json:
        logs = [line.text for line in store.logs(run.id, tail=100)]
        return as_json.write({**_with_metrics(store, run), "logs": logs, "artifacts": store.artifacts(run.id)})
    console = out()
    heading = Text.assemble((run.name or run.id, "bold"), "  ", terminal.state(run.state), f"  {run_rows.epoch(run)}")
    console.print(heading)
    if run.message:
        console.print(run.message, style="red" if run.state == "failed" else "", markup=False)
    total = run.data_s + run.compute_s
    waiting = f"{words.percent(run.data_s / total)} of {words.duration(total)}" if total else "–"
    facts = [
        ("run", run.id),
        ("experiment", run.experiment),
        ("started", words.clock(run.started_at)),
        ("duration", words.duration(run_rows.duration_s(run))),
        ("waiting for data", waiting),
        ("folder", run.run_dir),
    ]
    console.print(terminal.facts(facts))
    _show_metrics(console, store, run)
    console.print()
    console.print(terminal.facts((name, words.number(value)) for name, value in run.params.items()))
    for line in store.logs(run.id, tail=10):
        console.print(f"  {line.text}", style="bright_black", markup=False)


def _show_metrics(console: Console, store: Store, run: Run) -> None:
    series = store.metrics(run.id)
    if not series:
        return
    table = terminal.plain_table("metric", "last", "")
    for key in sorted(series, key=words.metric_order):
        values = series[key].values
        table.add_row(escape(key), words.metric(key, values[-1]), Text(terminal.sparkline(values), style="cyan"))
    console.print()
    console.print(table)


def compare(wanted: list[str], json: bool) -> None:
    """Final metrics and differing parameters of several runs."""
    store = Store()
    found = list({run.id: run for run in map(store.run, wanted)}.values())
    if len(found) < 2:
        raise UsageProblem(f"compare needs two or more different runs; got {', '.join(wanted)}.")
    ids = [run.id for run in found]
    finals = store.final_metrics(ids)
    rows, params = comparison.final_rows(ids, finals), comparison.differing_params([run.params for run in found])
    best = comparison.best_run(ids, finals)
    if json:
        return as_json.write(
            {
                "runs": ids,
                "metrics": {row.name: row.values for row in rows},
                "differing_params": {row.name: row.values for row in params},
                "best": best,
            }
        )
    names = [run.name or run.id for run in found]
    for table in terminal.comparison(names, rows, params):
        out().print(table)
        out().print()
    if not params:
        out().print("These runs have the same parameters.")
    return None


def stop(wanted: str, json: bool) -> None:
    """Asks a run to stop."""
    from workers.launch import stop

    run = Store().run(wanted)
    if run.ended:
        raise UsageProblem(f"run {run.id} has already ended: it is {run.state}.")
    stop(run.id)
    if json:
        return as_json.write({"id": run.id, "stop_requested": True})
    print(f"Asked run {run.id} to stop; it saves a checkpoint first.", file=sys.stdout)
    return None


def _with_metrics(store: Store, run: Run) -> dict[str, object]:
    return {**as_json.plain(run), "metrics": store.final_metrics([run.id]).get(run.id, {})}
