"""The keeper of one home, `python -m workers.keeper`: holds Ray and the store's owner while anyone needs them."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import logging
import os
import secrets
import shutil
import signal
import sys
import threading
import time
from typing import IO, Any

import db
from workers import cluster, line

IDLE_EXIT_S = 20.0
TEND_EVERY_S = 0.5
SMALLEST_CPUS = 4  # logical: on a small machine several runs still go at once
OBJECT_STORE_BYTES = 200_000_000
OWNER_TIMEOUT_S = 60.0
GIVE_UP_S = 60.0  # without an answer of the owner; the next client then starts a fresh cluster


def main() -> int:
    """Keeps until idle or asked to end. Returns the exit code."""
    db.make_private(db.home())
    lock = _become_the_keeper()
    if lock is None:
        return 0
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    with lock:
        cluster.cluster_file().unlink(missing_ok=True)  # of a keeper that was killed: now the lock is ours
        try:
            _keep(asked)
        except (db.StoreError, cluster.ClusterProblem) as error:
            print(error, file=sys.stderr)
            return 2
        finally:
            cluster.cluster_file().unlink(missing_ok=True)
        shutil.rmtree(cluster.short_dir(), ignore_errors=True)  # after an error its logs are worth keeping
    return 0


def _become_the_keeper() -> IO[str] | None:
    """The lock of this home's keeper; None when another one is up."""
    file = cluster.lock_file().open("w")
    deadline = time.monotonic() + cluster.START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if cluster.running_keeper():
                break
            time.sleep(0.1)  # another one is just starting, or just ending
    file.close()
    return None


def _keep(asked: threading.Event) -> None:
    db.Writer().close()  # a store that cannot be written says so here, before anything is started
    ray, address = _start_ray()
    from workers.owner import Owner

    namespace = _namespace()
    here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
        ray.get_runtime_context().get_node_id(), soft=False
    )
    owner = (
        ray.remote(Owner)
        .options(name="owner", num_cpus=0, max_restarts=-1, max_task_retries=0, scheduling_strategy=here)
        .remote(str(db.home() / db.STORE_NAME), namespace, local="LOCKSTEP_RAY_ADDRESS" not in os.environ)
    )
    try:
        ray.get(owner.tend.remote(), timeout=OWNER_TIMEOUT_S)
        socket = cluster.short_dir() / "keeper.sock"
        server = line.serve(socket, functools.partial(_answer, ray, owner))
        keeper = cluster.Keeper(address, os.getpid(), str(cluster.lock_file()), namespace, str(socket))
        cluster.write_cluster_file(keeper)
        _tend(asked, ray, owner, keeper)
        server.shutdown()
        with contextlib.suppress(Exception):
            ray.get(owner.end.remote("The keeper was ended while the run was active."), timeout=OWNER_TIMEOUT_S)
    finally:
        ray.shutdown()


def _answer(ray: Any, owner: Any, method: str, /, *args: Any, **kwargs: Any) -> Any:
    """What a client on the line gets: the owner's answer, or the error that it raised."""
    try:
        call = (
            owner.launch.remote(*args, **kwargs) if method == "launch" else owner.write.remote(method, *args, **kwargs)
        )
        value = ray.get(call, timeout=OWNER_TIMEOUT_S)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except (ray.exceptions.RayActorError, ray.exceptions.GetTimeoutError) as error:
        raise line.KeeperGone("The store's owner is being restarted; try again.") from error
    return value if not isinstance(value, db.Ack) else [value.last_seq, value.stop_requested]


def _tend(asked: threading.Event, ray: Any, owner: Any, keeper: cluster.Keeper) -> None:
    """Looks after the runs until asked to end, or until nobody has needed us for a while."""
    needed_at = answered_at = time.monotonic()
    while not asked.wait(TEND_EVERY_S):
        try:
            active = ray.get(owner.tend.remote(), timeout=OWNER_TIMEOUT_S)
        except ray.exceptions.RayError as error:  # the owner died, and Ray starts it again; or one round went wrong
            print(f"{time.ctime()}: {error}", file=sys.stderr, flush=True)
            if time.monotonic() - answered_at > GIVE_UP_S:
                raise cluster.ClusterProblem(f"The store's owner did not answer for {GIVE_UP_S:g} s.") from error
            continue
        answered_at = time.monotonic()
        if active or cluster.living_clients():
            needed_at = time.monotonic()
        if time.monotonic() - needed_at > IDLE_EXIT_S:
            cluster.cluster_file().unlink(missing_ok=True)
            if not cluster.living_clients():  # one that came just now has seen the file, and counts on us
                return
            cluster.write_cluster_file(keeper)


def _start_ray() -> tuple[Any, str]:
    """Starts a local Ray that only this keeper's processes can talk to, or joins a cluster that is up."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # device: cuda:N must find its card
    address = os.environ.get("LOCKSTEP_RAY_ADDRESS")
    if address:
        return _join(address)
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # Ray's word for: bind to 127.0.0.1 only
    os.environ["RAY_AUTH_MODE"] = "token"  # other users of this machine must not be able to run code as us
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    folder = cluster.short_dir()
    for old in folder.glob("session_*"):  # we hold the lock: whoever wrote these is gone
        old.unlink() if old.is_symlink() else shutil.rmtree(old, ignore_errors=True)
    import ray

    context: Any = ray.init(
        address="local",
        num_cpus=max(SMALLEST_CPUS, os.cpu_count() or 1) + cluster.SPARE_CPUS,
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        namespace=_namespace(),
        log_to_driver=False,
        logging_level=logging.WARNING,
        _temp_dir=str(folder),
    )
    return ray, context.address_info["address"]


def _join(address: str) -> tuple[Any, str]:
    """Connects to a cluster that is up. Raises ClusterProblem."""
    import ray

    try:
        context: Any = ray.init(
            address=address, namespace=_namespace(), log_to_driver=False, logging_level=logging.WARNING
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise cluster.ClusterProblem(
            f"The Ray cluster at LOCKSTEP_RAY_ADDRESS={address} could not be joined ({str(error).splitlines()[0]}). "
            "Is it up, and of the same Ray version? If it asks for a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN."
        ) from None
    return ray, context.address_info["address"]


def _namespace() -> str:
    """One per home: several may share a cluster."""
    return f"{cluster.NAMESPACE}-{cluster.home_tag()}"


if __name__ == "__main__":
    sys.exit(main())
