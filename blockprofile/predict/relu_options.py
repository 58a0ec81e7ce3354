"""Options of the training of a network of ReLU layers."""

from __future__ import annotations

from dataclasses import dataclass

from blockprofile.errors import OptionError
from blockprofile.predict.training import check_options

__all__ = ["ReluOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReluOptions:
    """How to train a network of ReLU layers.

    ``hops`` counts the graph layers on the chain of layers, 0 for none; ``hidden`` is the size of the first layer or
    of every graph layer, ``trunk`` the sizes of the layers behind it. ``matrix_rate`` and ``weight_decay`` are
    Muon's, ``rows_rate`` is its rate for the first layer without hops, where it is another; ``learning_rate`` is
    Adam's. All rates fall to zero over the last ``decay`` of the steps. ``bfloat16`` trains with products in that
    precision: twice as fast where the processor has it, slow where not. ``eight_bits`` stores the matrices in as many,
    half the size.
    """

    hops: int = 0
    hidden: int = 256
    trunk: tuple[int, ...] = (256, 256)
    members: int = 2
    epochs: int = 20
    min_steps: int = 2000
    batch: int = 1024
    learning_rate: float = 3e-3
    matrix_rate: float = 0.02
    rows_rate: float | None = None
    weight_decay: float = 0.0
    decay: float = 0.7
    bfloat16: bool = False
    eight_bits: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        least = {
            "hops": 0, "hidden": 1, "members": 1, "epochs": 1, "min_steps": 0, "batch": 1, "weight_decay": 0, "seed": 0,
        }  # fmt: skip
        rates = ("matrix_rate",) if self.rows_rate is None else ("matrix_rate", "rows_rate")
        check_options(self, at_least=least, above_zero=("learning_rate", *rates, "decay"))
        if any(size < 1 for size in self.trunk):
            raise OptionError(f"trunk is {list(self.trunk)}; every size must be at least 1")
