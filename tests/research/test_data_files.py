"""Readers: good files, and files that are cut off, wrong or hostile; each error names the file and the place."""

import gzip
import itertools
import struct

import numpy as np
import pytest

import research as torch
from research import data
from research.data import DataError


def idx(array, code):
    head = struct.pack(">HBB", 0, code, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def test_idx_files(tmp_path):
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    (tmp_path / "images").write_bytes(idx(images, 8))
    (tmp_path / "labels.gz").write_bytes(gzip.compress(idx(np.array([7, 3], np.uint8), 8)))
    dataset = data.IdxDataset(tmp_path / "images", tmp_path / "labels.gz", transform=data.transforms.ToTensor())
    image, label = dataset[1]
    assert (len(dataset), label) == (2, 3)
    np.testing.assert_allclose(image.numpy()[0], images[1] / 255, rtol=1e-6)
    floats = np.array([[1.5, -2.0]], np.float32)
    (tmp_path / "floats").write_bytes(idx(floats, 13))
    assert data.read_idx(tmp_path / "floats").tolist() == floats.tolist()


@pytest.mark.parametrize("compressed", [False, True])
def test_an_idx_file_that_is_cut_off_anywhere_is_refused(tmp_path, compressed):
    path = tmp_path / ("file.gz" if compressed else "file")
    whole = idx(np.arange(24, dtype=np.uint8).reshape(2, 3, 4), 8)
    whole = gzip.compress(whole) if compressed else whole
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=str(path)):
            data.read_idx(path)


def test_an_idx_header_that_promises_terabytes_allocates_nothing(tmp_path):
    (tmp_path / "huge").write_bytes(struct.pack(">HBB3I", 0, 14, 3, 2**31, 2**31, 2**10))
    with pytest.raises(DataError, match=r"promises .* it has 0, and is cut off within record 0"):
        data.read_idx(tmp_path / "huge")


def test_lengths_that_differ_are_named(tmp_path):
    (tmp_path / "i").write_bytes(idx(np.zeros((2, 1), np.uint8), 8))
    (tmp_path / "l").write_bytes(idx(np.zeros(3, np.uint8), 8))
    with pytest.raises(DataError, match=r"has 2 images, .* has 3 labels"):
        data.IdxDataset(tmp_path / "i", tmp_path / "l")


def test_cifar(tmp_path):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (3, 3072), np.uint8), np.array([[0], [9], [4]], np.uint8)
    (tmp_path / "a.bin").write_bytes(np.hstack([labels, images]).tobytes())
    dataset = data.CifarDataset([tmp_path / "a.bin", tmp_path / "a.bin"])
    image, label = dataset[4]
    assert (len(dataset), label, image.shape) == (6, 9, (3, 32, 32))
    np.testing.assert_array_equal(image.reshape(-1), images[1])
    (tmp_path / "b.bin").write_bytes(np.hstack([labels, labels * 11, images]).tobytes())
    assert data.CifarDataset(tmp_path / "b.bin", classes=100)[1][1] == 99
    (tmp_path / "c.bin").write_bytes(np.hstack([labels, images]).tobytes()[:-1])
    with pytest.raises(DataError, match=r"c\.bin is cut off within record 2"):
        data.CifarDataset(tmp_path / "c.bin")
    (tmp_path / "d.bin").write_bytes(np.hstack([labels + 5, images]).tobytes())
    with pytest.raises(DataError, match=r"d\.bin: record 1 has label 14; there are 10 classes"):
        data.CifarDataset(tmp_path / "d.bin")


def test_npz_and_mapped_npy(tmp_path):
    x, y = np.arange(12.0).reshape(4, 3), np.arange(4)
    np.savez(tmp_path / "a.npz", x=x, y=y)
    dataset = data.ArrayDataset.from_npz(tmp_path / "a.npz")
    assert dataset[2]["x"].tolist() == [6.0, 7.0, 8.0]
    np.save(tmp_path / "x.npy", x)
    mapped = data.ArrayDataset.from_npy(x=tmp_path / "x.npy")
    assert isinstance(mapped.arrays["x"], np.memmap)
    (batch,) = data.DataLoader(mapped, 4)
    assert batch["x"].tolist() == x.tolist()
    np.savez(tmp_path / "evil.npz", x=np.array([print], object))
    for name in ("evil.npz", "cut.npz"):
        (tmp_path / "cut.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:100])
        with pytest.raises(DataError, match=f"{name} is damaged or no .npz file"):
            data.ArrayDataset.from_npz(tmp_path / name)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:-5])
    with pytest.raises(DataError, match=r"cut\.npy is damaged, cut off"):
        data.ArrayDataset.from_npy(x=tmp_path / "cut.npy")
    with pytest.raises(DataError, match=r"one length; got \{'x': 4, 'y': 3\}"):
        data.ArrayDataset(x=x, y=y[:3])


def test_a_folder_of_images(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name, shade in (("cats", 0), ("dogs", 255)):
        (tmp_path / name).mkdir()
        image.fromarray(np.full((4, 5), shade, np.uint8)).save(tmp_path / name / "1.png")
    dataset = data.ImageFolder(tmp_path, transform=data.transforms.ToTensor())
    assert dataset.classes == ["cats", "dogs"]
    picture, label = dataset[1]
    assert (picture.shape, label, picture.numpy().min()) == ((3, 4, 5), 1, 1.0)
    (tmp_path / "dogs" / "2.png").write_bytes((tmp_path / "dogs" / "1.png").read_bytes()[:40])
    with pytest.raises(DataError, match=r"image 2, .*2\.png, cannot be read"):
        data.ImageFolder(tmp_path)[2]
    with pytest.raises(DataError, match="there is no folder"):
        data.ImageFolder(tmp_path / "birds")


def test_csv(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b,kind\n1,2.5,0\n\n3,-1e3,1\n")
    x, y = data.CsvDataset(path, target="kind").tensors
    assert (x.tolist(), y.tolist(), y.dtype.name) == ([[1.0, 2.5], [3.0, -1000.0]], [0, 1], "int64")
    assert data.CsvDataset(path, columns=["b"]).tensors[0].tolist() == [[2.5], [-1000.0]]
    for text, words in [
        ("a,b\n1,2\n3\n", "line 3: 1 values; there are 2 columns"),
        ("a,b\n1,2\n3,four\n", "line 3: column 'b' holds 'four', which is no number"),
        ("a,b\n", "has no rows"),
        ("", "is empty"),
    ]:
        path.write_text(text)
        with pytest.raises(DataError, match=words):
            data.CsvDataset(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="has no column 'c'; it has a, b"):
        data.CsvDataset(path, target="c")


def test_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    path = tmp_path / "table.parquet"
    parquet.write_table(pyarrow.table({"a": [1.0, 2.0], "kind": [1, 0]}), path)
    x, y = data.ParquetDataset(path, target="kind").tensors
    assert (x.tolist(), y.tolist()) == ([[1.0], [2.0]], [1, 0])
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(DataError, match="is damaged, or no Parquet file"):
        data.ParquetDataset(path)
    parquet.write_table(pyarrow.table({"a": [1.0, None]}), path)
    with pytest.raises(DataError, match="row 1: column 'a' has no value"):
        data.ParquetDataset(path)


def test_lines_and_windows(tmp_path):
    path = tmp_path / "text"
    path.write_bytes("eins\r\nzwei\nünf".encode())
    lines = data.LineDataset(path, transform=str.upper)
    assert [lines[i] for i in range(3)] == ["EINS", "ZWEI", "ÜNF"]
    assert lines[-1] == "ÜNF"
    path.write_bytes(b"good\n\xff\xfe\n")
    with pytest.raises(DataError, match="line 2"):
        data.LineDataset(path)[1]
    windows = data.WindowDataset(np.arange(10), 3, stride=2)
    assert [w[0].tolist() for w in (windows[i] for i in range(len(windows)))] == [
        [0, 1, 2],
        [2, 3, 4],
        [4, 5, 6],
        [6, 7, 8],
    ]
    assert windows[-1][1].tolist() == [7, 8, 9]
    with pytest.raises(ValueError, match="windows of 10 need a longer row"):
        data.WindowDataset(np.arange(10), 10)


def test_a_missing_file_is_named(tmp_path):
    for read in (data.read_idx, data.CsvDataset, data.CifarDataset, data.LineDataset, data.ArrayDataset.from_npz):
        with pytest.raises(DataError, match=r"there is no file .*nothing"):
            read(tmp_path / "nothing")


def test_a_cache_reads_once_and_keeps_within_its_bytes():
    read = []

    class Counting(data.Dataset):
        def __len__(self):
            return 10

        def __getitem__(self, i):
            read.append(i)
            return np.full(100, i, np.float32)

    cached = data.CachedDataset(Counting(), max_bytes=1000)
    for i in [0, 1, 0, 0]:
        cached[i]
    assert (read, cached.hits, cached.misses) == ([0, 1], 2, 2)
    cached[2]
    assert cached.nbytes <= 1000
    cached[0]
    assert read == [0, 1, 2]
    cached[1]
    assert read == [0, 1, 2, 1]
    threads = [batch.tolist() for batch in data.DataLoader(data.CachedDataset(Counting()), 2, num_workers=4)]
    assert [b[0][0] for b in threads] == [0, 2, 4, 6, 8]


def test_datasets_put_together():
    a, b = data.TensorDataset(np.arange(3)), data.TensorDataset(np.arange(10, 12))
    both = a + b
    assert [both[i][0].item() for i in range(-5, 5)] == [0, 1, 2, 10, 11] * 2
    with pytest.raises(IndexError, match="has 5 samples; there is no 5"):
        both[5]
    parts = data.random_split(a, [0.5, 0.5], torch.Generator().manual_seed(0))
    assert [len(p) for p in parts] == [2, 1]
    with pytest.raises(ValueError, match="shares are not negative and add up to 1"):
        data.random_split(a, [0.5, 0.6])


def test_samplers():
    drawn = torch.Generator().manual_seed(0)
    weighted = list(data.WeightedRandomSampler([0, 1, 3], 4000, generator=drawn))
    assert 0 not in weighted
    assert weighted.count(2) / 4000 == pytest.approx(0.75, abs=0.03)
    assert sorted(data.SubsetRandomSampler([3, 5, 9])) == [3, 5, 9]
    assert len(list(data.RandomSampler(range(4), num_samples=10))) == 10
    shares = [list(data.DistributedSampler(range(10), 3, rank, seed=4)) for rank in range(3)]
    assert {len(s) for s in shares} == {4}
    assert set(itertools.chain(*shares)) == set(range(10))
    sampler = data.DistributedSampler(range(10), 3, 0, seed=4)
    sampler.set_epoch(1)
    assert list(sampler) != shares[0]
    with pytest.raises(ValueError, match="a rank is from 0 to 2; got 3"):
        data.DistributedSampler(range(10), 3, 3)
