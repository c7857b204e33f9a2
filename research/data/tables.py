"""Datasets of tables and texts: CSV, Parquet, lines, and windows of a long text."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from research.data.dataset import DataError, Dataset, TensorDataset
from research.data.files import _exists


class CsvDataset(TensorDataset):
    """A CSV file of numbers with a line of names: samples (inputs float32, target).

    `target` names the column to be told, `columns` the inputs, all others unless named. Targets that are whole numbers
    are int64. Raises DataError with the line for a row that is short or has something else than numbers.
    """

    def __init__(
        self, path: Any, target: str | None = None, columns: Sequence[str] | None = None, delimiter: str = ","
    ):
        names, rows = _read_csv(_exists(path), delimiter)
        super().__init__(*_parts(path, names, rows, target, columns))


def _read_csv(path: Path, delimiter: str) -> tuple[list[str], np.ndarray]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, delimiter=delimiter)
        rows: list[list[float]] = []
        try:
            names = next(reader, [])
            if not names:
                raise DataError(f"{path} is empty; a CSV file begins with the names of its columns")
            for row in reader:
                if not row:
                    continue
                if len(row) != len(names):
                    raise DataError(
                        f"{path}, line {reader.line_num}: {len(row)} values; there are {len(names)} columns"
                    )
                rows.append(_numbers(path, reader.line_num, names, row))
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{path}, after line {reader.line_num}: {error}") from error
    if not rows:
        raise DataError(f"{path} has no rows")
    return names, np.array(rows, np.float64)


def _numbers(path: Path, line: int, names: list[str], row: list[str]) -> list[float]:
    values = []
    for name, text in zip(names, row, strict=True):
        try:
            values.append(float(text))
        except ValueError:
            raise DataError(f"{path}, line {line}: column {name!r} holds {text!r}, which is no number") from None
    return values


def _parts(
    path: Any, names: list[str], rows: np.ndarray, target: str | None, columns: Sequence[str] | None
) -> list[np.ndarray]:
    """Inputs and, where one is named, the target."""
    for name in [*(columns or ()), *([target] if target else ())]:
        if name not in names:
            raise DataError(f"{path} has no column {name!r}; it has {', '.join(names)}")
    inputs = [n for n in names if n != target] if columns is None else list(columns)
    parts = [rows[:, [names.index(n) for n in inputs]].astype(np.float32)]
    if target is not None:
        told = rows[:, names.index(target)]
        parts.append(told.astype(np.int64 if (told == np.rint(told)).all() else np.float32))
    return parts


class ParquetDataset(TensorDataset):
    """A Parquet file of numbers, read as CsvDataset reads CSV. Needs pyarrow."""

    def __init__(self, path: Any, target: str | None = None, columns: Sequence[str] | None = None):
        import pyarrow
        import pyarrow.parquet as parquet

        wanted = None if columns is None else [*columns, *([target] if target else [])]
        try:
            table = parquet.read_table(_exists(path), columns=wanted)
            values = [np.asarray(c.to_numpy(), np.float64) for c in table.columns]
        except (pyarrow.ArrowException, OSError, ValueError, TypeError) as error:
            raise DataError(f"{path} is damaged, or no Parquet file of numbers: {error}") from error
        for name, column in zip(table.column_names, table.columns, strict=True):
            if column.null_count:
                row = column.is_null().to_numpy().argmax()
                raise DataError(f"{path}, row {row}: column {name!r} has no value")
        super().__init__(*_parts(path, table.column_names, np.stack(values, 1), target, columns))


class LineDataset(Dataset):
    """The lines of a text file, read when they are asked for: only their places are kept."""

    def __init__(self, path: Any, transform: Callable[[str], Any] | None = None, encoding: str = "utf-8"):
        self.path, self.transform, self.encoding = _exists(path), transform, encoding
        starts = [0]
        with self.path.open("rb") as file:
            for line in file:
                starts.append(starts[-1] + len(line))
        self.starts = np.array(starts, np.int64)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self.path} has {len(self)} lines; there is no {index}")
        index %= len(self)
        with self.path.open("rb") as file:
            file.seek(int(self.starts[index]))
            raw = file.read(int(self.starts[index + 1] - self.starts[index]))
        try:
            line = raw.decode(self.encoding).rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise DataError(f"{self.path}, line {index + 1}: {error}") from None
        return line if self.transform is None else self.transform(line)


class WindowDataset(Dataset):
    """Pieces of a long row of numbers, for language models: samples (numbers (length,), the following (length,))."""

    def __init__(self, numbers: Any, length: int, stride: int | None = None):
        self.numbers, self.length, self.stride = np.asarray(numbers), length, stride or length
        if self.numbers.ndim != 1 or len(self.numbers) <= length:
            raise ValueError(f"windows of {length} need a longer row of numbers; got shape {self.numbers.shape}")

    def __len__(self) -> int:
        return (len(self.numbers) - self.length - 1) // self.stride + 1

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} windows; there is no {index}")
        start = (index % len(self)) * self.stride
        piece = self.numbers[start : start + self.length + 1]
        return piece[:-1].copy(), piece[1:].copy()
