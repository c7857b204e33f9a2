"""Activation functions."""

from cases.draw import Case, i, n

PLAIN = ["sigmoid", "logsigmoid", "softsign", "hardsigmoid", "relu", "relu6", "selu", "silu", "mish", "hardswish"]
WITH_SETTINGS: dict[str, list[dict]] = {
    "hardtanh": [{}, {"min_val": -0.5, "max_val": 2.0}],
    "leaky_relu": [{}, {"negative_slope": 0.2}],
    "softplus": [{}, {"beta": 2.0}, {"beta": 0.5, "threshold": 1.0}],
    "elu": [{}, {"alpha": 0.7}],
    "celu": [{}, {"alpha": 0.7}],
    "gelu": [{}, {"approximate": "tanh"}],
}


def rows(settings):
    """Near the bend and far from it, no axis, no values, integers, strides."""
    draws = [(n(2, 3),), (n(5) * 4,), (n(),), (n(0, 3),), (i(9, 4) - 4,), (n(4, 3).T[::-1, ::2],)]
    first, *others = settings
    return [*[Case(args, first) for args in draws], *[Case((n(6) * 2,), other) for other in others]]


CASES: dict[str, list[Case]] = {
    **{name: rows([{}]) for name in PLAIN},
    **{name: rows(settings) for name, settings in WITH_SETTINGS.items()},
}


def _twin(name):
    def twin(t, x, **settings):
        function = t.sigmoid if name == "sigmoid" else getattr(t.nn.functional, name)
        return function(x if x.is_floating_point() else x.float(), **settings)

    return twin


TORCH = {name: _twin(name) for name in CASES}
