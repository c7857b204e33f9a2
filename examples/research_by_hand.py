"""Research from the ground up: gradients by autograd, updates by hand.

Run it: python examples/research_by_hand.py. A net of two layers learns which of the handwritten digits are even, with
nothing but tensors; production_by_hand.py says the same as a graph.
"""

from sklearn.datasets import load_digits

import research as torch
from research.autograd import Variable


def main(steps: int = 300, rate: float = 0.5) -> float:
    """Train on 1,400 images, print the loss now and then, and return the accuracy on the other 397."""
    torch.manual_seed(0)
    images, digits = load_digits(return_X_y=True)
    x, even = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits % 2 == 0).float()

    w1 = Variable(torch.randn(64, 32) * 0.2, requires_grad=True)
    w2 = Variable(torch.randn(32) * 0.2, requires_grad=True)
    for step in range(steps):
        score = x[:1400].mm(w1).clamp(min=0) @ w2
        loss = torch.nn.BCEWithLogitsLoss()(score, even[:1400])
        loss.backward()
        for weight in (w1, w2):
            weight.data -= rate * weight.grad.data
            weight.grad = None
        if step % 100 == 0:
            print(f"step {step:3d}  loss {loss.item():.3f}")

    with torch.no_grad():
        says_even = x[1400:].mm(w1).clamp(min=0) @ w2 > 0
    accuracy = 1 - (says_even.float() - even[1400:]).abs().mean().item()
    print(f"right on {accuracy:.1%} of the images it has not seen")
    return accuracy


if __name__ == "__main__":
    main()
