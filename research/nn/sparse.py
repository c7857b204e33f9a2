"""Layers that look values up."""

from __future__ import annotations

from typing import Any

from research.creation import zeros
from research.nn import functional as F
from research.nn import init
from research.nn.linear import at_least_one
from research.nn.module import Module, Parameter


class _Table(Module):
    """A table of vectors, (num_embeddings, embedding_dim), that starts normal, with zeros at padding_idx."""

    def _build(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None) -> None:
        name = type(self).__name__
        at_least_one(name, num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"{name} needs padding_idx within its {num_embeddings} rows; got {padding_idx}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = padding_idx if padding_idx is None else padding_idx % num_embeddings
        self.weight = Parameter(zeros(num_embeddings, embedding_dim))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0.0

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, **settings: Any) -> Any:
        """A layer over a table that is there, (v, d), which is not learned unless `freeze` is False."""
        made = cls(*embeddings.shape, **settings)
        made.weight = Parameter(embeddings, requires_grad=not freeze)
        return made

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class Embedding(_Table):
    """Rows of a table by number: (...,) whole numbers -> (..., embedding_dim)."""

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None):
        super().__init__()
        self._build(num_embeddings, embedding_dim, padding_idx)

    def forward(self, input: Any) -> Any:
        return F.embedding(input, self.weight, self.padding_idx)


class EmbeddingBag(_Table):
    """Sums, means or greatest values of rows, bag by bag: (b, n) whole numbers -> (b, embedding_dim)."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        mode: str = "mean",
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ):
        super().__init__()
        self.mode, self.include_last_offset = mode, include_last_offset
        self._build(num_embeddings, embedding_dim, padding_idx)

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Any = None) -> Any:
        return F.embedding_bag(
            input, self.weight, offsets, self.mode, per_sample_weights, self.include_last_offset, self.padding_idx
        )

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, mode={self.mode!r}"
