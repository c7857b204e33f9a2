"""Finds this home's keeper, or starts one: exactly one, however many ask at once."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

import db
from workers import line

START_TIMEOUT_S = 90.0
NAMESPACE = "lockstep"
Status = Callable[[str], None]


class ClusterProblem(Exception):
    """The keeper could not be started; `args[0]` says why and where its log is."""


@dataclass(frozen=True)
class Keeper:
    """Where the running keeper is to be found: the content of cluster.json."""

    address: str  # of Ray's head
    pid: int
    born: float  # unix seconds: tells a reused pid from the keeper
    namespace: str
    socket: str

    @property
    def is_alive(self) -> bool:
        return is_process(self.pid, self.born)

    def ask(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Calls a method of the store's owner."""
        return line.ask(Path(self.socket), method, *args, **kwargs)


def running_keeper(home: Path | None = None) -> Keeper | None:
    """The keeper that is up, or None; a file left by a dead one counts for nothing."""
    try:
        keeper = Keeper(**json.loads(cluster_file(home).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return keeper if keeper.is_alive else None


def ensure_keeper(on_status: Status | None = None) -> Keeper:
    """The running keeper; starts one and waits for it when there is none. Raises ClusterProblem."""
    say = on_status or (lambda text: None)
    register_client()
    if keeper := running_keeper():
        return keeper
    db.Store()  # a store that cannot be used says so here, in its own words
    say("Starting the local cluster …")
    log = db.home() / "keeper.log"
    begun = time.monotonic()
    process = _spawn(log)
    while time.monotonic() - begun < START_TIMEOUT_S:
        if keeper := running_keeper():
            say(f"The cluster is up ({time.monotonic() - begun:.1f} s).")
            return keeper
        if process.poll() not in (None, 0):  # 0: another process's keeper came first, and will be there soon
            raise ClusterProblem(
                f"The keeper ended while it started (exit code {process.returncode}).{_last_words(log)}"
            )
        time.sleep(0.05)
    raise ClusterProblem(f"The keeper did not come up within {START_TIMEOUT_S:g} s.{_last_words(log)}")


def register_client() -> None:
    """Tells keepers that this process counts on them: while it lives, they stay."""
    card = clients_dir() / str(os.getpid())
    if card.exists() and card.read_text() == repr(_born(os.getpid())):
        return
    card.parent.mkdir(parents=True, exist_ok=True)
    card.write_text(repr(_born(os.getpid())))
    atexit.register(_unregister, card, os.getpid())


def _unregister(card: Path, pid: int) -> None:
    if os.getpid() == pid:  # a forked child leaves its parent's card alone
        card.unlink(missing_ok=True)


def living_clients(home: Path | None = None) -> int:
    """Number of registered client processes that still run; cards of dead ones are removed."""
    alive = 0
    for card in clients_dir(home).glob("*"):
        try:
            if is_process(int(card.name), float(card.read_text())):
                alive += 1
            else:
                card.unlink(missing_ok=True)
        except (ValueError, OSError):
            continue  # half-written: it is read again a moment later
    return alive


def write_cluster_file(keeper: Keeper) -> None:
    """Makes a keeper known: the file is whole or not there."""
    path = cluster_file()
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(asdict(keeper), indent=1))
    os.replace(fresh, path)


def cluster_file(home: Path | None = None) -> Path:
    return (home or db.home()) / "cluster.json"


def clients_dir(home: Path | None = None) -> Path:
    return (home or db.home()) / "clients"


def short_dir() -> Path:
    """This home's private folder with a short path: a Unix socket's path is limited to 107 bytes, and Ray adds 70."""
    name = f"lockstep-{os.getuid()}-{hashlib.sha256(str(db.home().resolve()).encode()).hexdigest()[:8]}"
    path = Path("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()) / name
    path.mkdir(mode=0o700, exist_ok=True)
    if path.is_symlink() or path.stat().st_uid != os.getuid():
        raise ClusterProblem(f"{path} belongs to someone else; remove it, or choose another $LOCKSTEP_HOME.")
    path.chmod(0o700)
    return path


def is_process(pid: int, born: float) -> bool:
    """Whether the process that had this pid at its birth (unix seconds) still runs."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - born) < 2 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _born(pid: int) -> float:
    return psutil.Process(pid).create_time()


def own_birth() -> float:
    """When this process began, unix seconds."""
    return _born(os.getpid())


def _spawn(log: Path) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"LOCKSTEP_HOME": str(db.home().resolve())}
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "workers.keeper"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd="/",  # so that no file of the folder it was started from hides a module
            env=environment,
            start_new_session=True,  # Ctrl-C in the client's terminal must not reach the runs
        )


def _last_words(log: Path) -> str:
    try:
        words = [text for text in log.read_text(errors="replace").splitlines() if text.strip()]
    except OSError:
        words = []
    return f" Its log, {log}, ends: {words[-1]}" if words else f" Its log {log} is empty."
