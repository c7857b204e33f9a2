"""`lockstep doctor`: what the machine has, in a table; and the common kernels compiled, with a bar."""

from __future__ import annotations

import time
from typing import Any


def run(warm: bool, json: bool) -> int:
    """Print what was found; 1 if there are problems."""
    from rich.console import Console

    from ui import as_json, terminal
    from workers.doctor import findings

    console = Console(highlight=False)
    seconds = _compile(Console(stderr=True, highlight=False)) if warm else None
    found = findings() | ({"kernels compiled in seconds": round(seconds, 1)} if seconds is not None else {})
    if json:
        as_json.write(found)
    else:
        console.print(terminal.facts((k, v) for k, v in found.items() if k != "problems"))
        for problem in found["problems"]:
            console.print(f"! {problem}")
    return 1 if found["problems"] else 0


def _compile(console: Any) -> float:
    """Compile the common kernels, with a bar; the seconds it took."""
    from rich.progress import Progress

    from workers.doctor import PARTS, warm

    begun = time.perf_counter()
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("compiling kernels", total=len(PARTS))
        for name in warm():
            progress.update(task, advance=1, description=f"compiled {name}")
    return time.perf_counter() - begun
