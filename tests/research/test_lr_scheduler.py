"""Learning rate schedules: PyTorch's rates, closed forms, going on from a state, and what they refuse."""

import math
import warnings

import pytest

import research
from research import optim
from research.optim import lr_scheduler
from research.optim.swa_utils import SWALR

STEPS = 40
SCHEDULES = {
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda epoch: 0.9**epoch),
    "LambdaLR of groups": lambda s, o: s.LambdaLR(o, [lambda epoch: 1 / (epoch + 1), lambda epoch: epoch]),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda epoch: 0.9 + 0.001 * epoch),
    "StepLR": lambda s, o: s.StepLR(o, 7, gamma=0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [3, 3, 20], gamma=0.5),
    "ConstantLR": lambda s, o: s.ConstantLR(o, factor=0.25, total_iters=6),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.1, 0.8, total_iters=9),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.93),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, total_iters=30, power=2.0),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 11, eta_min=0.01),
    "warm restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, T_mult=2, eta_min=0.001),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, [0.3, 0.7], total_steps=STEPS + 1),
    "OneCycleLR three": lambda s, o: s.OneCycleLR(
        o, 0.5, epochs=4, steps_per_epoch=11, three_phase=True, anneal_strategy="linear", pct_start=0.25
    ),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=5), s.ExponentialLR(o, 0.9), s.ConstantLR(o, 0.5, 3)], [5, 20]
    ),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler([s.LinearLR(o, 0.1, total_iters=5), s.ExponentialLR(o, 0.9)]),
}


def optimizer(lib=research):
    one, two = (lib.ones(2, requires_grad=True) for _ in range(2))
    return lib.optim.SGD([{"params": [one]}, {"params": [two], "lr": 0.4}], lr=0.1, momentum=0.9)


def rates(scheduler, o, steps=STEPS):
    found = []
    for _ in range(steps):
        found.append([g["lr"] for g in o.param_groups] + [g["momentum"] for g in o.param_groups])
        o.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    ours, theirs = optimizer(), optimizer(torch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, of its SequentialLR
        expected = rates(SCHEDULES[name](torch.optim.lr_scheduler, theirs), theirs)
    for a, b in zip(rates(SCHEDULES[name](lr_scheduler, ours), ours), expected, strict=True):
        assert a == pytest.approx(b, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_goes_on_from_its_state(name, tmp_path):
    o = optimizer()
    whole = rates(SCHEDULES[name](lr_scheduler, o), o)
    o = optimizer()
    scheduler = SCHEDULES[name](lr_scheduler, o)
    first = rates(scheduler, o, 13)
    research.save([o.state_dict(), scheduler.state_dict()], tmp_path / "state")
    o = optimizer()
    scheduler = SCHEDULES[name](lr_scheduler, o)
    saved = research.load(tmp_path / "state")
    o.load_state_dict(saved[0])
    scheduler.load_state_dict(saved[1])
    assert first + rates(scheduler, o, STEPS - 13) == whole


def test_closed_forms():
    o = optimizer()
    scheduler = lr_scheduler.CosineAnnealingLR(o, 10)
    for epoch in range(10):
        assert o.param_groups[0]["lr"] == pytest.approx(0.05 * (1 + math.cos(math.pi * epoch / 10)))
        o.step()
        scheduler.step()
    assert scheduler.get_last_lr() == [pytest.approx(0, abs=1e-17)] * 2


METRICS = [1.0, 0.9, 0.95, 0.94, 0.93, 0.92, 0.5, 0.5, 0.5, 0.5, 0.5, 0.49999, 0.6, 0.6, 0.6, 0.6, 0.1]


@pytest.mark.parametrize(
    "settings",
    [
        {"patience": 2},
        {"patience": 1, "cooldown": 2, "factor": 0.5},
        {"patience": 1, "threshold_mode": "abs", "threshold": 0.05, "min_lr": [0.02, 0.3]},
        {"patience": 0, "mode": "max"},
    ],
)
def test_a_plateau_lowers_the_rate_as_in_pytorch(settings):
    torch = pytest.importorskip("torch")
    found = []
    for lib in (research, torch):
        o = optimizer(lib)
        scheduler = lib.optim.lr_scheduler.ReduceLROnPlateau(o, **settings)
        rates_ = []
        for metric in METRICS:
            scheduler.step(metric)
            rates_ += [g["lr"] for g in o.param_groups]
        found.append(rates_)
    assert found[0] == pytest.approx(found[1], rel=1e-12)
    assert found[0][-1] < 0.4


def test_a_plateau_within_a_schedule_keeps_its_factor():
    o = optimizer()
    plateau, decay = lr_scheduler.ReduceLROnPlateau(o, patience=0, factor=0.5), lr_scheduler.ExponentialLR(o, 0.9)
    plateau.step(1.0)
    plateau.step(2.0)
    o.step()
    decay.step()
    assert o.param_groups[0]["lr"] == pytest.approx(0.1 * 0.5 * 0.9)


def test_swalr_is_pytorchs():
    torch = pytest.importorskip("torch")
    from torch.optim.swa_utils import SWALR as Theirs

    ours, theirs = optimizer(), optimizer(torch)
    first = rates(SWALR(ours, swa_lr=0.02, anneal_epochs=6), ours, 12)
    for a, b in zip(first, rates(Theirs(theirs, swa_lr=0.02, anneal_epochs=6), theirs, 12), strict=True):
        assert a == pytest.approx(b, rel=1e-9)


def test_a_scheduler_before_the_optimizer_is_a_warning():
    scheduler = lr_scheduler.StepLR(optimizer(), 3)
    with pytest.warns(UserWarning, match=r"call optimizer\.step\(\) first"):
        scheduler.step()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda o: lr_scheduler.StepLR(o, 0), "step_size is a whole number of at least 1; got 0"),
        (lambda o: lr_scheduler.LinearLR(o, 2.0), "start_factor is from 0 to 1; got 2.0"),
        (lambda o: lr_scheduler.LambdaLR(o, [abs]), "lr_lambda needs one for each of the 2 groups; got 1"),
        (lambda o: lr_scheduler.OneCycleLR(o, 0.1), "needs total_steps, or epochs and steps_per_epoch"),
        (lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.StepLR(o, 1)], [3]), "milestones between them"),
        (lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(x, 1) for x in (o, optimizer())]), "got several"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=1.0), "at least 0 and below 1; got 1.0"),
    ],
)
def test_what_cannot_be_is_said(make, words):
    with pytest.raises(ValueError, match=words):
        make(optimizer())
    with pytest.raises(TypeError, match="a scheduler needs an Optimizer; got list"):
        lr_scheduler.StepLR([], 3)


def test_one_cycle_ends():
    o = optimizer()
    scheduler = lr_scheduler.OneCycleLR(o, 0.1, total_steps=3)
    for _ in range(3):
        o.step()
        scheduler.step()
    with pytest.raises(ValueError, match="was told of 3 steps; this is step 4"):
        scheduler.step()
    assert isinstance(o, optim.Optimizer)
