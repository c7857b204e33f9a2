"""The loader: the same batches from any number of workers, resumed anywhere; errors, deaths and early leavers."""

import itertools
import os
import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import research as torch
from research.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    TensorDataset,
    WorkerError,
    get_worker_info,
    transforms,
)


class Flipped(Dataset):
    """Images that are cropped and flipped at random."""

    def __init__(self, count=11):
        self.count = count
        self.change = transforms.Compose([transforms.RandomCrop(4, padding=1), transforms.RandomHorizontalFlip()])

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        image = np.arange(16, dtype=np.float32).reshape(1, 4, 4) + 100 * i
        return self.change(image), i


class Bad(Flipped):
    def __getitem__(self, i):
        if i == 5:
            raise ValueError("record is bad")
        return super().__getitem__(i)


class Deadly(Flipped):
    def __getitem__(self, i):
        if i == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(i)


class Sleepy(Flipped):
    def __getitem__(self, i):
        time.sleep(30 if i == 2 else 0)
        return super().__getitem__(i)


class Counted(IterableDataset):
    """Numbers, shared out among the workers, and a state that says how far it is."""

    def __init__(self, count):
        self.count, self.at = count, 0

    def __iter__(self):
        worker = get_worker_info()
        start, step = (worker.id, worker.num_workers) if worker else (self.at, 1)
        for i in range(start, self.count, step):
            self.at = i + 1
            yield i
        self.at = 0


class Stateful(Counted):
    def state_dict(self):
        return {"at": self.at}

    def load_state_dict(self, state):
        self.at = state["at"]


def seeded(seed=5):
    return torch.Generator().manual_seed(seed)


def said(loader):
    return [[part.tolist() for part in batch] for batch in loader]


WORKERS = [{"num_workers": 1}, {"num_workers": 3}, {"num_workers": 2, "worker_type": "process"}]


@pytest.mark.parametrize("workers", WORKERS)
def test_any_workers_give_the_same_batches_and_transforms(workers):
    def epochs(**how):
        loader = DataLoader(Flipped(), 3, shuffle=True, generator=seeded(), **how)
        return [said(loader), said(loader)]

    alone = epochs()
    assert alone[0] != alone[1]
    assert epochs(**workers) == alone


def test_transforms_differ_from_epoch_to_epoch_without_shuffling():
    loader = DataLoader(Flipped(), 4, generator=seeded())
    assert said(loader) != said(loader)


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 17),
    size=st.integers(1, 5),
    before=st.integers(0, 3),
    after=st.integers(0, 3),
    position=st.integers(0, 20),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    epoch=st.integers(0, 2),
)
def test_a_loader_goes_on_anywhere(count, size, before, after, position, shuffle, drop_last, epoch):
    def loader(workers):
        how = {"shuffle": shuffle, "drop_last": drop_last, "generator": seeded(), "num_workers": workers}
        return DataLoader(Flipped(count), size, **how)

    whole, first = loader(0), loader(before)
    expected = [said(whole) for _ in range(epoch + 2)]
    for _ in range(epoch):
        said(first)
    batches = iter(first)
    handed_out = [b for _, b in zip(range(min(position, len(first))), batches, strict=False)]
    state = first.state_dict()
    batches.close()
    second = loader(after)
    second.load_state_dict(state)
    rest = said(second)
    if state["handed_out"] or handed_out or position == 0:
        assert [[p.tolist() for p in b] for b in handed_out] + rest == expected[epoch]
        assert said(second) == expected[epoch + 1]


@pytest.mark.parametrize("generator", [None, 7])
def test_samplers_go_on_too(generator, tmp_path):
    def loader():
        drawn = None if generator is None else seeded(generator)
        sampler = RandomSampler(range(10), replacement=True, num_samples=12, generator=drawn)
        return DataLoader(Flipped(), batch_sampler=BatchSampler(sampler, 3), generator=seeded())

    torch.manual_seed(1)
    first = loader()
    batches = iter(first)
    next(batches)
    torch.save(first.state_dict(), tmp_path / "state")
    expected = said(batches)
    torch.manual_seed(99)
    before = torch.get_rng_state().tolist()
    second = loader()
    second.load_state_dict(torch.load(tmp_path / "state"))
    assert said(second) == expected
    assert torch.get_rng_state().tolist() == before


@pytest.mark.parametrize("workers", [0, 2])
def test_an_iterable_dataset_goes_on(workers):
    def loader(kind=Counted):
        return DataLoader(kind(20), 3, num_workers=workers)

    whole = [b.tolist() for b in loader()]
    assert sorted(itertools.chain(*whole)) == list(range(20))
    first = loader()
    batches = iter(first)
    handed_out = [next(batches).tolist() for _ in range(3)]
    second = loader()
    second.load_state_dict(first.state_dict())
    assert handed_out + [b.tolist() for b in second] == whole


def test_an_iterable_dataset_with_a_state_is_not_read_again():
    first = DataLoader(Stateful(20), 3)
    batches = iter(first)
    handed_out = [next(batches).tolist() for _ in range(3)]
    dataset = Stateful(20)
    second = DataLoader(dataset, 3)
    second.load_state_dict(first.state_dict())
    following = next(iter(second)).tolist()
    assert handed_out[-1][-1] + 1 == following[0]
    assert dataset.at == 12


def test_iterable_datasets_in_processes():
    loader = DataLoader(Counted(10), 2, num_workers=2, worker_type="process")
    assert [b.tolist() for b in loader] == [[0, 2], [1, 3], [4, 6], [5, 7], [8], [9]]


@pytest.mark.parametrize("how", [{}, {"num_workers": 2}])
def test_an_error_says_which_sample_it_was(how):
    with pytest.raises(ValueError, match="record is bad") as failed:
        said(DataLoader(Bad(), 2, **how))
    assert failed.value.__notes__ == ["this was sample 5 of Bad"]


def test_an_error_in_a_process_brings_its_traceback():
    with pytest.raises(WorkerError, match=r"(?s)worker process 0 failed:.*record is bad.*this was sample 5 of Bad"):
        said(DataLoader(Bad(), 2, num_workers=2, worker_type="process"))


def test_a_process_that_dies_is_an_error_and_no_hang():
    with pytest.raises(WorkerError, match=r"worker process 0 died with exit code -9"):
        said(DataLoader(Deadly(), 2, num_workers=2, worker_type="process"))


def test_a_timeout_in_a_process():
    with pytest.raises(WorkerError, match=r"took longer than the timeout of 4\.0 s"):
        said(DataLoader(Sleepy(), 1, num_workers=1, worker_type="process", timeout=4.0))


def test_a_dataset_that_cannot_be_sent_is_said():
    class Local(Flipped):
        pass

    with pytest.raises(WorkerError, match="with this Local, which is sent to it and must be picklable"):
        said(DataLoader(Local(), 2, num_workers=1, worker_type="process"))


def test_who_leaves_early_leaves_no_thread():
    before = threading.active_count()
    for dataset in (Flipped(40), Counted(400)):
        batches = iter(DataLoader(dataset, 2, num_workers=3))
        next(batches)
        batches.close()
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() == before


def test_persistent_workers_begin_once():
    begun = []
    loader = DataLoader(Flipped(), 3, num_workers=2, persistent_workers=True, worker_init_fn=begun.append)
    for _ in range(3):
        said(loader)
    assert sorted(begun) == [0, 1]
    loader._pool.close()


def test_without_batches():
    loader = DataLoader(TensorDataset(np.arange(3)), batch_size=None)
    assert [sample[0].item() for sample in loader] == [0, 1, 2]
    assert len(loader) == 3


def test_dicts_texts_and_named_tuples_are_collated():
    class Records(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, i):
            return {"x": np.ones(2) * i, "name": f"n{i}", "more": (i, [float(i)])}

    (batch,) = DataLoader(Records(), 2)
    assert batch["x"].tolist() == [[0, 0], [1, 1]]
    assert batch["name"] == ["n0", "n1"]
    assert batch["more"][0].tolist() == [0, 1]
    assert batch["more"][1][0].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"batch_size": 0}, "batch_size and prefetch_factor are at least 1"),
        ({"worker_type": "fibre"}, "'thread' or 'process'; got 'fibre'"),
        ({"shuffle": True, "sampler": [1]}, "a sampler says the order"),
        ({"batch_sampler": [[1]], "drop_last": True}, "a batch_sampler says it all"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(how, words):
    with pytest.raises(ValueError, match=words):
        DataLoader(Flipped(), **how)


def test_numbers_are_whole():
    with pytest.raises(TypeError, match="batch_size is a whole number; got '4'"):
        DataLoader(Flipped(), "4")


def test_a_wrong_state_is_refused():
    with pytest.raises(ValueError, match="a loader's state has epoch and handed_out; got step"):
        DataLoader(Flipped()).load_state_dict({"step": 3})
