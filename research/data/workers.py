"""Workers that make batches: threads, or processes."""

from __future__ import annotations

import itertools
import multiprocessing
import queue
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any

from research.data.streams import WorkerInfo, mixed, stream
from research.tensor import Tensor, _wrap

LOOK = 0.2  # seconds between looks at whether a worker process still lives


class WorkerError(RuntimeError):
    """A worker that failed, died or took too long; the words say which, and why."""


@dataclass
class Pool:
    """What workers are told: the dataset, how samples become batches, how many workers there are, and their seed.

    `init(number)` is called in each worker first; `timeout` is in seconds, 0 for none.
    """

    dataset: Any
    collate_fn: Callable | None
    count: int
    seed: int
    init: Callable[[int], None] | None
    timeout: float

    def worker(self, number: int) -> WorkerInfo:
        return WorkerInfo(number, self.count, mixed(self.seed, number), self.dataset)


class ThreadPool(Pool):
    """Threads of this process."""

    def __init__(self, *told: Any):
        super().__init__(*told)
        self.numbers = itertools.count()
        self.here = threading.local()
        self.pool = ThreadPoolExecutor(self.count, thread_name_prefix="loader", initializer=self._begin)
        self.waiting: deque[Future] = deque()

    def _begin(self) -> None:
        number = next(self.numbers)
        self.here.worker = self.worker(number)
        if self.init is not None:
            self.init(number)

    def run(self, tasks: Iterator[Any], ahead: int) -> Iterator[Any]:
        """The batches of tasks, (indices, seed), in their order; up to so many are in the making."""
        for task in tasks:
            self.waiting.append(self.pool.submit(self._make, *task))
            if len(self.waiting) >= ahead:
                yield self._next()
        while self.waiting:
            yield self._next()

    def _make(self, indices: Any, seed: int) -> Any:
        from research.data.loader import make

        with stream(seed, self.here.worker):
            return make(self.dataset, self.collate_fn, indices)

    def _next(self) -> Any:
        try:
            return self.waiting.popleft().result(self.timeout or None)
        except FutureTimeout:
            raise WorkerError(f"a batch took longer than the timeout of {self.timeout} s") from None

    def run_iterable(self, size: int | None, drop_last: bool, ahead: int) -> Iterator[Any]:
        """The batches of an iterable dataset: a share from each worker, in turns."""
        from research.data.loader import STOP, batched

        def share(number: int, out: queue.Queue, stopped: threading.Event) -> None:
            worker = self.worker(number)
            try:
                with stream(worker.seed, worker):
                    if self.init is not None:
                        self.init(number)
                    for batch in batched(iter(self.dataset), self.collate_fn, size, drop_last):
                        if not _put(out, batch, stopped):
                            return
                _put(out, STOP, stopped)
            except Exception as error:
                _put(out, _Failed(error), stopped)

        stopped = threading.Event()
        queues: list[queue.Queue] = [queue.Queue(ahead) for _ in range(self.count)]
        for number, out in enumerate(queues):
            threading.Thread(target=share, args=(number, out, stopped), daemon=True, name="loader").start()
        try:
            while queues:
                for out in list(queues):
                    batch = out.get(timeout=self.timeout or None)
                    if batch is STOP:
                        queues.remove(out)
                    elif isinstance(batch, _Failed):
                        raise batch.error
                    else:
                        yield batch
        except queue.Empty:
            raise WorkerError(f"a batch took longer than the timeout of {self.timeout} s") from None
        finally:
            stopped.set()

    def close(self) -> None:
        for future in self.waiting:  # the reader left early
            future.cancel()
        self.waiting.clear()
        self.pool.shutdown()


class _Failed:
    def __init__(self, error: Exception):
        self.error = error


def _put(out: queue.Queue, item: Any, stopped: threading.Event) -> bool:
    """Put it, unless the reader has left; whether it was put."""
    while not stopped.is_set():
        try:
            out.put(item, timeout=LOOK)
            return True
        except queue.Full:
            continue
    return False


# processes --------------------------------------------------------------------------------------------------------
class ProcessPool(Pool):
    """Processes with copies of the dataset: started afresh, since a fork of a process with threads may hang."""

    def __init__(self, *told: Any):
        super().__init__(*told)
        context = multiprocessing.get_context("spawn")
        self.ways: list[tuple[Any, Any]] = []
        for number in range(self.count):
            ours, theirs = context.Pipe()
            told = (theirs, self.worker(number), self.collate_fn, self.init)
            process = context.Process(target=_serve, args=told, daemon=True)
            try:
                process.start()
            except Exception as error:
                self.close()
                kind = type(self.dataset).__name__
                raise WorkerError(
                    f"a worker process could not be started with this {kind}, which is sent to it and must be "
                    f"picklable: {error}"
                ) from error
            theirs.close()
            self.ways.append((process, ours))

    def run(self, tasks: Iterator[Any], ahead: int) -> Iterator[Any]:
        """The batches of tasks, (indices, seed), in their order; task i goes to worker i modulo their number."""
        given, taken = 0, 0
        for task in tasks:
            self._send(given % self.count, ("make", task))
            given += 1
            if given - taken >= ahead:
                yield self._receive(taken % self.count)
                taken += 1
        while taken < given:
            yield self._receive(taken % self.count)
            taken += 1

    def run_iterable(self, size: int | None, drop_last: bool, ahead: int) -> Iterator[Any]:
        """The batches of an iterable dataset: a share from each worker, in turns."""
        numbers = list(range(self.count))
        for number in numbers:
            self._send(number, ("begin", (size, drop_last)))
            for _ in range(ahead):
                self._send(number, ("next", None))
        while numbers:
            for number in list(numbers):
                batch = self._receive(number)
                if batch is None:
                    numbers.remove(number)
                else:
                    self._send(number, ("next", None))
                    yield batch[0]

    def _send(self, number: int, message: Any) -> None:
        process, way = self.ways[number]
        try:
            way.send(message)
        except (BrokenPipeError, OSError):
            self._died(number, process)

    def _receive(self, number: int) -> Any:
        process, way = self.ways[number]
        until = time.monotonic() + self.timeout if self.timeout else float("inf")
        while not way.poll(LOOK):
            if not process.is_alive() and not way.poll(0):
                self._died(number, process)
            if time.monotonic() > until:
                raise WorkerError(f"worker process {number} took longer than the timeout of {self.timeout} s")
        try:
            kind, content = way.recv()
        except (EOFError, OSError):
            self._died(number, process)
        if kind == "failed":
            raise WorkerError(f"worker process {number} failed:\n{content}")
        return _unpacked(content)

    def _died(self, number: int, process: Any) -> Any:
        process.join(1)
        raise WorkerError(
            f"worker process {number} died with exit code {process.exitcode}; a negative one is the signal that killed "
            "it, and -9 is often the system's, when memory runs out"
        )

    def close(self) -> None:
        for process, way in self.ways:
            way.close()
            process.terminate()
        for process, _ in self.ways:
            process.join()
        self.ways = []


def _serve(way: Any, worker: WorkerInfo, collate_fn: Callable | None, init: Callable | None) -> None:
    """A worker process: makes what is asked for, until nobody asks any more."""
    from research.data.loader import batched, make

    batches: Iterator[Any] = iter(())
    try:
        with stream(worker.seed, worker):
            if init is not None:
                init(worker.id)
            while True:
                kind, content = way.recv()
                if kind == "begin":
                    batches = batched(iter(worker.dataset), collate_fn, *content)
                elif kind == "next":
                    found = next(batches, None)
                    way.send(("made", None if found is None else (_packed(found),)))
                else:
                    indices, seed = content
                    with stream(seed, worker):
                        way.send(("made", _packed(make(worker.dataset, collate_fn, indices))))
    except (EOFError, KeyboardInterrupt, BrokenPipeError):
        return
    except Exception:
        way.send(("failed", traceback.format_exc()))


class _Array:
    """A tensor on its way between processes."""

    def __init__(self, array: Any):
        self.array = array


def _packed(batch: Any) -> Any:
    return _mapped(batch, lambda leaf: _Array(leaf.array) if isinstance(leaf, Tensor) else leaf)


def _unpacked(batch: Any) -> Any:
    return _mapped(batch, lambda leaf: _wrap(leaf.array) if isinstance(leaf, _Array) else leaf)


def _mapped(batch: Any, function: Callable) -> Any:
    if isinstance(batch, dict):
        return {key: _mapped(value, function) for key, value in batch.items()}
    if isinstance(batch, tuple | list):
        parts = [_mapped(value, function) for value in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return function(batch)
