"""Datasets, samplers, readers, transforms, and the loader that reads them ahead: torch.utils.data's names, and more."""

from research.data import transforms
from research.data.cache import CachedDataset
from research.data.collate import default_collate, fetch
from research.data.dataset import (
    ChainDataset,
    ConcatDataset,
    DataError,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    random_split,
)
from research.data.files import ArrayDataset, CifarDataset, IdxDataset, ImageFolder, read_idx
from research.data.loader import DataLoader
from research.data.sampler import (
    BatchSampler,
    DistributedSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from research.data.streams import WorkerInfo, get_worker_info
from research.data.tables import CsvDataset, LineDataset, ParquetDataset, WindowDataset
from research.data.workers import WorkerError

__all__ = [
    "ArrayDataset",
    "BatchSampler",
    "CachedDataset",
    "ChainDataset",
    "CifarDataset",
    "ConcatDataset",
    "CsvDataset",
    "DataError",
    "DataLoader",
    "Dataset",
    "DistributedSampler",
    "IdxDataset",
    "ImageFolder",
    "IterableDataset",
    "LineDataset",
    "ParquetDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "WindowDataset",
    "WorkerError",
    "WorkerInfo",
    "default_collate",
    "fetch",
    "get_worker_info",
    "random_split",
    "read_idx",
    "transforms",
]
