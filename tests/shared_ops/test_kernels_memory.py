"""Large results: memory is used again, but never while anybody has it."""

import multiprocessing

import numpy as np
import pytest

from research import Tensor
from shared_ops import ops
from shared_ops.kernels import memory

F4 = np.dtype(np.float32)
SIZE = memory.LARGE // 4


@pytest.fixture(autouse=True)
def nothing_kept():
    memory._kept.clear()
    yield
    memory._kept.clear()


def place(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def test_memory_is_used_again_once_nobody_has_it():
    first = memory.empty((2, SIZE // 2), F4)
    where = place(first)
    part = first.reshape(-1)[5:]
    del first
    assert place(memory.empty((SIZE,), F4)) != where  # a view of it is alive
    del part
    assert place(memory.empty((SIZE,), F4)) == where


def test_every_result_stays_as_it_is():
    x = np.arange(SIZE, dtype=np.float32)
    results = [ops.add(x, float(i)) for i in range(4)]
    ops.add(x, 100.0)
    for i, result in enumerate(results):
        assert result[0] == i
        assert result[-1] == x[-1] + np.float32(i)


def test_no_more_is_kept_than_allowed():
    arrays = [memory.empty((SIZE,), F4) for _ in range(12)]
    assert sum(map(len, memory._kept)) <= memory.MOST_KEPT
    assert len({place(a) for a in arrays}) == 12
    huge = memory.empty((memory.MOST_KEPT // 4 + 1,), F4)
    assert huge.base not in memory._kept


def _overwrite(array: np.ndarray) -> None:
    array[:] = 7


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="processes do not fork here")
def test_a_fork_has_its_own():
    array = memory.empty((SIZE,), F4)
    array[:] = 1
    child = multiprocessing.get_context("fork").Process(target=_overwrite, args=(array,))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert (array == 1).all()


def test_large_gradients_are_not_copied_and_not_shared():
    x = Tensor(np.ones(SIZE, np.float32), requires_grad=True)
    y = Tensor(np.full(SIZE, 3, np.float32), requires_grad=True)
    (x * y).sum().backward()
    assert not np.shares_memory(x.grad.array, y.array)
    assert not np.shares_memory(x.grad.array, y.grad.array)
    assert (x.grad.array == 3).all()
