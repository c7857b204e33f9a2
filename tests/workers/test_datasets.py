"""Data: the split, and what is refused."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from workers import datasets
from workers.experiment import DigitsData, NpzData
from workers.problems import SpecProblem


def digits(**settings):
    return datasets.load(DigitsData.model_validate({"source": "digits"} | settings))


def npz(folder, loss="cross_entropy", validation=0.25, **arrays):
    np.savez(folder / "my.npz", **arrays)
    return datasets.load(NpzData(source="npz", path=str(folder / "my.npz"), validation=validation), loss)


def rows(n=40, shape=(3,)):
    return np.random.default_rng(0).normal(size=(n, *shape)).astype(np.float32)


def test_digits():
    data = digits()
    assert (data.train_x.shape, data.held_out_x.shape) == ((1438, 1, 8, 8), (359, 1, 8, 8))
    assert (data.train_x.dtype, data.train_y.dtype) == (np.float32, np.int64)
    assert (data.train_x.min(), data.train_x.max()) == (0, 1)
    assert (data.input_shape, data.classes, data.class_names[-1]) == ((1, 8, 8), 10, "9")


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    theirs, (x, y) = load_digits(), datasets._digits()
    assert np.array_equal(x[:, 0] * 16, theirs.images)
    assert np.array_equal(y, theirs.target)


def test_the_split_is_fixed_disjoint_and_stratified():
    data, again, other = digits(), digits(), digits(split_seed=1)
    assert np.array_equal(data.held_out_x, again.held_out_x)
    assert not np.array_equal(data.held_out_x, other.held_out_x)
    everything = np.concatenate([data.train_x, data.held_out_x]).reshape(1797, -1)
    assert len(np.unique(everything, axis=0)) == len(np.unique(other_rows(other), axis=0))
    for label in range(10):
        share = (data.held_out_y == label).sum() / ((data.held_out_y == label).sum() + (data.train_y == label).sum())
        assert share == pytest.approx(0.2, abs=0.01)


def other_rows(data):
    return np.concatenate([data.train_x, data.held_out_x]).reshape(1797, -1)


def test_npz_takes_any_numbers_and_keeps_pairs_together(tmp_path):
    x = np.arange(120, dtype=np.uint8).reshape(40, 3)
    data = npz(tmp_path, x=x, y=x[:, 0] // 40)
    assert (len(data.train_x), len(data.held_out_x), data.classes, data.name) == (30, 10, 3, "my")
    assert np.array_equal(data.train_x[:, 0] // 40, data.train_y)


def test_float_targets_for_mse(tmp_path):
    data = npz(tmp_path, loss="mse", x=rows(), y=rows()[:, 0])
    assert (data.train_y.shape, data.train_y.dtype, data.classes) == ((30, 1), np.float32, 0)


def spoiled(value):
    x = rows()
    x[7, 1] = value
    return x


BAD = {
    "nan": ({"x": spoiled(np.nan), "y": np.zeros(40, int)}, "x needs finite float32 numbers; row 7 holds nan"),
    "inf": ({"x": spoiled(np.inf), "y": np.zeros(40, int)}, "row 7 holds inf"),
    "too large for float32": ({"x": np.full((4, 1), 1e300), "y": np.zeros(4, int)}, "row 0 holds inf"),
    "no y": ({"x": rows()}, r"needs the arrays x and y; it holds x\."),
    "nothing": ({}, r"needs the arrays x and y; it holds none\."),
    "lengths": ({"x": rows(), "y": np.zeros(39, int)}, "x has 40 rows, y has shape"),
    "one axis": ({"x": rows()[:, 0], "y": np.zeros(40, int)}, "with at least two axes"),
    "empty": ({"x": rows(0), "y": np.zeros(0, int)}, "x is empty"),
    "texts": ({"x": np.array([["a"], ["b"]]), "y": np.zeros(2, int)}, "x needs to hold numbers; got dtype <U1"),
    "objects": ({"x": rows(), "y": np.array([{}] * 40)}, "Python objects"),
    "float labels": ({"x": rows(), "y": np.zeros(40)}, "y needs whole-number labels .* or use loss: mse"),
    "negative": ({"x": rows(), "y": np.r_[np.zeros(39, int), -1]}, "y has -1 in row 39"),
    "one-hot": ({"x": rows(), "y": np.zeros((40, 2), int)}, "one label per row"),
    "huge label": ({"x": rows(), "y": np.r_[np.zeros(39, int), 10**9]}, "y has 1000000000 in row 39"),
    "too few rows": ({"x": rows(3), "y": np.zeros(3, int)}, "3 rows are too few to hold out a share of 0.25"),
}


@pytest.mark.parametrize(("arrays", "told"), BAD.values(), ids=BAD.keys())
def test_bad_arrays_are_named(tmp_path, arrays, told):
    with pytest.raises(SpecProblem, match=told) as problem:
        npz(tmp_path, **arrays)
    assert str(tmp_path / "my.npz") in problem.value.args[0]


def test_bad_targets_are_named(tmp_path):
    with pytest.raises(SpecProblem, match="y needs finite float32 numbers; row 7 holds nan"):
        npz(tmp_path, loss="mse", x=rows(), y=spoiled(np.nan))


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04 torn"])
def test_a_damaged_file(tmp_path, content):
    path = tmp_path / "my.npz"
    path.write_bytes(content)
    with pytest.raises(SpecProblem, match=r"is not a readable \.npz file|holds Python objects"):
        datasets.load(NpzData(source="npz", path=str(path)))


def test_whatever_bytes_are_damaged(tmp_path):
    path = tmp_path / "my.npz"
    np.savez_compressed(path, x=rows(), y=np.arange(len(rows())) % 2)
    whole, drawn = path.read_bytes(), np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(whole)
        for position in drawn.integers(len(whole), size=3):
            damaged[position] = drawn.integers(256)
        path.write_bytes(damaged)
        with contextlib.suppress(SpecProblem):
            datasets.load(NpzData(source="npz", path=str(path)))


def test_a_single_array_is_no_npz(tmp_path):
    np.save(tmp_path / "x.npy", rows())
    with pytest.raises(SpecProblem, match=r"single array"):
        datasets.load(NpzData(source="npz", path=str(tmp_path / "x.npy")))


def test_mse_on_labels_is_refused():
    with pytest.raises(SpecProblem, match="mse needs float targets; the digits have labels"):
        datasets.load(DigitsData(source="digits"), "mse")
