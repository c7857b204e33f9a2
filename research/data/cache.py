"""A dataset's samples kept in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from research.data.dataset import Dataset


class CachedDataset(Dataset):
    """A dataset whose samples are read once and kept, up to max_bytes; those not used for longest go first.

    `hits` and `misses` count. What is kept is handed out as it is: do not change it in place.
    """

    def __init__(self, dataset: Any, max_bytes: int | None = None):
        if max_bytes is not None and max_bytes < 0:
            raise ValueError(f"max_bytes is not negative; got {max_bytes}")
        self.dataset, self.max_bytes = dataset, max_bytes
        self.hits = self.misses = self.nbytes = 0
        self._samples: OrderedDict[int, Any] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        index = int(index) % max(len(self), 1) if index < 0 else int(index)
        with self._lock:
            if index in self._samples:
                self.hits += 1
                self._samples.move_to_end(index)
                return self._samples[index]
            self.misses += 1
        sample = self.dataset[index]  # others may read meanwhile
        with self._lock:
            if index not in self._samples:
                self._samples[index] = sample
                self.nbytes += _size(sample)
            while self.max_bytes is not None and self.nbytes > self.max_bytes:
                self.nbytes -= _size(self._samples.popitem(last=False)[1])
        return sample

    def __getstate__(self) -> dict[str, Any]:
        return {"dataset": self.dataset, "max_bytes": self.max_bytes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        CachedDataset.__init__(self, **state)  # a copy in another process starts empty


def _size(sample: Any) -> int:
    """The bytes of a sample's arrays."""
    if isinstance(sample, Mapping):
        return sum(map(_size, sample.values()))
    if isinstance(sample, tuple | list):
        return sum(map(_size, sample))
    return int(getattr(sample, "nbytes", 64))
