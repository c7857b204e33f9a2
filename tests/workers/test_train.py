"""The loop, without Ray: it learns, repeats to the bit, stops, and says what went wrong."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import research
from workers.collective import Host, Meeting, RankLost
from workers.experiment import Experiment
from workers.report import Memory
from workers.train import Trainer, TrainingProblem, checkpoint_path, make_optimizer, train

PLAIN = ["Flatten", {"Linear": [64, 16]}, "Tanh", {"Linear": [16, 10]}]


def experiment(**more):
    return Experiment.from_dict({"name": "x", "data": {"source": "digits"}, "net": PLAIN, "epochs": 2} | more)


def weights(trainer):
    return {name: np.array(value.numpy()) for name, value in trainer.net.state_dict().items()}


def trained(folder, **more):
    report = Memory()
    trainer = Trainer(experiment(**more), report, folder)
    assert trainer.run() == "finished"
    return trainer, report


def test_it_learns_and_tells(tmp_path):
    _, report = trained(tmp_path, epochs=4)
    assert [step for step, _ in report.metrics["train/loss"]] == list(range(1, 181))
    assert [step for step, _ in report.metrics["validation/accuracy"]] == [45, 90, 135, 180]
    assert report.metrics["validation/accuracy"][-1][1] > 0.75
    assert report.metrics["train/loss"][-1][1] < report.metrics["train/loss"][0][1] - 0.5
    assert report.last_progress == (180, 180, 4, 4)
    assert min(report.seconds) > 0
    assert "waiting for data" in report.logs[-1]
    assert set(report.artifacts) == {"checkpoint/last", "checkpoint/best"}


def test_the_checkpoint_holds_the_weights_and_the_optimizer(tmp_path):
    trainer, _ = trained(tmp_path)
    saved = research.load(checkpoint_path(tmp_path, "last"))
    assert (saved["epoch"], saved["step"]) == (2, 90)
    for name, value in weights(trainer).items():
        assert np.array_equal(saved["model"][name].numpy(), value)
    assert saved["optimizer"]["state"]


def test_the_same_seed_gives_the_same_bits_whatever_the_threads(tmp_path):
    first, _ = trained(tmp_path)
    again, _ = trained(tmp_path, data={"source": "digits", "read_ahead_threads": 3})
    other, _ = trained(tmp_path, seed=1)
    for name, value in weights(first).items():
        assert np.array_equal(weights(again)[name], value)
        assert not np.array_equal(weights(other)[name], value)


@pytest.mark.parametrize(
    "optimizer",
    [
        {"name": "SGD", "lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-4},
        {"name": "SGD", "lr": 0.3},
        {"name": "Adam", "lr": 0.01, "betas": [0.8, 0.99], "eps": 1e-6, "weight_decay": 1e-4, "schedule": "cosine"},
    ],
)
def test_every_setting_of_an_optimizer_arrives(tmp_path, optimizer):
    trainer, report = trained(tmp_path, optimizer=optimizer)
    assert report.metrics["validation/accuracy"][-1][1] > 0.85
    for key, value in optimizer.items():
        if key not in ("name", "schedule", "lr"):
            assert trainer.optimizer.param_groups[0][key] == (tuple(value) if key == "betas" else value)


def test_cosine_falls_from_lr_to_nothing(tmp_path):
    trainer = Trainer(experiment(optimizer={"name": "SGD", "lr": 0.2, "schedule": "cosine"}), Memory(), tmp_path)
    seen = []
    for step in range(1, trainer.total_steps + 1):
        trainer.step = step
        seen.append(trainer._lr())
    assert seen[0] == 0.2
    assert seen[45] == pytest.approx(0.1)
    assert 0 < seen[-1] < 0.001


def test_a_stop_leaves_a_checkpoint(tmp_path):
    class StopsAtFive(Memory):
        def metric(self, key, step, value):
            super().metric(key, step, value)
            self.stopping = step >= 5

    report = StopsAtFive()
    assert train(experiment(), report, tmp_path) == "stopped"
    assert research.load(checkpoint_path(tmp_path, "last"))["step"] == 6


def test_numbers_are_learnt_too(tmp_path):
    x = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    np.savez(tmp_path / "line.npz", x=x, y=x @ [1.0, -2.0, 3.0])
    data = {"source": "npz", "path": str(tmp_path / "line.npz")}
    adam = {"name": "Adam", "lr": 0.05}
    _, report = trained(tmp_path, data=data, net=[{"Linear": [3, 1]}], loss="mse", optimizer=adam, epochs=20)
    assert report.metrics["validation/loss"][-1][1] < 0.01
    assert "validation/accuracy" not in report.metrics
    assert checkpoint_path(tmp_path, "best").is_file()


def test_a_loss_that_explodes_names_its_step(tmp_path):
    x = np.full((40, 3), 1e30, np.float32)
    np.savez(tmp_path / "huge.npz", x=x, y=np.ones(40))
    data = {"source": "npz", "path": str(tmp_path / "huge.npz")}
    report = Memory()
    with (
        np.errstate(all="ignore"),
        pytest.raises(
            TrainingProblem, match=r"The loss became (inf|nan) at step 1 \(epoch 1\)\. Try a smaller optimizer"
        ),
    ):
        train(experiment(data=data, net=[{"Linear": [3, 1]}], loss="mse"), report, tmp_path)
    assert not np.isfinite(report.metrics["train/loss"][-1][1])


class Thread:
    """A rank in a thread: the same meeting as between processes."""

    def __init__(self, meeting, rank):
        self.meeting, self.rank, self.size, self.turn = meeting, rank, meeting.size, 0

    def all_reduce(self, array):
        self.turn += 1
        return self.meeting.reduce(self.rank, self.turn, array)


def in_ranks(folder, size, before=None, **more):
    """The trainers of a data-parallel run, and rank 0's report. Built one after the other: they share a generator."""
    meeting, report = Meeting(size, timeout_s=20), Memory()
    groups = [Host(meeting), *(Thread(meeting, rank) for rank in range(1, size))]
    reports = [report, *(Memory() for _ in groups[1:])]
    trainers = [
        Trainer(experiment(workers=size, **more), mine, folder, group)
        for group, mine in zip(groups, reports, strict=True)
    ]
    if before:
        before(trainers)
    problems = []

    def work(trainer):
        try:
            trainer.run()
        except BaseException as error:
            problems.append(error)
            meeting.abandon(str(error))

    threads = [threading.Thread(target=work, args=(trainer,)) for trainer in trainers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    return trainers, report


@pytest.mark.parametrize("size", [2, 3])
def test_ranks_together_equal_one_worker(tmp_path, size):
    # 1438 rows leave a last batch of 30: unequal shares for 3 ranks
    sgd = {"name": "SGD", "lr": 0.1}
    one, alone = trained(tmp_path / "one", optimizer=sgd)
    many, together = in_ranks(tmp_path / "many", size, optimizer=sgd)
    for key, points in alone.metrics.items():
        assert np.abs(np.subtract(together.metrics[key], points)).max() < 1e-6, key
    for name, value in weights(one).items():
        assert np.abs(weights(many[0])[name] - value).max() < 1e-6
        assert np.array_equal(weights(many[0])[name], weights(many[size - 1])[name])


def test_a_run_of_two_ranks_repeats_to_the_bit(tmp_path):
    first, _ = in_ranks(tmp_path, 2)
    again, _ = in_ranks(tmp_path, 2)
    for name, value in weights(first[0]).items():
        assert np.array_equal(weights(again[0])[name], value)


def test_more_ranks_than_rows_in_the_last_batch(tmp_path):
    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    np.savez(tmp_path / "few.npz", x=x, y=(x[:, 0] > 0).astype(int))
    data = {"source": "npz", "path": str(tmp_path / "few.npz"), "validation": 0.02}
    _, report = in_ranks(
        tmp_path, 3, data=data, net=[{"Linear": [3, 2]}], batch_size=8
    )  # 49 rows: the last batch has 1
    assert len(report.metrics["train/loss"]) == 14


def test_a_lost_rank_makes_the_others_raise():
    meeting = Meeting(2, timeout_s=0.1)
    with pytest.raises(RankLost, match=r"rank 1 did not come to step 1 within 0\.1 s"):
        meeting.reduce(0, 1, np.zeros(1))
    with pytest.raises(RankLost, match="rank 1 did not come"):
        meeting.reduce(1, 1, np.zeros(1))


def test_an_abandoned_meeting_wakes_who_waits():
    meeting, seen = Meeting(2), []

    def wait():
        with pytest.raises(RankLost, match="it was killed"):
            meeting.reduce(0, 1, np.zeros(1))
        seen.append("woken")

    thread = threading.Thread(target=wait)
    thread.start()
    meeting.abandon("it was killed")
    thread.join(5)
    assert seen == ["woken"]


def test_ranks_start_from_the_weights_of_rank_0(tmp_path):
    def spoil(trainers):
        trainers[1].parameters[0].array[...] = 7.0  # as a module does that draws from a generator of its own

    trainers, _ = in_ranks(tmp_path, 2, before=spoil)
    for name, value in weights(trainers[0]).items():
        assert np.array_equal(weights(trainers[1])[name], value)
    assert np.abs(weights(trainers[0])["1.weight"]).max() < 2


def test_frozen_weights_and_buffers_start_alike_too(tmp_path):
    def spoil(trainers):
        for rank, trainer in enumerate(trainers):
            trainer.net.register_buffer("count", research.tensor([rank + 3]))
            frozen = next(iter(trainer.net.parameters()))
            frozen.requires_grad = False
            frozen.array[...] = float(rank)
            trainer.parameters = [p for p in trainer.net.parameters() if p.requires_grad]
            trainer.optimizer = make_optimizer(trainer.experiment, trainer.net)

    trainers, _ = in_ranks(tmp_path, 2, before=spoil)
    assert not weights(trainers[1])["1.weight"].any()
    for name, value in weights(trainers[0]).items():
        assert np.array_equal(weights(trainers[1])[name], value)
        assert weights(trainers[1])[name].dtype == value.dtype
    assert weights(trainers[1])["count"] == [3]
