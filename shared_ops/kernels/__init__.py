"""Fast forms of ops for CPUs, in Numba: the module `kernels.norm` has those of the ops in `norm`, in `KERNELS`.

A fast form takes NumPy arrays and numbers as the op does, and answers NotImplemented for what it is not made for, which
the op's plain NumPy kernel then does. It is loaded at the first call of an op of its family. `LOCKSTEP_KERNELS=numpy`
turns them all off.
"""
