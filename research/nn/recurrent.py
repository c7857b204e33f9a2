"""Recurrent layers: torch.nn's names, parameters and first values."""

from __future__ import annotations

import math
from typing import Any

from research.creation import zeros
from research.nn import init
from research.nn.linear import at_least_one
from research.nn.module import Module, Parameter
from research.nn.packing import PackedSequence
from research.random import default_generator
from shared_ops import ops
from shared_ops.spec import check


def _initial(like: Any, *sizes: Any) -> Any:
    """Zeros (*sizes), with the dtype, on the device and in the world of `like`."""
    nothing = like[:0]
    zero = ops.sum(ops.where(ops.eq(nothing, nothing), 0.0, 0.0))
    return ops.expand(ops.cast(zero, dtype=like.dtype.name), shape=sizes)


class _Weights(Module):
    """What layers and cells share: the weights of one direction, w_ih, w_hh, b_ih, b_hh, under names with a suffix."""

    gates: int

    def _add_weights(self, input_size: int, hidden_size: int, bias: bool, suffix: str = "") -> None:
        rows = self.gates * hidden_size
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size)}
        shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
        for name, shape in shapes.items():
            setattr(self, name + suffix, Parameter(zeros(*shape)))

    def _weights(self, suffix: str = "") -> tuple[Any, ...]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return tuple(getattr(self, name + suffix) if self.bias or "bias" not in name else 0.0 for name in names)

    def reset_parameters(self) -> None:
        """All uniform within 1 / sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for p in self.parameters():
            init.uniform_(p, -bound, bound)


class _Layers(_Weights):
    """Layers on top of each other. What comes is (t, n, i), (n, t, i) with batch_first, (t, i), or a PackedSequence."""

    states = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ):
        super().__init__()
        at_least_one(type(self).__name__, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        if not 0 <= dropout <= 1:
            raise ValueError(f"dropout needs a probability between 0 and 1; got dropout={dropout}")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, dropout, bidirectional
        self.suffixes = [[f"_l{k}", f"_l{k}_reverse"][: 1 + bidirectional] for k in range(num_layers)]
        for k, suffixes in enumerate(self.suffixes):
            for suffix in suffixes:
                self._add_weights(hidden_size * len(suffixes) if k else input_size, hidden_size, bias, suffix)
        self.reset_parameters()

    def forward(self, input: Any, hx: Any = None, lengths: Any = None) -> Any:
        """out and the last states. With lengths, (n,), out is 0 past each sequence's end."""
        packed = isinstance(input, PackedSequence)
        x, lengths = (input.data, input.lengths) if packed else (input, lengths)
        name, batched = type(self).__name__, len(x.shape) == 3
        check(
            batched or len(x.shape) == 2, f"{name} needs input with 3 axes, or with 2 for one sequence", input=x.shape
        )
        check(x.shape[-1] == self.input_size, f"{name} needs input_size={self.input_size} features", input=x.shape)
        turned = self.batch_first and batched and not packed
        if not batched:
            x = ops.unsqueeze(x, 1)
        elif turned:
            x = ops.transpose(x, 0, 1)
        states = self._states(x, hx, batched)
        out, *last = self._run(x, states, lengths)
        if not batched:
            out, last = out[:, 0], [s[:, 0] for s in last]
        elif turned:
            out = ops.transpose(out, 0, 1)
        if packed:
            out = PackedSequence(out, input.lengths)
        return out, (last[0] if self.states == 1 else tuple(last))

    def _states(self, x: Any, hx: Any, batched: bool) -> list[Any]:
        if hx is None:
            sizes = self.num_layers * (1 + self.bidirectional), x.shape[1], self.hidden_size
            return [_initial(x, *sizes)] * self.states
        states = [hx] if self.states == 1 else list(hx)
        check(len(states) == self.states, f"{type(self).__name__} needs {self.states} states", count=len(states))
        return states if batched else [ops.unsqueeze(s, 1) for s in states]

    def _run(self, x: Any, states: list[Any], lengths: Any) -> tuple[Any, ...]:
        layers = [[self._weights(suffix) for suffix in suffixes] for suffixes in self.suffixes]
        if not (self.training and self.dropout and self.num_layers > 1):
            return self._network(x, *states, layers, lengths)[:-1]

        def drawn(state: Any) -> Any:
            *made, state = self._network(x, *states, layers, lengths, self.dropout, state)
            return tuple(made), state

        return default_generator.draw(drawn)

    def _network(self, *inputs: Any) -> Any:
        raise NotImplementedError

    def extra_repr(self) -> str:
        words = [f"{self.input_size}, {self.hidden_size}"]
        usual = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        words += [f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value]
        return ", ".join(words)


class RNN(_Layers):
    """Elman's recurrent layers: h' = tanh(w_ih x + b_ih + w_hh h + b_hh), or relu."""

    gates = 1

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", **others: Any
    ):
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN needs nonlinearity 'tanh' or 'relu'; got {nonlinearity!r}")
        super().__init__(input_size, hidden_size, num_layers, **others)
        self.nonlinearity = nonlinearity

    def _network(self, *inputs: Any) -> Any:
        names = ("x", "h0", "layers", "lengths", "dropout", "state")
        return ops.rnn(**dict(zip(names, inputs, strict=False)), nonlinearity=self.nonlinearity)


class LSTM(_Layers):
    """Long short-term memory: input, (h_0, c_0) -> output, (h_n, c_n)."""

    gates, states = 4, 2

    def _network(self, *inputs: Any) -> Any:
        return ops.lstm(*inputs)


class GRU(_Layers):
    """Gated recurrent units: input, h_0 -> output, h_n."""

    gates = 3

    def _network(self, *inputs: Any) -> Any:
        return ops.gru(*inputs)


# one step -----------------------------------------------------------------------------------------------------------
class _Cell(_Weights):
    """One step of one layer: (n, i), states (n, h) -> states (n, h); or without n."""

    states = 1

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True):
        super().__init__()
        at_least_one(type(self).__name__, input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        self._add_weights(input_size, hidden_size, bias)
        self.reset_parameters()

    def forward(self, input: Any, hx: Any = None) -> Any:
        name, batched = type(self).__name__, len(input.shape) == 2
        check(batched or len(input.shape) == 1, f"{name} needs input (n, i) or (i,)", input=input.shape)
        x = ops.unsqueeze(input if batched else ops.unsqueeze(input, 0), 0)
        if hx is None:
            states = [_initial(x, x.shape[1], self.hidden_size)] * self.states
        else:
            states = [s if batched else ops.unsqueeze(s, 0) for s in ([hx] if self.states == 1 else hx)]
        new = self._step(x, *states, *self._weights())[1 : 1 + self.states]
        new = tuple(new if batched else [s[0] for s in new])
        return new[0] if self.states == 1 else new

    def _step(self, *inputs: Any) -> Any:
        raise NotImplementedError

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_Cell):
    """One step of RNN."""

    gates = 1

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh"):
        super().__init__(input_size, hidden_size, bias)
        self.nonlinearity = nonlinearity

    def _step(self, *inputs: Any) -> Any:
        return ops.rnn_layer(*inputs, nonlinearity=self.nonlinearity)


class LSTMCell(_Cell):
    """One step of LSTM: input, (h, c) -> h, c."""

    gates, states = 4, 2

    def _step(self, *inputs: Any) -> Any:
        return ops.lstm_layer(*inputs)


class GRUCell(_Cell):
    """One step of GRU."""

    gates = 3

    def _step(self, *inputs: Any) -> Any:
        return ops.gru_layer(*inputs)
