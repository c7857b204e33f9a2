"""`lockstep`: the same in a terminal as in the browser. Every command takes --json.

Exit codes: 0 done; 1 the run failed or was stopped; 2 a mistake in what was asked; 130 after Ctrl-C.
Heavy packages are imported inside the commands, so that --help answers at once.
"""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ui.problems import is_mistake

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and nothing else there.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, its unique beginning, or its name.")]


def told(command: Callable[..., Any]) -> Callable[..., Any]:
    """A user's mistake becomes one message on stderr and exit code 2; a defect of ours keeps its traceback."""

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except BrokenPipeError:
            sys.stderr.close()  # the reader of our output left, as `head` does
            raise typer.Exit(141) from None
        except Exception as problem:
            if not is_mistake(problem):
                raise
            print(f"lockstep: {problem}", file=sys.stderr)
            raise typer.Exit(2) from None

    return guarded


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"lockstep {version('lockstep')}")
        raise typer.Exit


@app.callback()
def lockstep(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Lockstep: research and production over one set of kernels. What was researched is what ships, bit for bit."""


@app.command()
@told
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to serve on.")] = 8501,
    host: Annotated[
        str, typer.Option(help="The address to bind to; only this machine unless told otherwise.")
    ] = "127.0.0.1",
    json: Json = False,
) -> None:
    """Serve the browser app, until Ctrl-C."""
    from ui import commands

    commands.ui(host, port, json)


@app.command()
@told
def train(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="A spec file (YAML).")],
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value: --set optimizer.lr=0.01")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Start it and return.")] = False,
    json: Json = False,
) -> None:
    """Train an experiment and show its progress. Ctrl-C stops it with a checkpoint."""
    from ui import commands

    raise typer.Exit(commands.train(spec, changes or [], detach, json))


@app.command()
@told
def runs(
    experiment: Annotated[str | None, typer.Option(help="Only runs of this experiment.")] = None,
    state: Annotated[str | None, typer.Option(help="created, running, finished, failed or stopped.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 20,
    json: Json = False,
) -> None:
    """List runs, newest first."""
    from ui import commands

    commands.runs(experiment, state, limit, json)


@app.command()
@told
def show(run: RunArgument, json: Json = False) -> None:
    """Show everything about a run."""
    from ui import commands

    commands.show(run, json)


@app.command()
@told
def compare(
    run: Annotated[list[str], typer.Argument(metavar="RUN RUN…", help="Two or more runs.")], json: Json = False
) -> None:
    """Compare runs: final metrics, and the parameters that differ."""
    from ui import commands

    commands.compare(run, json)


@app.command()
@told
def stop(run: RunArgument, json: Json = False) -> None:
    """Ask a run to save a checkpoint and stop."""
    from ui import commands

    commands.stop(run, json)


@app.command()
@told
def promote(
    run: RunArgument,
    name: Annotated[str | None, typer.Option(help="The model's name; the experiment's unless given.")] = None,
    alias: Annotated[str | None, typer.Option(help="An alias to point at the new version, such as production.")] = None,
    json: Json = False,
) -> None:
    """Turn a finished run into a static production model, with proof that it computes the same."""
    from ui import model_commands

    model_commands.promote(run, name, alias, json)


@app.command()
@told
def models(json: Json = False) -> None:
    """List the promoted models with their versions and aliases."""
    from ui import model_commands

    model_commands.models(json)


@app.command()
@told
def predict(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A promoted model's name.")],
    input: Annotated[Path | None, typer.Option(help="A .npy file of inputs, or an image.")] = None,
    sample: Annotated[
        int | None, typer.Option(min=0, help="The number of a held-out row of the model's own data.")
    ] = None,
    version: Annotated[str, typer.Option(help="A version's number, an alias, or latest.")] = "latest",
    json: Json = False,
) -> None:
    """Predict with a promoted model."""
    from ui import model_commands

    model_commands.predict(model, input, sample, version, json)


@app.command()
@told
def demo(json: Json = False) -> None:
    """Train two digit classifiers, compare them, promote the better one, and predict with it."""
    from ui import demo as program

    program.run(json)


@app.command()
@told
def doctor(
    warm: Annotated[
        bool, typer.Option("--warm", help="Compile the common kernels now, not at their first use.")
    ] = False,
    json: Json = False,
) -> None:
    """Say what this machine has for Lockstep, and what is amiss."""
    from ui import doctor as program

    raise typer.Exit(program.run(warm, json))


def main() -> None:
    """The `lockstep` command."""
    app(prog_name="lockstep")


if __name__ == "__main__":
    main()
