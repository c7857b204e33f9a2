"""Multi-head attention."""

from __future__ import annotations

import math
from typing import Any

from research.creation import zeros
from research.nn import functional as F
from research.nn import init
from research.nn.linear import Linear, at_least_one
from research.nn.module import Module, Parameter
from shared_ops import ops
from shared_ops.spec import check


class MultiheadAttention(Module):
    """Several attentions beside each other, then a linear layer: Vaswani et al. 2017; torch.nn.MultiheadAttention.

    query (t, n, e), key (s, n, kdim), value (s, n, vdim) -> (t, n, e) and weights (n, t, s); with batch_first
    (n, t, e) and so on; or all without n. Where a mask of booleans holds, there is no attention.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
    ):
        super().__init__()
        at_least_one("MultiheadAttention", embed_dim=embed_dim, num_heads=num_heads)
        if embed_dim % num_heads:
            raise ValueError(f"num_heads divides embed_dim; got {num_heads} and {embed_dim}")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        self.together = self.kdim == self.vdim == embed_dim
        if self.together:
            self.in_proj_weight = Parameter(zeros(3 * embed_dim, embed_dim))
        else:
            for name, size in (("q", embed_dim), ("k", self.kdim), ("v", self.vdim)):
                setattr(self, f"{name}_proj_weight", Parameter(zeros(embed_dim, size)))
        self.in_proj_bias = Parameter(zeros(3 * embed_dim)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for weight in self.parameters(recurse=False):
            if len(weight.shape) > 1:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            for bias in (self.in_proj_bias, self.out_proj.bias):
                init.zeros_(bias)  # type: ignore[arg-type]

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """The mixed values, and the weights, or None unless they are needed.

        key_padding_mask (n, s); attn_mask (t, s) or (n * heads, t, s), of booleans or added to the scores.
        """
        batched = len(query.shape) == 3
        fits = batched or len(query.shape) == 2
        check(fits, "MultiheadAttention needs query with 3 axes, or with 2", query=query.shape)
        wide, own = [x.shape[-1] for x in (query, key, value)], [self.embed_dim, self.kdim, self.vdim]
        check(wide == own, f"MultiheadAttention needs query, key and value {own} wide", sizes=wide)
        q, k, v = (self._heads(x, batched) for x in self._projected(query, key, value))
        mask = self._mask(q, k, key_padding_mask, attn_mask, batched)
        drop = self.dropout if self.training else 0.0
        if need_weights or drop:
            out, weights = self._by_weights(q, k, v, mask, is_causal and mask is None, drop)
        else:
            out, weights = F.scaled_dot_product_attention(q, k, v, mask, is_causal=is_causal and mask is None), None
        out = self.out_proj(self._joined(out, batched))
        if not need_weights:
            return out, None
        weights = ops.mean(weights, axis=1) if average_attn_weights else weights
        return out, weights if batched else weights[0]

    def _projected(self, *inputs: Any) -> list[Any]:
        if self.together:
            weights = ops.chunk(self.in_proj_weight, 3, 0)
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        biases = (None,) * 3 if self.in_proj_bias is None else ops.chunk(self.in_proj_bias, 3, 0)
        return [F.linear(x, w, b) for x, w, b in zip(inputs, weights, biases, strict=True)]

    def _heads(self, x: Any, batched: bool) -> Any:
        """(t, n, e), as it came -> (n, heads, t, e / heads)."""
        if not batched:
            x = ops.unsqueeze(x, 0)
        elif not self.batch_first:
            x = ops.transpose(x, 0, 1)
        return ops.transpose(ops.unflatten(x, 2, (self.num_heads, self.embed_dim // self.num_heads)), 1, 2)

    def _joined(self, x: Any, batched: bool) -> Any:
        """The way back from `_heads`."""
        x = ops.flatten(ops.transpose(x, 1, 2), 2)
        if not batched:
            return x[0]
        return x if self.batch_first else ops.transpose(x, 0, 1)

    def _mask(self, q: Any, k: Any, key_padding_mask: Any, attn_mask: Any, batched: bool) -> Any:
        """Both masks as one, that is added to the scores (n, heads, t, s); None without any."""
        n, t, s = q.shape[0], q.shape[2], k.shape[2]
        total = None
        if attn_mask is not None:
            shaped = len(attn_mask.shape) == 3
            total = _added(ops.unflatten(attn_mask, 0, (n, self.num_heads)) if shaped else attn_mask, q)
        if key_padding_mask is not None:
            padding = key_padding_mask if batched else ops.unsqueeze(key_padding_mask, 0)
            fits = tuple(padding.shape) == (n, s)
            check(fits, "key_padding_mask needs a value for each key of each sequence", mask=padding.shape, keys=(n, s))
            padding = _added(ops.unsqueeze(ops.unsqueeze(padding, 1), 1), q)
            total = padding if total is None else ops.add(total, padding)
        return None if total is None else ops.expand(total, shape=(n, self.num_heads, t, s))

    @staticmethod
    def _by_weights(q: Any, k: Any, v: Any, mask: Any, is_causal: bool, drop: float) -> tuple[Any, Any]:
        scores = ops.mul(ops.matmul(q, ops.transpose(k, -2, -1)), 1 / math.sqrt(q.shape[-1]))
        if mask is not None:
            scores = ops.add(scores, mask)
        weights = ops.masked_softmax(scores, True, is_causal=True) if is_causal else ops.softmax(scores, axis=-1)
        weights = F.dropout(weights, drop)
        return ops.matmul(weights, v), weights


def _added(mask: Any, like: Any) -> Any:
    """A mask as what is added to scores: -inf where one of booleans holds."""
    if mask.dtype == "bool":
        zero = ops.cast(ops.mul(ops.cast(mask, dtype="float32"), 0.0), dtype=like.dtype.name)
        return ops.where(mask, -math.inf, zero)
    return mask
