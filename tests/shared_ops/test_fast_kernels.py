"""Every fast form gives what the plain NumPy kernel of its op gives, on every row of cases."""

import numpy as np
import pytest

from cases import ALL, IDS
from shared_ops.ops import REGISTRY


def as_float32(args):
    return tuple(a.astype("float32") if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in args)


@pytest.mark.parametrize(("name", "case"), ALL, ids=IDS)
def test_fast_form_agrees_with_the_reference(name, case):
    op, args = REGISTRY[name], as_float32(case.args)
    wanted, got = op.kernel(np, *args, **case.attrs), op(*args, **case.attrs)
    for want, have in zip(wanted, got, strict=True) if isinstance(wanted, tuple) else [(wanted, got)]:
        assert np.asarray(have).dtype == np.asarray(want).dtype
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)
