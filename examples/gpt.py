"""A small GPT learns to write Python, a character after another: python examples/gpt.py [curve.svg]"""

from stdlib_text import Characters, stdlib_text, windows
from training import save_curve, train

import research as torch
from research import nn, optim
from research.nn import functional as F


class Layer(nn.Module):
    """Attention to what came before, then two linear layers, each beside a way around it: Radford et al. 2019."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.joined = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        n, t, width = x.shape
        parts = self.qkv(self.norm1(x)).chunk(3, -1)
        q, k, v = (part.reshape(n, t, self.heads, width // self.heads).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.joined(mixed.transpose(1, 2).reshape(n, t, width))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Scores for the next character at each place: (n, t) numbers -> (n, t, characters)."""

    def __init__(self, characters, length=64, width=96, heads=4, layers=3):
        super().__init__()
        self.length = length
        self.characters, self.places = nn.Embedding(characters, width), nn.Embedding(length, width)
        self.layers = nn.Sequential(*[Layer(width, heads) for _ in range(layers)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, characters, bias=False)
        for table in (self.characters, self.places):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, ids):
        places = torch.arange(ids.shape[1])
        return self.head(self.norm(self.layers(self.characters(ids) + self.places(places))))


def loss_of(model, batch):
    """Cross-entropy of the next character, in nats."""
    return F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())


def write(model, vocabulary, start, length):
    """Text that goes on from `start`, drawn by the model's probabilities."""
    ids = torch.tensor(vocabulary.encode(start))[None]
    with torch.no_grad():
        for _ in range(length):
            scores = model(ids[:, -model.length :])[:, -1]
            ids = torch.cat([ids, torch.multinomial(F.softmax(scores, 1), 1)], 1)
    return vocabulary.decode(ids[0].tolist())


def main(steps=500, width=96, layers=3):
    torch.manual_seed(0)
    text = stdlib_text()
    vocabulary = Characters(text)
    model = GPT(len(vocabulary), width=width, layers=layers)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(text):,} characters")
    batches = map(torch.tensor, windows(vocabulary.encode(text), length=64, batch_size=16))
    losses = train(model, loss_of, batches, optim.AdamW(model.parameters(), lr=2e-3), steps)
    print(write(model, vocabulary, "def ", 200))
    save_curve(losses, "GPT on Python's library: nats a character")
    return sum(losses[-20:]) / 20


if __name__ == "__main__":
    main()
