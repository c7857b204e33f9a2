"""An LSTM learns to write Python, a character after another: python examples/char_lstm.py [curve.svg]"""

from stdlib_text import Characters, stdlib_text, windows
from training import save_curve, train

import research as torch
from research import nn, optim
from research.nn import functional as F


class CharLSTM(nn.Module):
    """Scores for the next character at each place: (n, t) numbers -> (n, t, characters), and the state after them."""

    def __init__(self, characters, width=64, hidden=256):
        super().__init__()
        self.embedding = nn.Embedding(characters, width)
        self.lstm = nn.LSTM(width, hidden, batch_first=True)
        self.head = nn.Linear(hidden, characters)

    def forward(self, ids, state=None):
        out, state = self.lstm(self.embedding(ids), state)
        return self.head(out), state


def loss_of(model, batch):
    """Cross-entropy of the next character, in nats."""
    scores, _ = model(batch[:, :-1])
    return F.cross_entropy(scores.flatten(0, 1), batch[:, 1:].flatten())


def write(model, vocabulary, start, length):
    """Text that goes on from `start`, drawn by the model's probabilities."""
    ids, state = torch.tensor(vocabulary.encode(start))[None], None
    written = []
    with torch.no_grad():
        for _ in range(length):
            scores, state = model(ids, state)
            ids = torch.multinomial(F.softmax(scores[:, -1], 1), 1)
            written.append(ids.item())
    return start + vocabulary.decode(written)


def main(steps=500, hidden=256):
    torch.manual_seed(0)
    text = stdlib_text()
    vocabulary = Characters(text)
    numbers = vocabulary.encode(text)
    print(f"{len(text):,} characters, {len(vocabulary)} different ones")
    model = CharLSTM(len(vocabulary), hidden=hidden)
    batches = map(torch.tensor, windows(numbers, length=64, batch_size=32))
    losses = train(model, loss_of, batches, optim.Adam(model.parameters(), lr=3e-3), steps)
    print(write(model, vocabulary, "def ", 200))
    save_curve(losses, "Character LSTM on Python's library: nats a character")
    return sum(losses[-20:]) / 20


if __name__ == "__main__":
    main()
