"""How models are written to be timed elsewhere: as what kind of file, in which precision, layout and batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError, check_choice, one_of

PrecisionName = Literal["fp32", "fp16", "int8"]
PRECISIONS: tuple[PrecisionName, ...] = get_args(PrecisionName)
Layout = Literal["nchw", "nhwc"]
FileKind = Literal["onnx", "pt2", "pte", "tflite"]
FILE_KINDS: tuple[FileKind, ...] = get_args(FileKind)
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
_ALLOWED: dict[FileKind, tuple[PrecisionName, ...]] = {
    "onnx": PRECISIONS, "pt2": ("fp32", "fp16"), "pte": PRECISIONS, "tflite": ("fp32", "int8"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """How models are written.

    ``kind`` is what is written: ONNX, torch.export's ``.pt2``, ``.pte`` by executorch or ``.tflite`` by litert_torch,
    where those are installed. ``apart`` gives every operator of a ``.pte`` a delegate of its own.
    ``calibration`` are images for ``int8``, float32 of shape (n, channels, height, width); None draws them at random.

    Raises
    ------
    OptionError
        If a value is not allowed.
    """

    batch: int = 1
    precision: PrecisionName = "fp32"
    layout: Layout = "nchw"
    seed: int = 0
    calibration: NDArray[np.float32] | None = None
    kind: FileKind = "onnx"
    apart: bool = False

    def __post_init__(self) -> None:
        if self.batch < 1 or self.seed < 0:
            raise OptionError(f"batch {self.batch} with seed {self.seed}; at least 1 and 0 are needed")
        check_choice("precision", self.precision, PRECISIONS)
        check_choice("layout", self.layout, LAYOUTS)
        allowed = _ALLOWED[check_choice("kind of files", self.kind, FILE_KINDS)]
        if self.precision not in allowed:
            raise OptionError(f"precision {self.precision!r} is not written as {self.kind!r}; {one_of('', allowed)}")
        if self.calibration is not None and self.precision != "int8":
            raise OptionError(f"calibration data have no effect at precision {self.precision!r}; they are for 'int8'")
        if self.apart and self.kind != "pte":
            raise OptionError(f"operators are kept apart in 'pte' alone; they have nodes of their own in {self.kind!r}")
        if self.apart and self.precision == "int8":
            raise OptionError("a network is timed as a whole as 'pte' in 'int8': say --form operators, or lut plan")
