"""Datasets: samples by number, or one after another: torch.utils.data's names."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from research.random import Generator, randperm
from research.tensor import Tensor, _as_array, _wrap


class DataError(ValueError):
    """A file of data that is missing, cut off or wrong; the words say where."""


class Dataset:
    """Samples by number: subclasses write `__getitem__` and `__len__`.

    One with a method `batch(indices)` is asked for a whole batch at once, which is quicker.
    """

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no __len__")

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset:
    """Samples one after another: subclasses write `__iter__`. With several workers each has its own copy of it:

    `get_worker_info()` says which of them asks, so that each can give its own share.
    """

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__")


class TensorDataset(Dataset):
    """Tensors side by side: sample i is the i-th entry of each. Raises ValueError when their lengths differ."""

    def __init__(self, *tensors: Any):
        self.tensors = tuple(t if isinstance(t, Tensor) else Tensor(t) for t in tensors)
        lengths = [len(t) for t in self.tensors]
        if len(set(lengths)) != 1:
            raise ValueError(f"a TensorDataset needs tensors of one length; got lengths {lengths}")

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(_wrap(_as_array(t.array[index])) for t in self.tensors)

    batch = __getitem__  # many samples in one call

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __reduce__(self) -> Any:
        return type(self), tuple(t.array for t in self.tensors)  # how it goes to a worker process


class Subset(Dataset):
    """The samples of a dataset with these numbers."""

    def __init__(self, dataset: Any, indices: Sequence[int] | np.ndarray):
        self.dataset, self.indices = dataset, np.asarray(indices, dtype=np.int64)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    def batch(self, indices: np.ndarray) -> Any:
        from research.data.collate import fetch

        return fetch(self.dataset, self.indices[indices])

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset):
    """Datasets one after another. Raises ValueError for none."""

    def __init__(self, datasets: Sequence[Any]):
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset needs at least one dataset; got none")
        self.ends = list(itertools.accumulate(len(d) for d in self.datasets))

    def __len__(self) -> int:
        return self.ends[-1]

    def __getitem__(self, index: int) -> Any:
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"this dataset has {count} samples; there is no {index}")
        index %= count
        which = bisect.bisect_right(self.ends, index)
        return self.datasets[which][index - (self.ends[which - 1] if which else 0)]


class ChainDataset(IterableDataset):
    """Iterable datasets one after another."""

    def __init__(self, datasets: Sequence[Any]):
        self.datasets = list(datasets)

    def __iter__(self) -> Iterator[Any]:
        return itertools.chain.from_iterable(self.datasets)


def random_split(dataset: Any, lengths: Sequence[float], generator: Generator | None = None) -> list[Subset]:
    """Parts of these lengths, or shares, with no sample in two of them.

    Lengths must add up to the dataset's, shares to 1; what is left over by rounding goes to the first parts.
    """
    count = len(dataset)
    if any(isinstance(n, float) for n in lengths):
        if not math.isclose(sum(lengths), 1) or min(lengths) < 0:
            raise ValueError(f"shares are not negative and add up to 1; got {list(lengths)}")
        sizes = [int(count * n) for n in lengths]
        for i in range(count - sum(sizes)):
            sizes[i % len(sizes)] += 1
    else:
        sizes = [int(n) for n in lengths]
    if sum(sizes) != count:
        raise ValueError(f"lengths must add up to {count}; got {list(lengths)}, which add up to {sum(sizes)}")
    order = randperm(count, generator=generator).numpy()
    ends = itertools.accumulate(sizes)
    return [Subset(dataset, order[end - n : end]) for n, end in zip(sizes, ends, strict=True)]
