"""Datasets of binary files: MNIST's IDX, CIFAR's binaries, NumPy's, and folders of images."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from research.data.dataset import DataError, Dataset

IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
CIFAR_IMAGE = 3 * 32 * 32
IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")


def _exists(path: Any) -> Path:
    path = Path(path)
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    return path


def read_idx(path: Any) -> np.ndarray:
    """The array of an IDX file, as MNIST's are, also compressed as .gz.

    Raises DataError for a file that is none, or does not have the values that its header promises.
    """
    path = _exists(path)
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        try:
            head = file.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in IDX_TYPES:
                raise DataError(f"{path} is no IDX file: it begins with {head.hex(' ') or 'nothing'}")
            dtype, ndim = np.dtype(IDX_TYPES[head[2]]), head[3]
            sizes = file.read(4 * ndim)
            if len(sizes) < 4 * ndim:
                raise DataError(f"{path} is cut off within its header, of {ndim} axes")
            shape = tuple(int.from_bytes(sizes[4 * i : 4 * i + 4], "big") for i in range(ndim))
            values = file.read()  # what there is, not what the header promises
        except (EOFError, OSError, zlib.error) as error:
            raise DataError(f"{path} is damaged: {error}") from error
    expected = math.prod(shape) * dtype.itemsize
    if len(values) != expected:
        row = len(values) // max(1, expected // max(1, shape[0] if shape else 1))
        rest = f"cut off within record {row}" if len(values) < expected else "longer than that"
        raise DataError(f"{path} promises {list(shape)}, {expected} bytes; it has {len(values)}, and is {rest}")
    return np.frombuffer(values, dtype).reshape(shape).astype(dtype.newbyteorder("="))


class IdxDataset(Dataset):
    """Images and labels of two IDX files: samples (image, label). Raises DataError when their lengths differ."""

    def __init__(self, images: Any, labels: Any, transform: Callable | None = None):
        self.images, self.labels, self.transform = read_idx(images), read_idx(labels), transform
        if len(self.images) != len(self.labels):
            raise DataError(f"{images} has {len(self.images)} images, {labels} has {len(self.labels)} labels")

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image = self.images[index]
        return image if self.transform is None else self.transform(image), int(self.labels[index])

    def __len__(self) -> int:
        return len(self.images)


class CifarDataset(Dataset):
    """CIFAR's binary files: samples (image (3, 32, 32) of bytes, label).

    CIFAR-10 has one byte of label before each image; CIFAR-100 two, of which the second, `fine`, is taken.
    """

    def __init__(self, paths: Any, transform: Callable | None = None, classes: int = 10):
        if classes not in (10, 100):
            raise ValueError(f"CIFAR has 10 or 100 classes; got {classes}")
        labels, self.transform = (1 if classes == 10 else 2), transform
        size, parts = labels + CIFAR_IMAGE, []
        for path in map(_exists, [paths] if isinstance(paths, str | Path) else paths):
            whole, rest = divmod(path.stat().st_size, size)
            if rest:
                raise DataError(f"{path} is cut off within record {whole}: records have {size} bytes")
            parts.append(np.fromfile(path, np.uint8).reshape(whole, size))
            wrong = np.flatnonzero(parts[-1][:, labels - 1] >= classes)
            if wrong.size:
                label = parts[-1][wrong[0], labels - 1]
                raise DataError(f"{path}: record {wrong[0]} has label {label}; there are {classes} classes")
        records = np.concatenate(parts)
        self.labels = records[:, labels - 1].astype(np.int64)
        self.images = records[:, labels:].reshape(-1, 3, 32, 32)

    __getitem__, __len__ = IdxDataset.__getitem__, IdxDataset.__len__


class ArrayDataset(Dataset):
    """Arrays side by side, by name: samples are dicts of their entries. See `from_npz` and `from_npy`."""

    def __init__(self, **arrays: np.ndarray):
        lengths = {name: len(a) for name, a in arrays.items()}
        if len(set(lengths.values())) != 1:
            raise DataError(f"the arrays of a dataset have one length; got {lengths or 'none'}")
        self.arrays = arrays

    @classmethod
    def from_npz(cls, path: Any) -> ArrayDataset:
        """All arrays of an .npz file. Pickled objects are refused."""
        path = _exists(path)
        try:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                return cls(**{name: file[name] for name in file.files})
        except DataError:
            raise
        except Exception as error:  # a zip file has many ways to be damaged
            raise DataError(f"{path} is damaged or no .npz file of arrays: {error}") from error

    @classmethod
    def from_npy(cls, **paths: Any) -> ArrayDataset:
        """.npy files by name, mapped into memory: only what is asked for is read."""
        arrays = {}
        for name, path in paths.items():
            try:
                arrays[name] = np.load(_exists(path), mmap_mode="r", allow_pickle=False)
            except ValueError as error:
                raise DataError(f"{path} is damaged, cut off, or no .npy file: {error}") from error
        return cls(**arrays)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {name: np.array(a[index]) for name, a in self.arrays.items()}

    def batch(self, indices: np.ndarray) -> dict[str, Any]:
        from research.tensor import Tensor

        return {name: Tensor(np.array(a[indices])) for name, a in self.arrays.items()}

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))


class ImageFolder(Dataset):
    """Images in a folder for each class: samples (image, label). Needs Pillow."""

    def __init__(self, root: Any, transform: Callable | None = None):
        self.root, self.transform = Path(root), transform
        if not self.root.is_dir():
            raise DataError(f"there is no folder {self.root}")
        self.classes = sorted(p.name for p in self.root.iterdir() if p.is_dir())
        self.samples = [
            (path, label)
            for label, name in enumerate(self.classes)
            for path in sorted((self.root / name).rglob("*"))
            if path.suffix.lower() in IMAGES
        ]
        if not self.samples:
            raise DataError(f"{self.root} has no images in folders of classes ({', '.join(IMAGES)})")

    def __getitem__(self, index: int) -> tuple[Any, int]:
        from PIL import Image, UnidentifiedImageError

        path, label = self.samples[index]
        try:
            with Image.open(path) as image:
                loaded = image.convert("RGB")
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
            raise DataError(f"image {index}, {path}, cannot be read: {error}") from error
        return loaded if self.transform is None else self.transform(loaded), label

    def __len__(self) -> int:
        return len(self.samples)
