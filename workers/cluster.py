"""Finds this home's keeper, or starts one: exactly one, however many ask at once."""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import db
from workers import line

START_TIMEOUT_S = 90.0
NAMESPACE = "lockstep"
SPARE_CPUS = 1  # held by the process that waits for the next run
Status = Callable[[str], None]
_cards: dict[Path, IO[str]] = {}  # folder of clients -> this process's card there, locked


class ClusterProblem(Exception):
    """The keeper could not be started; `args[0]` says why and where its log is."""


@dataclass(frozen=True)
class Keeper:
    """Where the running keeper is to be found: the content of cluster.json."""

    address: str  # of Ray's head
    pid: int
    lock: str  # the file that it keeps locked as long as it lives
    namespace: str
    socket: str

    @property
    def is_alive(self) -> bool:
        return is_held(Path(self.lock))

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
    folder = clients_dir()
    known = _cards.get(folder)
    if known and Path(known.name).exists():
        return
    db.make_private(folder)
    if not _cards:
        atexit.register(_unregister)
        os.register_at_fork(after_in_child=_forget_cards)
    while True:
        card = (folder / f"{os.getpid()}-{secrets.token_hex(4)}").open("w")
        fcntl.flock(card, fcntl.LOCK_EX)
        if Path(card.name).exists():  # else it was taken for a dead client's before it was locked
            break
        card.close()
    if known:
        known.close()
    _cards[folder] = card


def _unregister() -> None:
    for card in _cards.values():
        Path(card.name).unlink(missing_ok=True)
        card.close()
    _cards.clear()


def _forget_cards() -> None:
    """In a forked child: its copies of the locks would make its parent seem to live on."""
    for card in _cards.values():
        card.close()
    _cards.clear()


def living_clients(home: Path | None = None) -> int:
    """Number of registered client processes that still run; cards of dead ones are removed."""
    alive = 0
    for card in clients_dir(home).glob("*"):
        if is_held(card):
            alive += 1
        else:
            card.unlink(missing_ok=True)
    return alive


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock on this file: unlike a pid or a time of birth, that cannot mislead."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two who look do not disturb each other
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def write_cluster_file(keeper: Keeper) -> None:
    """Makes a keeper known: the file is whole or not there."""
    path = cluster_file()
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(asdict(keeper), indent=1))
    os.replace(fresh, path)


def cluster_file(home: Path | None = None) -> Path:
    return (home or db.home()) / "cluster.json"


def lock_file(home: Path | None = None) -> Path:
    return (home or db.home()) / "keeper.lock"


def clients_dir(home: Path | None = None) -> Path:
    return (home or db.home()) / "clients"


def home_tag() -> str:
    """Eight hex characters that tell this home from others."""
    return hashlib.sha256(str(db.home().resolve()).encode()).hexdigest()[:8]


def short_dir() -> Path:
    """This home's private folder with a short path: a Unix socket's path is limited to 107 bytes, and Ray adds 70."""
    name = f"lockstep-{os.getuid()}-{home_tag()}"
    path = Path("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()) / name
    path.mkdir(mode=0o700, exist_ok=True)
    if path.is_symlink() or path.stat().st_uid != os.getuid():
        raise ClusterProblem(f"{path} belongs to someone else; remove it, or choose another $LOCKSTEP_HOME.")
    path.chmod(0o700)
    return path


def _spawn(log: Path) -> subprocess.Popen[bytes]:
    db.make_private(log.parent)
    # Runs share the cores with each other and with the browser's server, so their threads are not to spin as they wait.
    environment = os.environ | {"LOCKSTEP_HOME": str(db.home().resolve()), "GOMP_SPINCOUNT": "0"}
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
