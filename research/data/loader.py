"""DataLoader: batches of a dataset, read ahead, and resumed in the middle of an epoch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from research.data.collate import default_collate, fetch
from research.data.dataset import IterableDataset
from research.data.pin import pinned
from research.data.sampler import BatchSampler, RandomSampler, SequentialSampler
from research.data.streams import mixed, stream
from research.data.workers import ProcessPool, ThreadPool
from research.random import Generator, default_generator

NO_STATE = {"epoch": 0, "handed_out": 0}


class DataLoader:
    """Batches of a dataset, in order or shuffled, read ahead by workers.

    Batches, their order and what transforms draw depend on the generator's seed alone, never on the number of workers:
    each batch has a random stream of its own. `state_dict()` in the middle of an epoch says what was handed out;
    after `load_state_dict` the next loop goes on with the very next batch, whatever was read ahead.

    `worker_type`: "thread" (reading, decoding and NumPy let other threads run, and nothing is copied between
    processes), or "process" for datasets whose work is Python. These need a dataset that can be pickled, for it is
    sent to them, and a main module that can be imported.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool = False,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0.0,
        worker_init_fn: Callable[[int], None] | None = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int = 2,
        persistent_workers: bool = False,
        worker_type: str = "thread",
    ):
        whole = {"batch_size": 1 if batch_size is None else batch_size, "num_workers": num_workers}
        for name, number in whole.items():
            if isinstance(number, bool) or not isinstance(number, int | np.integer):
                raise TypeError(f"{name} is a whole number; got {number!r}")
        least = min(whole["batch_size"], prefetch_factor)
        if least < 1 or num_workers < 0 or timeout < 0:
            raise ValueError(
                "batch_size and prefetch_factor are at least 1, num_workers and timeout at least 0; "
                f"got {batch_size=}, {prefetch_factor=}, {num_workers=}, {timeout=}"
            )
        if worker_type not in ("thread", "process"):
            raise ValueError(f"worker_type is 'thread' or 'process'; got {worker_type!r}")
        if batch_sampler is not None and (sampler is not None or shuffle or drop_last or batch_size not in (1, None)):
            raise ValueError("a batch_sampler says it all; leave batch_size, shuffle, sampler and drop_last alone")
        if sampler is not None and shuffle:
            raise ValueError("a sampler says the order; leave shuffle alone")
        self.iterable = isinstance(dataset, IterableDataset)
        if self.iterable and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError("an IterableDataset says its order itself; leave shuffle and samplers alone")
        self.dataset, self.batch_size, self.shuffle, self.drop_last = dataset, batch_size, shuffle, drop_last
        self.sampler, self.batch_sampler, self.num_workers = sampler, batch_sampler, num_workers
        self.collate_fn, self.pin_memory = collate_fn, pin_memory
        self.timeout, self.worker_init_fn = timeout, worker_init_fn
        self.generator, self.prefetch_factor, self.worker_type = generator, prefetch_factor, worker_type
        self.persistent_workers = persistent_workers
        self._state: dict[str, Any] = dict(NO_STATE)
        self._resume = False
        self._pool: Any = None

    def __len__(self) -> int:
        if self.iterable and not hasattr(self.dataset, "__len__"):
            raise TypeError("how many batches an IterableDataset gives is not known before")
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        count = len(self.sampler if self.sampler is not None else self.dataset)  # type: ignore[arg-type]
        whole, rest = divmod(count, self.batch_size or 1)
        return whole + (rest > 0 and not self.drop_last)

    # state --------------------------------------------------------------------------------------------------------
    def state_dict(self) -> dict[str, Any]:
        """How far the epoch is, by the batches that were handed out, and the generator's state at its start."""
        return dict(self._state)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next loop go on after the batches that were handed out then.

        Raises ValueError for what is no such state.
        """
        if not {"epoch", "handed_out"} <= state.keys():
            raise ValueError(f"a loader's state has epoch and handed_out; got {', '.join(state) or 'nothing'}")
        self._state, self._resume = dict(state), "generators" in state

    # an epoch -----------------------------------------------------------------------------------------------------
    def __iter__(self) -> Iterator[Any]:
        generators, before = self._generators(), default_generator.get_state()
        if self._resume:
            for generator, state in zip(generators, self._state["generators"], strict=True):
                generator.set_state(state)
        else:
            states = [generator.get_state() for generator in generators]
            self._state = {"epoch": self._state["epoch"], "handed_out": 0, "generators": states}
        jobs = itertools.repeat(None) if self.iterable else self._batches_of_indices(generators[0])
        seed = mixed(self._state["epoch"], *generators[0].get_state().tolist())
        if self._resume:  # others draw from that one, too, and are further on
            default_generator.set_state(before)
        self._resume = False
        return self._handed_out(jobs, seed, self._state["handed_out"])

    def _generators(self) -> list[Generator]:
        """What the order is drawn from."""
        sampler = self.sampler if self.batch_sampler is None else getattr(self.batch_sampler, "sampler", None)
        drawn_by = [self.generator] if sampler is None else [self.generator, getattr(sampler, "generator", None)]
        return [generator or default_generator for generator in drawn_by]

    def _batches_of_indices(self, generator: Generator) -> Iterator[Any]:
        if self.batch_sampler is not None:
            return iter([np.asarray(batch) for batch in self.batch_sampler])
        if self.sampler is None and self.batch_size is not None:  # the usual cases, without Python's loops
            count = len(self.dataset)
            if self.shuffle:
                order = np.asarray(list(RandomSampler(self.dataset, generator=generator)), np.int64)
            else:
                order = np.arange(count)
            return (order[i * self.batch_size : (i + 1) * self.batch_size] for i in range(len(self)))
        chosen: Iterable[int] = SequentialSampler(self.dataset)
        if self.sampler is not None or self.shuffle:
            chosen = RandomSampler(self.dataset, generator=generator) if self.sampler is None else self.sampler
        if self.batch_size is None:
            return iter([int(i) for i in chosen])
        return iter([np.asarray(batch) for batch in BatchSampler(chosen, self.batch_size, self.drop_last)])

    def _handed_out(self, jobs: Iterator[Any], seed: int, skip: int) -> Iterator[Any]:
        """The batches from a place on; each counts once it is handed out."""
        batches = self._samples_in_batches(seed, skip) if self.iterable else self._fetched(jobs, seed, skip)
        for batch in batches:
            self._state["handed_out"] += 1
            yield pinned(batch) if self.pin_memory else batch
        self._state = {"epoch": self._state["epoch"] + 1, "handed_out": 0}

    def _fetched(self, jobs: Iterator[Any], seed: int, skip: int) -> Iterator[Any]:
        numbered = itertools.islice(enumerate(jobs), skip, None)
        tasks = ((indices, mixed(seed, number)) for number, indices in numbered)
        if self.num_workers == 0:
            for indices, own_seed in tasks:
                with stream(own_seed):
                    batch = make(self.dataset, self.collate_fn, indices)
                yield batch
            return
        pool = self._pool or self._new_pool(seed)
        self._pool = pool if self.persistent_workers else None
        finished = False
        try:
            yield from pool.run(tasks, self.num_workers * self.prefetch_factor)
            finished = True
        finally:
            if not (self.persistent_workers and finished):
                pool.close()
                self._pool = None

    def _new_pool(self, seed: int) -> Any:
        kind = ThreadPool if self.worker_type == "thread" else ProcessPool
        return kind(self.dataset, self.collate_fn, self.num_workers, seed, self.worker_init_fn, self.timeout)

    # one after another ----------------------------------------------------------------------------------------------
    def _samples_in_batches(self, seed: int, skip: int) -> Iterator[Any]:
        """An iterable dataset's samples; with workers each gives its share, and they take turns."""
        if self.num_workers == 0:
            yield from self._from_own(seed, skip)
            return
        pool = self._new_pool(seed)
        try:
            batches = pool.run_iterable(self.batch_size, self.drop_last, self.prefetch_factor)
            yield from itertools.islice(batches, skip, None)
        finally:
            pool.close()

    def _from_own(self, seed: int, skip: int) -> Iterator[Any]:
        """By the dataset's own state where it has one, else from its start, past what was handed out before."""
        own = hasattr(self.dataset, "state_dict") and "dataset" in self._state
        if own:
            self.dataset.load_state_dict(self._state["dataset"])
        batches = batched(iter(self.dataset), self.collate_fn, self.batch_size, self.drop_last)
        for number in itertools.count(skip if own else 0):
            with stream(mixed(seed, number)):
                batch = next(batches, STOP)
            if batch is STOP:
                return
            if hasattr(self.dataset, "state_dict"):
                self._state["dataset"] = self.dataset.state_dict()
            if own or number >= skip:
                yield batch


STOP = object()


def make(dataset: Any, collate_fn: Callable | None, indices: Any) -> Any:
    """What stands for these numbers: a batch or, for one number, a sample."""
    if isinstance(indices, int):
        sample = dataset[indices]
        return sample if collate_fn is None else collate_fn(sample)
    return fetch(dataset, indices, collate_fn)


def batched(samples: Iterator[Any], collate_fn: Callable | None, size: int | None, drop_last: bool) -> Iterator[Any]:
    """Samples in batches; one by one where there is no size."""
    if size is None:
        yield from map(collate_fn, samples) if collate_fn else samples
        return
    while batch := list(itertools.islice(samples, size)):
        if len(batch) == size or not drop_last:
            yield (collate_fn or default_collate)(batch)
