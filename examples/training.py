"""What the examples share: a training loop, and a picture of its losses. Nothing here knows which library trains."""

import sys
from pathlib import Path

REPORTS = 10  # lines that a training prints
WIDTH, HEIGHT, MARGIN = 640, 320, 48  # of the picture, in px


def train(model, loss_of, batches, optimizer, steps, scheduler=None):
    """Take steps, print how they go, and return the loss of each."""
    losses = []
    model.train()
    for step, batch in zip(range(1, steps + 1), batches, strict=False):
        optimizer.zero_grad()
        loss = loss_of(model, batch)
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        losses.append(loss.item())
        if step % max(1, steps // REPORTS) == 0:
            recent = losses[-max(1, steps // REPORTS) :]
            print(f"step {step:5d}  loss {sum(recent) / len(recent):.4f}", flush=True)
    model.eval()
    return losses


def epochs(loader):
    """The batches of a loader, over and over."""
    while True:
        yield from loader


def curve(losses, title):
    """An SVG of losses by step: each as a point of a pale line, and their moving mean."""
    top, count = max(losses), max(2, len(losses))

    def path(values):
        points = (
            (MARGIN + (WIDTH - 2 * MARGIN) * i / (count - 1), HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * v / top)
            for i, v in enumerate(values)
        )
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)

    span = max(1, len(losses) // 20)
    means = [sum(losses[max(0, i - span) : i + 1]) / len(losses[max(0, i - span) : i + 1]) for i in range(len(losses))]
    lines = "".join(
        f'<polyline points="{path(values)}" fill="none" stroke="{color}" stroke-width="{width}"/>'
        for values, color, width in ((losses, "#93c5fd", 1), (means, "#1d4ed8", 2))
    )
    axes = f"M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{WIDTH - MARGIN}"
    text = "".join(
        f'<text x="{x}" y="{y}" text-anchor="{anchor}">{words}</text>'
        for x, y, anchor, words in (
            (WIDTH / 2, 24, "middle", title),
            (MARGIN - 6, MARGIN + 4, "end", f"{top:.2g}"),
            (MARGIN - 6, HEIGHT - MARGIN + 4, "end", "0"),
            (WIDTH - MARGIN, HEIGHT - MARGIN + 20, "end", f"step {len(losses)}"),
            (WIDTH - MARGIN, MARGIN + 4, "end", f"last: {means[-1]:.3f}"),
        )
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="13" fill="#374151"><rect width="100%" height="100%" fill="white"/>'
        f'<path d="{axes}" fill="none" stroke="#9ca3af"/>{lines}{text}</svg>\n'
    )


def save_curve(losses, title):
    """Write the curve where the command line says: `python examples/lenet.py curve.svg`."""
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(curve(losses, title))
        print(f"the curve: {sys.argv[1]}")
