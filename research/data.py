"""Datasets and the loader that reads them ahead: torch.utils.data's names."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from research.random import Generator, randperm
from research.tensor import Tensor, _as_array, _wrap
from shared_ops.device import to_host


class Dataset:
    """Samples by number: subclasses write `__getitem__` and `__len__`."""

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no __len__")


class TensorDataset(Dataset):
    """Tensors side by side: sample i is the i-th entry of each. Raises ValueError when their lengths differ."""

    def __init__(self, *tensors: Any):
        self.tensors = tuple(t if isinstance(t, Tensor) else Tensor(t) for t in tensors)
        lengths = [len(t) for t in self.tensors]
        if len(set(lengths)) != 1:
            raise ValueError(f"a TensorDataset needs tensors of one length; got lengths {lengths}")

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(_wrap(_as_array(t.array[index])) for t in self.tensors)

    batch = __getitem__  # many samples in one call, which a loader prefers

    def __len__(self) -> int:
        return len(self.tensors[0])


class Subset(Dataset):
    """The samples of a dataset with these numbers."""

    def __init__(self, dataset: Dataset, indices: Sequence[int] | np.ndarray):
        self.dataset, self.indices = dataset, np.asarray(indices, dtype=np.int64)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    def batch(self, indices: np.ndarray) -> Any:
        return fetch(self.dataset, self.indices[indices])

    def __len__(self) -> int:
        return len(self.indices)


def random_split(dataset: Dataset, lengths: Sequence[int], generator: Generator | None = None) -> list[Subset]:
    """Parts of these lengths, which must add up to the dataset's, with no sample in two of them."""
    if sum(lengths) != len(dataset):
        raise ValueError(f"lengths must add up to {len(dataset)}; got {list(lengths)}, which add up to {sum(lengths)}")
    order = randperm(len(dataset), generator=generator).numpy()
    ends = itertools.accumulate(lengths)
    return [Subset(dataset, order[end - n : end]) for n, end in zip(lengths, ends, strict=True)]


def default_collate(samples: Sequence[Any]) -> Any:
    """Samples stacked into a batch: arrays and numbers along a new first axis, tuples entry by entry."""
    first = samples[0]
    if isinstance(first, tuple | list):
        return tuple(default_collate(entries) for entries in zip(*samples, strict=True))
    return _wrap(np.stack([to_host(_as_array(s)) for s in samples]))


def fetch(dataset: Any, indices: np.ndarray, collate: Callable | None = None) -> Any:
    """One batch. A dataset with a `batch(indices)` method is asked for all of it at once."""
    if collate is None and hasattr(dataset, "batch"):
        return dataset.batch(indices)
    return (collate or default_collate)([dataset[int(i)] for i in indices])


class DataLoader:
    """Batches of a dataset, in order or shuffled, read ahead by `num_workers` threads.

    The batches and their order depend on the generator's seed alone, never on the number of threads.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        num_workers: int = 0,
        collate_fn: Callable | None = None,
        drop_last: bool = False,
        generator: Generator | None = None,
        prefetch_factor: int = 2,
    ):
        if batch_size < 1 or num_workers < 0 or prefetch_factor < 1:
            raise ValueError(
                "batch_size and prefetch_factor are at least 1, num_workers at least 0; "
                f"got {batch_size=}, {prefetch_factor=}, {num_workers=}"
            )
        self.dataset, self.batch_size, self.shuffle, self.drop_last = dataset, batch_size, shuffle, drop_last
        self.num_workers, self.prefetch_factor = num_workers, prefetch_factor
        self.collate_fn, self.generator = collate_fn, generator

    def __len__(self) -> int:
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def _indices(self) -> Iterator[np.ndarray]:
        count = len(self.dataset)
        order = randperm(count, generator=self.generator).numpy() if self.shuffle else np.arange(count)
        return (order[i * self.batch_size : (i + 1) * self.batch_size] for i in range(len(self)))

    def __iter__(self) -> Iterator[Any]:
        batches = self._indices()
        if self.num_workers == 0:
            return (fetch(self.dataset, indices, self.collate_fn) for indices in batches)
        return self._read_ahead(batches)

    def _read_ahead(self, batches: Iterator[np.ndarray]) -> Iterator[Any]:
        """Keep num_workers * prefetch_factor batches in the making, and hand them out in order."""
        with ThreadPoolExecutor(self.num_workers, thread_name_prefix="loader") as pool:
            waiting: deque[Future] = deque()
            try:
                for indices in batches:
                    waiting.append(pool.submit(fetch, self.dataset, indices, self.collate_fn))
                    if len(waiting) >= self.num_workers * self.prefetch_factor:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:  # the reader left early
                    future.cancel()
