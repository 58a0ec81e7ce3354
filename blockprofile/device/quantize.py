"""Eight-bit models: ONNX Runtime's own static quantisation, calibrated by images that are given or drawn."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.device.converter import quiet
from blockprofile.errors import DataError, OptionError

N_DRAWN = 4
"""Random images that set the ranges where none are given: times do not depend on them."""


def read_images(path: Path) -> NDArray[np.float32]:
    """Read calibration images, ``.npy`` of float32 and shape (n, channels, height, width).

    Raises
    ------
    DataError
        If the file cannot be read, or holds anything else.
    """
    try:
        images = np.load(path, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError, EOFError) as failure:
        raise DataError(f"{path} cannot be read as .npy: {failure}") from None
    if not isinstance(images, np.ndarray) or images.dtype != np.float32 or images.ndim != 4 or not len(images):
        told = f"{images.dtype} of shape {images.shape}" if isinstance(images, np.ndarray) else "no array"
        raise DataError(f"{path} holds {told}; calibration takes float32 of shape (n, channels, height, width)")
    return images


def quantize_model(model: Any, *, seed: int, images: NDArray[np.float32] | None = None) -> Any:
    """Quantise an ONNX model to int8: weights by channel, values by tensor, as quantise and dequantise pairs.

    Parameters
    ----------
    images
        Calibration data, float32 of shape (n, channels, height, width), as many as a batch at least; None draws some.

    Returns
    -------
    ``onnx.ModelProto``; the nodes keep their names.

    Raises
    ------
    OptionError
        If onnxruntime is not installed, or the images do not fit the model's input.
    """
    try:
        import onnx
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    except ImportError as failure:
        raise OptionError(f"precision 'int8' needs the package {failure.name!r}; install blockprofile[onnx]") from None
    shape = tuple(size.dim_value for size in model.graph.input[0].type.tensor_type.shape.dim)
    batches = iter([{"input": batch} for batch in calibration_batches(shape, seed=seed, images=images)])

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(batches, None)

    with tempfile.TemporaryDirectory() as folder, quiet():
        path = Path(folder) / "model.onnx"
        quantize_static(model, str(path), Reader(), quant_format=QuantFormat.QDQ, per_channel=True)
        return onnx.load(str(path))


def calibration_batches(
    shape: tuple[int, ...], *, seed: int, images: NDArray[np.float32] | None = None
) -> list[NDArray[np.float32]]:
    """List a model's inputs by which its ranges are set: of the images that are given, or drawn.

    Parameters
    ----------
    shape
        That of the input: a batch, and the sizes of an image in either layout.

    Raises
    ------
    OptionError
        If the images do not fit it.
    """
    batch = shape[0]
    if images is None:
        rng = np.random.default_rng(seed)
        return [rng.standard_normal(shape).astype(np.float32) for _ in range(N_DRAWN)]
    oriented = images if images.shape[1:] == shape[1:] else images.transpose(0, 2, 3, 1)
    if oriented.shape[1:] != shape[1:] or len(images) < batch:
        raise OptionError(
            f"calibration images of shape {images.shape} do not fit an input of shape {shape}; at least {batch} of the "
            "input's channels and size are needed"
        )
    starts = range(0, len(images) - batch + 1, batch)
    return [np.ascontiguousarray(oriented[start : start + batch]) for start in starts]
