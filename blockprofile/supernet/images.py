"""Images in memory at one size: fitted, cropped, counted; what was done to them is told in words."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, OptionError
from blockprofile.supernet.imagefiles import BadImage, Part, RawImages, iterate_sources, open_image, read_images

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 1 << 34
"""How many bytes of pixels are held in memory."""
_NAMED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Images of one size.

    Parameters
    ----------
    pixels
        uint8, shape (n, channels, size, size).
    labels
        int64, shape (n,).
    remarks
        What was done to the images, and which could not be read, in words.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.int64]) -> Images:
        """Return these images alone."""
        return Images(self.pixels[rows], self.labels[rows], self.classes, self.remarks)

    @property
    def digest(self) -> str:
        """A hash of pixels and labels, 16 hex digits."""
        found = hashlib.blake2b(digest_size=8)
        found.update(repr((self.pixels.shape, self.classes)).encode())
        found.update(np.ascontiguousarray(self.pixels).data)
        found.update(np.ascontiguousarray(self.labels).data)
        return found.hexdigest()


def _fit(image: Image.Image, size: int, channels: int, crop: float = 1.0) -> NDArray[np.uint8]:
    """Give an image the size (the share ``crop`` of its middle, resized) and the channels: (channels, size, size)."""
    from PIL import Image, ImageOps

    plain = image.convert("L" if channels == 1 else "RGB")
    if plain.size != (size, size) or crop < 1:
        plain = ImageOps.fit(plain, (size, size), Image.Resampling.BILINEAR, bleed=(1 - crop) / 2)
    pixels = np.asarray(plain, np.uint8)
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _from_array(raw: NDArray[np.uint8], size: int, channels: int, crop: float) -> tuple[NDArray[np.uint8], list[str]]:
    from PIL import Image

    pixels = raw[..., None] if raw.ndim == 3 else raw
    height, width, held = pixels.shape[1:]
    remarks = []
    if (height, width) != (size, size) or crop < 1:
        remarks.append(f"images of {height} x {width} are resized to {size} x {size}, the space's resolution")
        grey = [item[..., 0] if held == 1 else item for item in pixels]
        return np.stack([_fit(Image.fromarray(item), size, channels, crop) for item in grey]), remarks
    if held == 3 and channels == 1:
        return np.stack([_fit(Image.fromarray(item), size, 1) for item in pixels]), remarks
    moved = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    return np.repeat(moved, channels, axis=1) if held == 1 and channels == 3 else moved, remarks


def _from_files(
    raw: RawImages, size: int, channels: int, crop: float, *, skip_bad: bool, where: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[str]]:
    pixels = np.empty((len(raw.labels), channels, size, size), np.uint8)
    kept: list[int] = []
    bad: list[BadImage] = []
    sizes: set[tuple[int, int]] = set()
    for row, (source, name) in enumerate(iterate_sources(raw)):
        image = open_image(source, name)
        if isinstance(image, BadImage):
            bad.append(image)
            continue
        sizes.add(image.size)
        pixels[len(kept)] = _fit(image, size, channels, crop)
        kept.append(row)
    remarks = []
    if bad:
        named = "; ".join(f"{each.name}: {each.reason}" for each in bad[:_NAMED])
        more = f"; and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
        told = f"{len(bad)} of {len(raw.labels)} images of {where} cannot be read ({named}{more})"
        if not skip_bad or not kept:
            raise DataError(f"{told}; mend them{', or leave them out by --skip-bad' if kept else ''}")
        remarks.append(f"{told}; they are left out")
    if sizes - {(size, size)}:
        shown = " to ".join(dict.fromkeys("x".join(map(str, each)) for each in (min(sizes), max(sizes))))
        remarks.append(f"images of {shown} are resized to {size} x {size}, the space's resolution")
    return pixels[: len(kept)], raw.labels[kept], remarks


def load_images(path: Path, part: Part, size: int, channels: int, *, crop: float, skip_bad: bool) -> Images:
    """Read the training or the test images of a data set at one size.

    Raises
    ------
    OptionError
        If they would take too much memory.
    UnknownNameError, DataError
        If they cannot be read, or some cannot and are not to be left out.
    """
    raw = read_images(path, part)
    needed = len(raw.labels) * channels * size * size
    if needed > MAX_PIXELS:
        raise OptionError(
            f"{len(raw.labels):,} images of {size} x {size} take {needed / 2**30:.0f} GiB; at most "
            f"{MAX_PIXELS / 2**30:.0f} GiB are held: use fewer images or a space of a smaller resolution"
        )
    if isinstance(raw.images, list):
        pixels, labels, remarks = _from_files(raw, size, channels, crop, skip_bad=skip_bad, where=str(path))
    else:
        pixels, remarks = _from_array(raw.images, size, channels, crop)
        labels = raw.labels
    return Images(pixels, labels, raw.classes, tuple(remarks))
