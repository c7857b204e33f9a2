"""One table: op -> example inputs, a family a file; `test_every_op.py` asks each op the same questions about them.

Beside its rows a family names each op's counterpart in PyTorch: `TORCH[op](torch, *tensors, **settings)`, or None
where PyTorch has none.
"""

from collections.abc import Callable

from cases import (
    activation,
    attention,
    conv,
    ctc,
    decompose,
    dropout,
    elementwise,
    index,
    linalg,
    logic,
    loss,
    moments,
    norm,
    order,
    pool,
    random,
    recurrent,
    reduce,
    resample,
    rounding,
    shape,
    softmax,
    transcendental,
    update,
)
from cases.draw import Case

FAMILIES = (
    elementwise,
    transcendental,
    rounding,
    logic,
    activation,
    moments,
    order,
    reduce,
    shape,
    index,
    linalg,
    decompose,
    conv,
    pool,
    resample,
    norm,
    softmax,
    loss,
    ctc,
    dropout,
    attention,
    random,
    recurrent,
    update,
)

CASES: dict[str, list[Case]] = {name: cases for family in FAMILIES for name, cases in family.CASES.items()}
TORCH: dict[str, Callable | None] = {name: twin for family in FAMILIES for name, twin in family.TORCH.items()}

ALL = [(name, case) for name, cases in CASES.items() for case in cases]
IDS = [f"{name}-{k}" for name, cases in CASES.items() for k in range(len(cases))]
