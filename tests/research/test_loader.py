import itertools
import threading
import time

import numpy as np
import pytest

import research as torch
from research.data import DataLoader, Dataset, Subset, TensorDataset, random_split

x, y = np.arange(20, dtype="float32").reshape(10, 2), np.arange(10)


def order(loader):
    return [batch[1].tolist() for batch in loader]


def test_batches():
    loader = DataLoader(TensorDataset(x, y), batch_size=4)
    assert order(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(loader) == 3
    assert len(DataLoader(TensorDataset(x, y), 4, drop_last=True)) == 2
    assert order(DataLoader(TensorDataset(x, y), 4, drop_last=True)) == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_the_seed_alone_decides_the_order(workers):
    def batches():
        generator = torch.Generator().manual_seed(7)
        loader = DataLoader(TensorDataset(x, y), 3, shuffle=True, generator=generator, num_workers=workers)
        return [order(loader), order(loader)]

    first, second = batches()
    assert first != second
    assert sorted(itertools.chain(*first)) == list(range(10))
    assert batches() == [first, second]
    generator = torch.Generator().manual_seed(7)
    assert order(DataLoader(TensorDataset(x, y), 3, shuffle=True, generator=generator)) == first


class Slow(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, i):
        time.sleep(0.01)
        return np.float32(i), {"a": 1}["a"]


def test_samples_are_collated_in_order_by_many_threads():
    batches = list(DataLoader(Slow(), 2, num_workers=4))
    assert [b[0].tolist() for b in batches] == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_an_error_in_a_thread_reaches_the_reader_and_threads_end():
    class Bad(Slow):
        def __getitem__(self, i):
            if i == 5:
                raise ValueError("record 5 is bad")
            return super().__getitem__(i)

    with pytest.raises(ValueError, match="record 5 is bad"):
        list(DataLoader(Bad(), 2, num_workers=2))
    iterator = iter(DataLoader(Slow(), 1, num_workers=2))
    next(iterator)
    iterator.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("loader")]


def test_splits():
    parts = random_split(TensorDataset(x, y), [7, 3], torch.Generator().manual_seed(0))
    assert sorted(int(p[i][1]) for p in parts for i in range(len(p))) == list(range(10))
    assert order(DataLoader(Subset(TensorDataset(x, y), [4, 2]), 2)) == [[4, 2]]
    with pytest.raises(ValueError, match=r"must add up to 10; got .*which add up to 9"):
        random_split(TensorDataset(x, y), [5, 4])


def test_words_for_wrong_use():
    with pytest.raises(ValueError, match="tensors of one length; got lengths"):
        TensorDataset(x, y[:3])
    with pytest.raises(ValueError, match="at least 1"):
        DataLoader(TensorDataset(x, y), 0)
