"""The op table that both worlds stand on: every op once, as a kernel, a spec rule and a gradient rule.

`from shared_ops import ops` gives every op by name. Called on arrays an op computes; called on a research `Tensor`
or a production `Node` it asks that argument what to do.
"""

from shared_ops import process
