"""The op table on a GPU, against the CPU; `make gpu` runs it. Without a GPU there are no cases: skipped."""

import numpy as np
import pytest

import research
from cases import ALL, IDS
from shared_ops.bits import same_bits
from shared_ops.device import Device, to_host
from shared_ops.op import REGISTRY

HAS_GPU = research.cuda.is_available()
every_case = pytest.mark.parametrize(("name", "case"), ALL if HAS_GPU else [], ids=IDS if HAS_GPU else None)


def as_float32(args):
    return tuple(a.astype("float32") if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in args)


@every_case
def test_gpu_agrees_with_cpu(name, case):
    op, gpu = REGISTRY[name], Device("cuda")
    args = as_float32(case.args)
    there = tuple(gpu.put(a) if isinstance(a, np.ndarray) else a for a in args)
    wanted, got = op(*args, **case.attrs), op(*there, **case.attrs)
    pairs = zip(wanted, got, strict=True) if isinstance(wanted, tuple) else [(wanted, got)]
    for want, have in pairs:
        assert to_host(have).dtype == np.asarray(want).dtype
        np.testing.assert_allclose(to_host(have), want, rtol=1e-5, atol=1e-6)


@every_case
def test_research_on_the_gpu_repeats_its_bits(name, case):
    op, gpu = REGISTRY[name], Device("cuda")
    args = tuple(research.Tensor(a).to(gpu) if isinstance(a, np.ndarray) else a for a in as_float32(case.args))
    first, second = op(*args, **case.attrs), op(*args, **case.attrs)
    for a, b in zip(first, second, strict=True) if isinstance(first, tuple) else [(first, second)]:
        assert same_bits(a.array, b.array)
