"""Fold: the windows of images as columns, and columns added back into images; convolution and pooling build on it.

An image is (n, c, *size) with any number of image axes, and a setting is a tuple with one number for each of them.
"""

from __future__ import annotations

import itertools
import math

from shared_ops.dim import Dim
from shared_ops.op import op
from shared_ops.spec import Spec, check, shape_of, spec_of

IN_WORDS = {1: "one whole number", 2: "two whole numbers", 3: "three whole numbers"}
IMAGES = {1: "(n, c, length)", 2: "(n, c, h, w)", 3: "(n, c, d, h, w)"}


# sizes and settings -----------------------------------------------------------------------------------------------
def out_size(size, kernel, stride, padding, dilation=1):
    """How many windows fit: Dumoulin & Visin 2016, relationship 15."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def out_sizes(*settings):
    """The same for each image axis: sizes, kernel, stride, padding, dilation."""
    return tuple(out_size(*axis) for axis in zip(*settings, strict=True))


def per_axis(value, rank):
    """3 -> (3, 3); (3, 5) stays."""
    return tuple(value) if isinstance(value, tuple | list) else (value,) * rank


def check_images(name, rank, x):
    """Raise SpecError unless x, an array, a tensor or a node, has this many image axes."""
    check(len(shape_of(spec_of(x))) == rank + 2, f"{name} needs images {IMAGES[rank]}", x=spec_of(x))


def check_settings(name, rank, **settings):
    """Each setting has a whole number for each image axis; paddings start at 0, the others at 1."""
    for setting, numbers in settings.items():
        least = int("padding" not in setting)
        fine = isinstance(numbers, tuple | list) and len(numbers) == rank
        fine = fine and all(isinstance(n, int) and n >= least for n in numbers)
        words = f"{IN_WORDS.get(rank, f'{rank} whole numbers')} of at least {least}"
        check(fine, f"{name} needs {setting} as {words}", **{setting: numbers})


def check_fits(name, out, x, kernel):
    """Raise SpecError unless each image axis holds a window."""
    fits = all(isinstance(n, Dim) or n > 0 for n in out)
    check(fits, f"{name} needs images at least as large as its kernel", x=x, kernel=kernel)


# windows ----------------------------------------------------------------------------------------------------------
def taps(kernel, stride, dilation, out):
    """For each place in the kernel: the place, and the index of the values that meet it, one for each window."""
    for place in itertools.product(*map(range, kernel)):
        axes = zip(place, stride, dilation, out, strict=True)
        yield place, (..., *(slice(i * d, i * d + s * (n - 1) + 1, s) for i, s, d, n in axes))


def padded(xp, x, before, after, value=0):
    """Images with that many values before and after each image axis."""
    if not any(before) and not any(after):
        return x
    sizes = [b + n + a for b, n, a in zip(before, x.shape[2:], after, strict=True)]
    out = xp.full((*x.shape[:2], *sizes), value, x.dtype)
    out[inside(before, x.shape[2:])] = x
    return out


def inside(before, size):
    """The index of the images in what `padded` made of them."""
    return (..., *(slice(b, b + n) for b, n in zip(before, size, strict=True)))


def columns_of(xp, x, kernel, stride, padding, dilation):
    """Every window: (n, c, *size) -> (n, c, *kernel, *out)."""
    out = out_sizes(x.shape[2:], kernel, stride, padding, dilation)
    x = padded(xp, x, padding, padding)
    columns = xp.empty((*x.shape[:2], *kernel, *out), x.dtype)
    for place, met in taps(kernel, stride, dilation, out):
        columns[(slice(None), slice(None), *place)] = x[met]
    return columns


def add_columns(xp, columns, size, stride, padding, dilation):
    """Windows added back into images of a size: (n, c, *kernel, *out) -> (n, c, *size)."""
    rank = len(size)
    kernel, out = columns.shape[2 : rank + 2], columns.shape[rank + 2 :]
    images = xp.zeros((*columns.shape[:2], *(n + 2 * p for n, p in zip(size, padding, strict=True))), columns.dtype)
    for place, met in taps(kernel, stride, dilation, out):
        images[met] += columns[(slice(None), slice(None), *place)]
    return xp.ascontiguousarray(images[inside(padding, size)])


# ops --------------------------------------------------------------------------------------------------------------
@op
def im2col(xp, x, *, kernel_size, stride, padding, dilation):
    """Each window as a column: (n, c, *size) -> (n, c*kernel, windows)."""
    columns = columns_of(xp, x, kernel_size, stride, padding, dilation)
    n, c = x.shape[:2]
    return columns.reshape(n, c * math.prod(kernel_size), math.prod(columns.shape[2 + len(kernel_size) :]))


@im2col.spec
def im2col_spec(x, *, kernel_size, stride, padding, dilation):
    return _columns_spec("im2col", x, kernel_size, stride, padding, dilation)


def _columns_spec(name, x, kernel_size, stride, padding, dilation):
    check(len(shape_of(x)) >= 3, f"{name} needs images (n, c, *size)", x=x)
    check_settings(name, x.ndim - 2, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    out = out_sizes(x.shape[2:], kernel_size, stride, padding, dilation)
    check_fits(name, out, x, kernel_size)
    return Spec((x.shape[0], x.shape[1] * math.prod(kernel_size), math.prod(out)), x.dtype)


@im2col.grad
def im2col_grad(g, x_spec, kernel_size, stride, padding, dilation):
    how = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}
    return col2im(g, size=x_spec.shape[2:], **how)


@op
def col2im(xp, y, *, size, kernel_size, stride, padding, dilation):
    """Columns added back into images where their windows were: (n, c*kernel, windows) -> (n, c, *size)."""
    out = out_sizes(size, kernel_size, stride, padding, dilation)
    columns = y.reshape(y.shape[0], y.shape[1] // math.prod(kernel_size), *kernel_size, *out)
    return add_columns(xp, columns, size, stride, padding, dilation)


@col2im.spec
def col2im_spec(y, *, size, kernel_size, stride, padding, dilation):
    check(len(shape_of(y)) == 3, "col2im needs columns (n, c*kernel, windows)", y=y)
    check(isinstance(size, tuple | list) and len(size) > 0, "col2im needs size as a tuple of image sizes", size=size)
    check_settings("col2im", len(size), kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    values = math.prod(kernel_size)
    check(y.shape[1] % values == 0, "col2im needs c*kernel rows", y=y, kernel_size=kernel_size)
    images = Spec((y.shape[0], y.shape[1] // values, *size), y.dtype)
    made = _columns_spec("col2im", images, kernel_size, stride, padding, dilation)
    check(made.shape[2] == y.shape[2], "col2im needs a column for each window", y=y, windows=made.shape[2])
    return images


@col2im.grad
def col2im_grad(g, kernel_size, stride, padding, dilation):
    return im2col(g, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)


def unfold(x, kernel_size, dilation=1, padding=0, stride=1):
    """Each window as a column: (n, c, h, w) -> (n, c*kh*kw, windows)."""
    check_images("unfold", 2, x)
    kernel_size, stride, padding, dilation = (per_axis(v, 2) for v in (kernel_size, stride, padding, dilation))
    return im2col(x, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)


def fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Columns added back into images where their windows were: (n, c*kh*kw, windows) -> (n, c, h, w)."""
    kernel_size, stride, padding, dilation = (per_axis(v, 2) for v in (kernel_size, stride, padding, dilation))
    size = per_axis(output_size, 2)
    return col2im(x, size=size, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
