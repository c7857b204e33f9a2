"""The rows of an experiment, checked and split: nothing that would train into nonsense gets past here."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workers.experiment import DigitsData, NpzData
from workers.problems import SpecProblem, listed


@dataclass(frozen=True)
class Dataset:
    """Training and held-out rows: x float32 (n, ...), y int64 (n,) labels or float32 targets for mse."""

    name: str
    train_x: np.ndarray
    train_y: np.ndarray
    held_out_x: np.ndarray
    held_out_y: np.ndarray
    class_names: tuple[str, ...]  # empty for float targets

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        return self.train_x.shape[1:]

    @property
    def classes(self) -> int:
        """Number of classes; 0 for float targets."""
        return len(self.class_names)


def load(data: DigitsData | NpzData, loss: str = "cross_entropy") -> Dataset:
    """Reads, checks and splits the rows of a spec. Raises SpecProblem."""
    if isinstance(data, DigitsData):
        x, y = _digits()
        where, name = "data.source digits", "digits"
        if loss == "mse":
            raise SpecProblem("loss: mse needs float targets; the digits have labels. Use loss: cross_entropy.")
    else:
        x, y = _npz(Path(data.path))
        where, name = f"data.path {data.path}", Path(data.path).stem
        x = _checked_x(x, where)
        y = _checked_targets(y, len(x), where) if loss == "mse" else _checked_labels(y, len(x), where)
    if data.validation * len(x) < 1 or len(x) - int(data.validation * len(x)) < 1:
        raise SpecProblem(
            f"{where}: {len(x)} rows are too few to hold out a share of {data.validation}: "
            "training and held-out part need a row each."
        )
    held_out = _held_out_rows(y, data.validation, data.split_seed)
    names = () if loss == "mse" else tuple(str(label) for label in range(int(y.max()) + 1))
    return Dataset(name, x[~held_out], y[~held_out], x[held_out], y[held_out], names)


def _digits() -> tuple[np.ndarray, np.ndarray]:
    table = _digits_table()
    return (table[:, :64] / 16.0).astype(np.float32).reshape(-1, 1, 8, 8), table[:, 64].astype(np.int64)


def _digits_table() -> np.ndarray:
    """Pixels 0..16 and label of each image, (1797, 65)."""
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise SpecProblem(
            "data.source: digits come with scikit-learn, which is not installed: pip install scikit-learn."
        )
    file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if file.is_file():  # importing sklearn.datasets takes two seconds, reading its file a tenth of one
        return np.loadtxt(file, delimiter=",", dtype=np.float64)
    from sklearn.datasets import load_digits

    digits = load_digits()
    return np.column_stack([digits.data, digits.target])


def _npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    where = f"data.path {path}"
    try:
        with open(path, "rb") as file:  # NumPy leaves a torn file open
            arrays = np.load(file, allow_pickle=False)
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise SpecProblem(f"{where}: needs an .npz file with the arrays x and y; this is a single array.")
            missing = [key for key in ("x", "y") if key not in arrays.files]
            if missing:
                raise SpecProblem(f"{where}: needs the arrays x and y; it holds {listed(arrays.files) or 'none'}.")
            return arrays["x"], arrays["y"]
    except FileNotFoundError:
        raise SpecProblem(f"{where}: there is no such file.") from None
    except SpecProblem:
        raise
    except Exception as error:  # only the file can be wrong: zip, zlib and NumPy have errors of their own
        if "allow_pickle" in str(error) or "Object arrays" in str(error):
            reason = "it holds Python objects (pickle), which are never read; save plain arrays of numbers"
        else:
            reason = (
                f"it is not a readable .npz file ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
            )
        raise SpecProblem(f"{where}: {reason}.") from None


def _checked_x(x: np.ndarray, where: str) -> np.ndarray:
    if x.dtype.kind not in "fiub":
        raise SpecProblem(f"{where}: x needs to hold numbers; got dtype {x.dtype}.")
    if x.ndim < 2:
        raise SpecProblem(f"{where}: x needs a row per example, (n, ...) with at least two axes; got shape {x.shape}.")
    if x.size == 0:
        raise SpecProblem(f"{where}: x is empty, shape {x.shape}; there is nothing to learn from.")
    with np.errstate(over="ignore"):  # what does not fit in float32 turns to inf, and is named below
        x = np.ascontiguousarray(x, dtype=np.float32)
    _check_finite(x, "x", where)
    return x


def _check_length(y: np.ndarray, rows: int, where: str) -> None:
    if y.ndim == 0 or len(y) != rows:
        raise SpecProblem(f"{where}: needs one y per row of x; x has {rows} rows, y has shape {y.shape}.")


def _checked_labels(y: np.ndarray, rows: int, where: str) -> np.ndarray:
    _check_length(y, rows, where)
    if y.ndim != 1:
        raise SpecProblem(f"{where}: y needs one label per row, shape (n,), for cross_entropy; got shape {y.shape}.")
    if y.dtype.kind not in "iu":
        raise SpecProblem(
            f"{where}: y needs whole-number labels for cross_entropy; got dtype {y.dtype}. "
            "Save labels as integers, or use loss: mse for float targets."
        )
    if y.min() < 0:
        row = int(np.argmax(y < 0))
        raise SpecProblem(f"{where}: labels count from 0; y has {y[row]} in row {row}.")
    if y.max() >= max(1000, rows):
        row = int(np.argmax(y))
        raise SpecProblem(
            f"{where}: labels name classes 0, 1, 2, …; y has {y[row]} in row {row}, more than there are rows."
        )
    return y.astype(np.int64)


def _checked_targets(y: np.ndarray, rows: int, where: str) -> np.ndarray:
    _check_length(y, rows, where)
    if y.dtype.kind not in "fiu":
        raise SpecProblem(f"{where}: y needs numbers for mse; got dtype {y.dtype}.")
    with np.errstate(over="ignore"):
        y = y.astype(np.float32)
    _check_finite(y, "y", where)
    return y if y.ndim > 1 else y[:, None]


def _check_finite(array: np.ndarray, name: str, where: str) -> None:
    fine = np.isfinite(array).reshape(len(array), -1).all(axis=1)
    if not fine.all():
        row = int(np.argmin(fine))
        bad = array[row][~np.isfinite(array[row])].flat[0]
        raise SpecProblem(
            f"{where}: {name} needs finite float32 numbers; row {row} holds {bad} ({int((~fine).sum())} such rows)."
        )


def _held_out_rows(y: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Which rows are held out, (n,) bool: `share` of the rows, of each class alike."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    if y.ndim == 1:
        order = order[np.argsort(y[order], kind="stable")]  # class by class, shuffled within each
    # every 1/share-th row along the order: the right count over all, and within one row in each class
    marks = np.floor((np.arange(len(y)) + 1) * share) > np.floor(np.arange(len(y)) * share)
    held_out = np.zeros(len(y), dtype=bool)
    held_out[order[marks]] = True
    return held_out
