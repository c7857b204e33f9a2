"""Optimiser updates: their gradient is nobody's. `test_update.py` has the comparison with torch.optim."""

from cases.draw import Case, n, pos

CASES: dict[str, list[Case]] = {
    "sgd": [
        Case((n(3), n(3), 0.1)),
        Case((n(3), n(3), 0.1), {"weight_decay": 0.2}),
        Case((n(), n(), n())),
        Case((n(0, 2), n(0, 2), 0.1)),
    ],
    "sgd_momentum": [
        Case((n(3), n(3), n(3), 0.1), {"momentum": 0.9}),
        Case((n(3), n(3), n(3), 0.1), {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
        Case((n(2, 3), n(2, 3), n(2, 3), 0.1), {"momentum": 0.9, "dampening": 0.5}),
    ],
    "adam": [
        Case((n(3), n(3), n(3), pos(3), 3, 0.1)),
        Case((n(3), n(3), n(3), pos(3), 1, 0.1), {"weight_decay": 0.1}),
        Case((n(2, 3), n(2, 3), n(2, 3), pos(2, 3), 2, n()), {"beta1": 0.5, "beta2": 0.8, "eps": 0.1}),
    ],
    "adamw": [
        Case((n(3), n(3), n(3), pos(3), 3, 0.1)),
        Case((n(2, 3), n(2, 3), n(2, 3), pos(2, 3), 1, 0.1), {"weight_decay": 0.5, "beta1": 0.5}),
    ],
    "nadam": [
        Case((n(3), n(3), n(3), pos(3), 3, 0.1)),
        Case((n(2, 3), n(2, 3), n(2, 3), pos(2, 3), 1, 0.1), {"weight_decay": 0.5, "momentum_decay": 0.1}),
    ],
    "radam": [
        Case((n(3), n(3), n(3), pos(3), 1, 0.1)),
        Case((n(2, 3), n(2, 3), n(2, 3), pos(2, 3), 20, 0.1), {"weight_decay": 0.5}),
    ],
    "lamb": [
        Case((n(3), n(3), n(3), pos(3), 3, 0.1)),
        Case((n(2, 33), n(2, 33), n(2, 33), pos(2, 33), 1, 0.1), {"weight_decay": 0.5}),
        Case((n(0), n(0), n(0), pos(0), 1, 0.1)),
    ],
    "lion": [
        Case((n(3), n(3), n(3), 0.1)),
        Case((n(2, 3), n(2, 3), n(2, 3), 0.1), {"weight_decay": 0.5, "beta1": 0.5, "beta2": 0.7}),
    ],
    "rmsprop": [
        Case((n(3), n(3), pos(3), n(3), n(3), 0.1)),
        Case((n(3), n(3), pos(3), n(3), n(3), 0.1), {"momentum": 0.9, "weight_decay": 0.1}),
        Case((n(2, 3), n(2, 3), pos(2, 3) + 4, n(2, 3), 0.5 * n(2, 3), 0.1), {"centered": True, "alpha": 0.9}),
    ],
    "adagrad": [
        Case((n(3), n(3), pos(3), 3, 0.1)),
        Case((n(2, 3), n(2, 3), pos(2, 3), 2, 0.1), {"lr_decay": 0.1, "weight_decay": 0.1}),
    ],
    "adadelta": [
        Case((n(3), n(3), pos(3), pos(3), 1.0)),
        Case((n(2, 3), n(2, 3), pos(2, 3), pos(2, 3), 0.1), {"rho": 0.5, "weight_decay": 0.1}),
    ],
}

TORCH = dict.fromkeys(CASES)
