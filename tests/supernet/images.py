"""Small data sets in every form: two classes that a network tells apart by their brightness on the left and right."""

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def made_images(n: int, *, size: int = 16, channels: int = 3, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray]:
    """Return pixels (n, size, size, channels) and labels of two classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    pixels = rng.integers(0, 120, (n, size, size, channels))
    half = np.where(np.arange(size) < size // 2, 100, 0)
    pixels += np.where(labels[:, None, None, None] == 1, half[None, None, :, None], half[None, None, ::-1, None])
    return pixels.astype(np.uint8), labels


def write_npz(path: Path, *, n: int = 48, n_test: int = 16, size: int = 16, channels: int = 3) -> Path:
    x, y = made_images(n, size=size, channels=channels)
    x_test, y_test = made_images(n_test, size=size, channels=channels, seed=1)
    np.savez(path, x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    return path


def write_idx(folder: Path, *, n: int = 20, size: int = 16, is_packed: bool = True) -> Path:
    folder.mkdir()
    for stem, seed in (("train", 0), ("t10k", 1)):
        x, y = made_images(n, size=size, channels=1, seed=seed)
        for name, values in (("images-idx3", x[..., 0]), ("labels-idx1", y.astype(np.uint8))):
            head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
            data = head + np.ascontiguousarray(values).tobytes()
            file = folder / f"{stem}-{name}-ubyte{'.gz' if is_packed else ''}"
            file.write_bytes(gzip.compress(data) if is_packed else data)
    return folder


def write_folder(folder: Path, *, n: int = 12, size: int = 16) -> Path:
    from PIL import Image

    for part, seed in (("train", 0), ("test", 1)):
        x, y = made_images(n, size=size, seed=seed)
        for number, (pixels, label) in enumerate(zip(x, y, strict=True)):
            place = folder / part / ("left", "right")[label]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(place / f"{number:03d}.png")
    return folder
