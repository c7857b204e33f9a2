"""A line to the keeper: one JSON line asks, one JSON line answers, over a Unix socket that only this user can open.

So a client needs no Ray in its process: a stop takes milliseconds, and a cluster that dies takes no browser along.
"""

from __future__ import annotations

import json
import os
import socket
import socketserver
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import db
from workers.problems import SpecProblem

ANSWER_TIMEOUT_S = 60.0
PERMITTED_BYTES = 64 * 2**20  # of one question: a batch of events or a spec is far smaller


class KeeperGone(Exception):
    """The keeper did not answer: it has ended or was killed. What was asked may have been done or not."""


class KeeperAbsent(KeeperGone):
    """Nobody could be asked, so nothing was done: it is safe to ask again."""


# what may come back as itself; anything else comes back as a KeeperError with its type in the text
_ERRORS: dict[str, type[Exception]] = {
    cls.__name__: cls
    for cls in (SpecProblem, KeeperGone, db.StoreError, db.UnknownRun, db.UnknownModel, db.NewerStore, db.StoreLocked)
}


class KeeperError(Exception):
    """Something unexpected failed inside the keeper."""


def ask(path: Path, method: str, /, *args: Any, **kwargs: Any) -> Any:
    """Calls a method of the store's owner through the keeper. Raises what it raised, KeeperAbsent or KeeperGone."""
    question = json.dumps({"method": method, "args": args, "kwargs": kwargs}) + "\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(ANSWER_TIMEOUT_S)
            try:
                line.connect(str(path))
            except OSError as error:
                raise KeeperAbsent(f"The keeper at {path} cannot be reached: {error}.") from error
            line.sendall(question.encode())
            with line.makefile("rb") as answers:
                text = answers.readline()
    except OSError as error:
        raise KeeperGone(f"The keeper at {path} did not answer: {error}.") from error
    if not text:
        raise KeeperGone(f"The keeper at {path} ended before it answered.")
    answer = json.loads(text)
    if "error" in answer:
        kind, message = answer["error"]
        raise _ERRORS[kind](message) if kind in _ERRORS else KeeperError(f"{kind}: {message}")
    return answer["value"]


def serve(path: Path, answer: Callable[..., Any]) -> socketserver.BaseServer:
    """Answers questions with `answer(method, *args, **kwargs)`, each in a thread, until `.shutdown()`."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline(PERMITTED_BYTES)
            if line:
                self.wfile.write(json.dumps(_answered(line, answer)).encode() + b"\n")

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True
        request_queue_size = 64

    path.unlink(missing_ok=True)
    mask = os.umask(0o177)  # the socket file is for this user alone from its first moment
    try:
        server = Server(str(path), Handler)
    finally:
        os.umask(mask)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="keeper line", daemon=True
    ).start()
    return server


def _answered(line: bytes, answer: Callable[..., Any]) -> dict[str, Any]:
    try:
        question = json.loads(line)
        return {"value": answer(question["method"], *question["args"], **question["kwargs"])}
    except Exception as error:
        return {"error": [type(error).__name__, str(error)]}
