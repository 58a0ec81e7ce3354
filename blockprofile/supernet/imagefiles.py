"""Images and classes from files: a folder of images by class, idx, npz or Parquet.

What is decoded here is a uint8 array or a Pillow image and a class; sizes are in
`blockprofile.supernet.images`, splits and batches beside it. Nothing is unpickled. What cannot be read is named, never
left out silently.
"""

from __future__ import annotations

import gzip
import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, UnknownNameError

if TYPE_CHECKING:
    from PIL import Image

Part = Literal["train", "test"]
FORMS = (
    "a folder with train/CLASS/ and test/CLASS/, a folder of idx files (train-images-idx3-ubyte, gzipped or not), "
    "an .npz or a .parquet file, or a folder of train*.parquet and test*.parquet"
)
MAX_BYTES = 1 << 34
"""How much a compressed file may unfold to."""
_IGNORED = frozenset({"thumbs.db", "desktop.ini"})
_TESTS = ("test", "val", "validation")
_NPZ_KEYS = (
    ("x_{part}", "y_{part}"), ("{part}_images", "{part}_labels"), ("{part}_x", "{part}_y"),
)  # fmt: skip
_UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, zipfile.BadZipFile, KeyError)


@dataclass(frozen=True, slots=True)
class BadImage:
    """An image that cannot be read, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class RawImages:
    """Images before they have one size.

    Parameters
    ----------
    images
        One array (n, height, width[, channels]) of uint8, or what each image is read from.
    labels
        int64, shape (n,), indices into ``classes``.
    names
        Of the images, where each is a file or bytes of its own.
    """

    images: NDArray[np.uint8] | list[Path | bytes]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    names: list[str] = field(default_factory=list)


def read_images(path: Path, part: Part) -> RawImages:
    """Read the training or the test images of a data set.

    Raises
    ------
    UnknownNameError
        If there is no such file or folder, or it holds no such part.
    DataError
        If it is none of the forms that are read, or damaged.
    """
    if path.is_file() and path.suffix == ".npz":
        return _read_npz(path, part)
    if path.is_file() and path.suffix == ".parquet":
        return _read_parquet([path], part) if part == "train" else _missing(path, part)
    if path.is_dir():
        stems = ("train",) if part == "train" else ("t10k", "test")
        idx = [file for stem in stems for file in sorted(path.glob(f"{stem}-images*idx3-ubyte*"))]
        if idx:
            return _read_idx(idx[0])
        names = ("train",) if part == "train" else _TESTS
        tables = next((found for name in names if (found := sorted(path.glob(f"{name}*.parquet")))), [])
        if tables:
            return _read_parquet(tables, part)
        folders = [path / name for name in names if (path / name).is_dir()]
        if folders:
            return _read_folder(folders[0])
        if part == "test" and ((path / "train").is_dir() or any(path.glob("train*"))):
            return _missing(path, part)
    if not path.exists():
        raise UnknownNameError(f"there is no data set {str(path)!r}; give {FORMS}")
    raise DataError(f"{path} is no data set that is read; give {FORMS}")


def _missing(path: Path, part: str) -> RawImages:
    raise UnknownNameError(f"{str(path)!r} holds no {part} images")


def _read_folder(folder: Path) -> RawImages:
    classes = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not classes:
        raise DataError(f"{folder} holds no folder for a class; give {FORMS}")
    files: list[Path | bytes] = []
    labels: list[int] = []
    for number, name in enumerate(classes):
        held = [file for file in sorted((folder / name).iterdir()) if file.is_file() and _is_meant(file)]
        if not held:
            raise DataError(f"class {name!r} of {folder} holds no image")
        files += held
        labels += [number] * len(held)
    names = [str(file) for file in files]
    return RawImages(files, np.array(labels, np.int64), tuple(classes), names)


def _is_meant(file: Path) -> bool:
    """Tell whether a file stands for an image: all but hidden ones and what file managers leave."""
    return not file.name.startswith(".") and file.name.lower() not in _IGNORED


def open_image(source: Path | bytes, name: str) -> Image.Image | BadImage:
    """Decode an image, or say why it is none."""
    from PIL import Image, UnidentifiedImageError

    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
        with warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning):
            image = Image.open(io.BytesIO(data))
            image.load()
    except UnidentifiedImageError:
        return BadImage(name, "no image that Pillow can read")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return BadImage(name, "too many pixels")
    except _UNREADABLE as failure:
        return BadImage(name, str(failure).splitlines()[0][:100] if str(failure) else type(failure).__name__)
    return image


def _read_idx(images: Path) -> RawImages:
    labels = images.with_name(images.name.replace("images", "labels").replace("idx3", "idx1"))
    if not labels.is_file():
        raise DataError(f"{images} has no labels beside it: there is no file {labels.name!r}")
    pixels, classes = _idx_array(images, 3), _idx_array(labels, 1)
    return _labelled(images, pixels, classes)


def _idx_array(path: Path, n_axes: int) -> NDArray[np.uint8]:
    """Read an array of bytes in MNIST's format: a header of big-endian sizes, then the values."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as file:
                data = file.read(MAX_BYTES)
        else:
            data = path.read_bytes()
    except _UNREADABLE as failure:
        raise DataError(f"{path} cannot be read: {failure}") from None
    head = 4 + 4 * n_axes
    if len(data) < head or data[:4] != bytes([0, 0, 8, n_axes]):
        raise DataError(f"{path} is no idx file of bytes with {n_axes} axes: it begins with {data[:4].hex()}")
    shape = struct.unpack(f">{n_axes}I", data[4:head])
    if len(data) - head != int(np.prod(shape, dtype=object)):
        told = " x ".join(map(str, shape))
        raise DataError(f"{path} says {told} values and holds {len(data) - head:,}; it is truncated or damaged")
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)


def _read_npz(path: Path, part: Part) -> RawImages:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                raise DataError(f"{path} unfolds to more than {MAX_BYTES:,} bytes")
        with np.load(path, allow_pickle=False) as arrays:
            keys = [(image.format(part=part), label.format(part=part)) for image, label in _NPZ_KEYS]
            keys += [("images", "labels")] if part == "train" else []
            pair = next((pair for pair in keys if set(pair) <= set(arrays.files)), None)
            if pair is None:
                told = f"{path} holds {', '.join(arrays.files) or 'nothing'}"
                if part == "test" and {"images", "x_train", "train_images", "train_x"} & set(arrays.files):
                    return _missing(path, part)
                raise DataError(f"{told}; it must hold x_{part} and y_{part}, or {part}_images and {part}_labels")
            pixels, labels = arrays[pair[0]], arrays[pair[1]]
    except _UNREADABLE as failure:
        if isinstance(failure, DataError | UnknownNameError):
            raise
        raise DataError(f"{path} cannot be read: {failure}") from None
    return _labelled(path, pixels, labels.reshape(-1) if labels.ndim == 2 and labels.shape[1] == 1 else labels)


def _labelled(path: Path, pixels: NDArray[np.uint8], labels: NDArray[np.integer]) -> RawImages:
    """Check arrays of images and classes."""
    if pixels.dtype != np.uint8 or pixels.ndim not in {3, 4} or (pixels.ndim == 4 and pixels.shape[3] not in {1, 3}):
        raise DataError(
            f"{path}: images are {pixels.dtype} {pixels.shape}; must be uint8, shape (n, height, width) or "
            "(n, height, width, 1 or 3)"
        )
    if labels.dtype.kind not in "iu" or labels.shape != pixels.shape[:1]:
        raise DataError(f"{path}: labels are {labels.dtype} {labels.shape}; must be {len(pixels)} whole numbers")
    if not len(pixels) or 0 in pixels.shape:
        raise DataError(f"{path} holds no image")
    classes, codes = np.unique(labels, return_inverse=True)
    return RawImages(pixels, codes.astype(np.int64), tuple(str(name) for name in classes))


def _read_parquet(paths: list[Path], part: Part) -> RawImages:
    """Read tables with a column of encoded images and one of classes, as Hugging Face writes them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    images: list[Path | bytes] = []
    labels: list[object] = []
    names: list[str] = []
    for path in paths:
        try:
            file = pq.ParquetFile(path)
            held = file.schema_arrow.names
            image = next((name for name in ("image", "img") if name in held), None)
            label = next((name for name in ("label", "labels", "class", "fine_label") if name in held), None)
            if image is None or label is None:
                raise DataError(f"{path} has the columns {', '.join(held)}; it must have 'image' and 'label'")
            for batch in file.iter_batches(columns=[image, label], batch_size=1024):
                for cell in batch.column(0).to_pylist():
                    names.append(f"{path}, row {len(names) + 1}")
                    images.append(_bytes(cell))
                labels += batch.column(1).to_pylist()
        except (pa.ArrowException, OSError, UnicodeDecodeError) as failure:
            raise DataError(f"{path} is no Parquet file that can be read: {str(failure).splitlines()[0]}") from None
    odd = next((value for value in labels if not isinstance(value, int | str) or isinstance(value, bool)), None)
    if odd is not None or not labels or len({type(value) for value in labels}) > 1:
        raise DataError(f"{paths[0]}: labels of {part} must be whole numbers or texts in every row; got {odd!r}")
    classes, codes = np.unique(np.array(labels), return_inverse=True)
    return RawImages(images, codes.astype(np.int64), tuple(str(name) for name in classes), names)


def _bytes(cell: object) -> bytes:
    """Take the bytes of an image cell: the bytes, or a record that holds them; what is neither is no image."""
    value = cell.get("bytes") if isinstance(cell, dict) else cell
    return value if isinstance(value, bytes) else b""


def iterate_sources(raw: RawImages) -> Iterator[tuple[Path | bytes, str]]:
    """Pair what images are read from with their names."""
    assert isinstance(raw.images, list)
    return zip(raw.images, raw.names, strict=True)
