"""Plain networks on one-hot slots, as Once-for-All publishes them: their files and their evaluation.

The first layer of a network on one-hot inputs is a sum of rows, one for each slot's code, so it is stored and
evaluated as such. How a published checkpoint becomes such a file is the business of `checkpoint`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import CoverageError, DataError, one_of
from blockprofile.files import write_bytes
from blockprofile.predict.card import Card
from blockprofile.predict.groups import last_codes
from blockprofile.predict.parts import evaluate_parts
from blockprofile.predict.weights import describe_slots, pack_header, read_safetensors
from blockprofile.space.slots import Archs
from blockprofile.space.space import Space

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MLP_FORMAT", "MlpFile", "MlpPredictor", "build_mlp_predictor", "read_mlp", "slot_offsets", "write_mlp"]

MLP_FORMAT = "blockprofile.mlp/1"


@dataclass(frozen=True, slots=True, eq=False)
class MlpFile:
    """A network on one-hot slots.

    ``first`` holds one row for each code of each slot (an inactive layer's last), then one for each resolution;
    ``layers`` are the later weights, of shape (inputs, outputs), and biases; ``scale`` multiplies the output.
    """

    first: Tensor
    first_bias: Tensor
    layers: tuple[tuple[Tensor, Tensor], ...]
    slots: tuple[tuple[str, int], ...]
    resolutions: tuple[int, ...]
    scale: float


def slot_offsets(slots: Sequence[tuple[str, int]]) -> NDArray[np.int64]:
    """Return where each slot's rows start in ``first``, and where the resolutions' do."""
    return np.concatenate([[0], np.cumsum([size for _, size in slots])]).astype(np.int64)


def write_mlp(path: Path, file: MlpFile) -> None:
    """Write a network file."""
    from safetensors.torch import save

    arrays = {"first": file.first, "first_bias": file.first_bias}
    for place, (weight, bias) in enumerate(file.layers, start=1):
        arrays |= {f"weight{place}": weight, f"bias{place}": bias}
    content = {"slots": file.slots, "resolutions": file.resolutions, "scale": file.scale, "layers": len(file.layers)}
    stored = {name: array.detach().cpu().float().contiguous() for name, array in arrays.items()}
    write_bytes(path, save(stored, metadata=pack_header(MLP_FORMAT, content)))


def read_mlp(path: Path) -> MlpFile:
    """Read a network file.

    Raises
    ------
    DataError
        If it is truncated, not finite, or its arrays do not fit together.
    """
    import torch

    arrays, header = read_safetensors(path)
    try:
        slots = tuple((str(name), int(size)) for name, size in header["slots"])
        resolutions = tuple(int(value) for value in header["resolutions"])
        layers = tuple((arrays[f"weight{n}"], arrays[f"bias{n}"]) for n in range(1, int(header["layers"]) + 1))
        file = MlpFile(arrays["first"], arrays["first_bias"], layers, slots, resolutions, float(header["scale"]))
    except (KeyError, TypeError, ValueError) as failure:
        raise DataError(f"{path}: its header or arrays are wrong: {failure!r}") from None
    if not all(torch.isfinite(array).all() for array in arrays.values()):
        raise DataError(f"{path} holds values that are not finite")
    _check_shapes(path, file)
    return file


def _check_shapes(path: Path, file: MlpFile) -> None:
    rows = int(slot_offsets(file.slots)[-1]) + len(file.resolutions)
    size = file.first_bias.shape[0] if file.first_bias.ndim == 1 else -1
    fits = tuple(file.first.shape) == (rows, size) and len(file.layers) > 0
    for weight, bias in file.layers:
        fits = fits and weight.ndim == 2 and weight.shape[0] == size and tuple(bias.shape) == (weight.shape[1],)
        size = weight.shape[1] if fits else -1
    if not fits or size != 1:
        raise DataError(f"{path}: its arrays do not fit together, or its output is not one number")


class MlpPredictor:
    """One metric from a plain network on one-hot slots.

    Parameters
    ----------
    card
        Where it comes from.
    space
        The space whose archs it takes, at its resolution.
    file
        The network.

    Raises
    ------
    DataError
        If the network is of another space.
    CoverageError
        If it does not know the space's resolution.
    """

    def __init__(self, card: Card, space: Space, file: MlpFile) -> None:
        import torch

        if file.slots != describe_slots(space):
            raise DataError(f"the network of {card.name!r} was made for other slots than those of space {space.name!r}")
        self.card, self.space = card, space
        self.metric, self.unit = card.metric, card.unit
        self._file = file
        offsets = slot_offsets(file.slots)
        self._offsets = torch.from_numpy(offsets[:-1])
        self._last = last_codes(space)
        self._bias = file.first_bias
        if file.resolutions:
            if space.resolution not in file.resolutions:
                raise CoverageError(
                    f"predictor {card.name!r} does not cover resolution {space.resolution}; "
                    f"{one_of(space.resolution, file.resolutions)}"
                )
            self._bias = file.first_bias + file.first[int(offsets[-1]) + file.resolutions.index(space.resolution)]

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        """Predict the metric of every arch.

        Raises
        ------
        ArchError
            If dtype or shape do not fit the space.
        """
        rows = np.atleast_2d(self.space.check(archs))
        values: NDArray[np.float32] = evaluate_parts(self._predict_part, rows, n_outputs=1)[0]
        return values if self.card.ceiling is None else np.minimum(values, np.float32(self.card.ceiling))

    def _predict_part(self, archs: Archs) -> NDArray[np.float32]:
        import torch
        from torch.nn.functional import embedding_bag, relu

        codes = torch.from_numpy(np.minimum(archs, self._last).astype(np.int64)) + self._offsets
        state = embedding_bag(codes, self._file.first, mode="sum") + self._bias
        for weight, bias in self._file.layers:
            state = torch.addmm(bias, relu(state), weight)
        found: NDArray[np.float32] = (state * self._file.scale).T.numpy()
        return found


def build_mlp_predictor(card: Card, path: Path, space: Space) -> MlpPredictor:
    """Make the predictor of a plain network.

    Raises
    ------
    DataError
        If the file is wrong or of another space.
    CoverageError
        If it does not know the space's resolution.
    """
    return MlpPredictor(card, space, read_mlp(path))


def is_mlp(header: Mapping[str, Any]) -> bool:
    """Tell from a file's header whether it holds a plain network."""
    return header.get("format") == MLP_FORMAT
