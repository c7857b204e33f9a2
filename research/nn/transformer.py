"""Transformers: layers of attention, encoders and decoders of them, and both together: Vaswani et al. 2017."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from research.nn import functional as F
from research.nn import init
from research.nn.attention import MultiheadAttention
from research.nn.container import ModuleList
from research.nn.dropout import Dropout
from research.nn.linear import Linear
from research.nn.module import Module
from research.nn.normalization import LayerNorm
from research.tensor import Tensor

ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu}


def generate_square_subsequent_mask(sz: int) -> Tensor:
    """A mask that lets each place see itself and what came before: (sz, sz), 0 and -inf."""
    return Tensor(np.triu(np.full((sz, sz), -np.inf, np.float32), 1))


class _Layer(Module):
    """What both kinds of layer share: attention to themselves, two linear layers, and norms after or before."""

    norms: int

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
    ):
        super().__init__()
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            raise ValueError(f"{type(self).__name__} needs activation 'relu', 'gelu' or a function; got {activation!r}")
        self.activation, self.norm_first = ACTIVATIONS.get(activation, activation), norm_first
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias=bias, batch_first=batch_first)
        self._add_more(d_model, nhead, dropout, bias, batch_first)
        self.linear1, self.dropout = Linear(d_model, dim_feedforward, bias=bias), Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias)
        for i in range(1, self.norms + 1):
            setattr(self, f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias))
            setattr(self, f"dropout{i}", Dropout(dropout))

    def _add_more(self, *settings: Any) -> None:
        """Further attention."""

    def _beside(self, i: int, x: Any, part: Any) -> Any:
        """x + part(x), with the i-th norm and dropout."""
        norm, dropout = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
        return x + dropout(part(norm(x))) if self.norm_first else norm(x + dropout(part(x)))

    def _feed_forward(self, x: Any) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Attention to themselves, and two linear layers: (t, n, d_model) -> the same; with batch_first (n, t, d_model)."""

    norms = 2

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        def attend(x: Any) -> Any:
            return self.self_attn(x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal)[0]

        return self._beside(2, self._beside(1, src, attend), self._feed_forward)


class TransformerDecoderLayer(_Layer):
    """Attention to themselves and to a memory, and two linear layers: (t, n, d_model), (s, n, d_model) -> the first."""

    norms = 3

    def _add_more(self, *settings: Any) -> None:
        d_model, nhead, dropout, bias, batch_first = settings
        self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, bias=bias, batch_first=batch_first)

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:
        def attend(x: Any) -> Any:
            return self.self_attn(x, x, x, tgt_key_padding_mask, False, tgt_mask, is_causal=tgt_is_causal)[0]

        def look(x: Any) -> Any:
            more = (memory_key_padding_mask, False, memory_mask)
            return self.multihead_attn(x, memory, memory, *more, is_causal=memory_is_causal)[0]

        return self._beside(3, self._beside(2, self._beside(1, tgt, attend), look), self._feed_forward)


class _Stack(Module):
    """Copies of a layer on top of each other, and a norm at the end."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None = None):
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def _run(self, x: Any, *others: Any) -> Any:
        for layer in self.layers:
            x = layer(x, *others)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """Copies of an encoder layer: (t, n, d_model) -> (t, n, d_model)."""

    def forward(self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        return self._run(src, mask, src_key_padding_mask, is_causal)


class TransformerDecoder(_Stack):
    """Copies of a decoder layer: (t, n, d_model), (s, n, d_model) -> (t, n, d_model)."""

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:
        padding = tgt_key_padding_mask, memory_key_padding_mask
        return self._run(tgt, memory, tgt_mask, memory_mask, *padding, tgt_is_causal, memory_is_causal)


class Transformer(Module):
    """An encoder, and a decoder that looks at what it gives: (s, n, d_model), (t, n, d_model) -> (t, n, d_model)."""

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = "relu",
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
    ):
        super().__init__()
        settings = (dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias)

        encoder_layer = TransformerEncoderLayer(d_model, nhead, *settings)
        decoder_layer = TransformerDecoderLayer(d_model, nhead, *settings)
        self.encoder = custom_encoder or TransformerEncoder(encoder_layer, num_encoder_layers, norm())
        self.decoder = custom_decoder or TransformerDecoder(decoder_layer, num_decoder_layers, norm())
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        for p in self.parameters():
            if len(p.shape) > 1:
                init.xavier_uniform_(p)

    generate_square_subsequent_mask = staticmethod(generate_square_subsequent_mask)

    def forward(
        self,
        src: Any,
        tgt: Any,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool = False,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        padding = tgt_key_padding_mask, memory_key_padding_mask
        return self.decoder(tgt, memory, tgt_mask, memory_mask, *padding, tgt_is_causal, memory_is_causal)
