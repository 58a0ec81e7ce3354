"""Training a network on labelled archs: the additive tables by least squares, then the network on the remainder.

Every random choice comes from one seed; the same rows give the same network on the same machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive.least_squares import fit_choices
from blockprofile.errors import OptionError
from blockprofile.predict.groups import SlotGroup
from blockprofile.predict.network import GROUP_ARRAYS, embed_groups, forward_groups, forward_trunk

if TYPE_CHECKING:
    import torch
    from _typeshed import DataclassInstance
    from torch import Tensor

__all__ = [
    "SMALL_TABLE",
    "Layout",
    "TrainingOptions",
    "check_options",
    "fit_additive",
    "train_network",
]

Progress = Callable[[int, int, float], None]
"""Called after every epoch with its number, the number of epochs, and the loss."""

WARM_UP = 0.05
SMALLEST_SCALE = 1e-12
MOST_ROWS = 1_000_000
LARGEST_SEED = 2**63 - 1
MOST_OF_AN_OPTION = 1_000_000
SMALL_TABLE = 20_000
"""Below so many rows a tenth of them decides how much of the network's output is used."""


def check_options(options: DataclassInstance, *, at_least: Mapping[str, float], above_zero: Sequence[str]) -> None:
    """Check the options of a training.

    Raises
    ------
    OptionError
        Naming the first one that is out of range.
    """
    for name, least in at_least.items():
        if not getattr(options, name) >= least:
            raise OptionError(f"{name} is {getattr(options, name)}; must be at least {least}")
    for name, value in asdict(options).items():
        most = LARGEST_SEED if name == "seed" else MOST_OF_AN_OPTION
        for number in value if isinstance(value, tuple) else (value,):
            if number is not None and not number <= most:
                raise OptionError(f"{name} is {number}; must be at most {most}")
    for name in above_zero:
        if not getattr(options, name) > 0:
            raise OptionError(f"{name} is {getattr(options, name)}; must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """How to train.

    ``width`` is the size of a group's embedding, ``hidden`` that of the trunk, ``depth`` its number of residual
    layers. ``min_steps`` raises the number of epochs for small tables.
    """

    width: int = 192
    hidden: int = 128
    depth: int = 2
    epochs: int = 16
    min_steps: int = 2000
    batch: int = 2048
    learning_rate: float = 4e-3
    weight_decay: float = 0.1
    huber: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        least = {
            "width": 1,
            "hidden": 1,
            "depth": 0,
            "epochs": 1,
            "min_steps": 0,
            "batch": 1,
            "weight_decay": 0,
            "seed": 0,
        }
        check_options(self, at_least=least, above_zero=("learning_rate", "huber"))


@dataclass(frozen=True, slots=True)
class Layout:
    """The groups of a space's slots and where each slot's rows start; see `weights.network_layout`."""

    groups: tuple[SlotGroup, ...]
    offsets: tuple[int, ...]
    n_rows: int

    @property
    def slots(self) -> tuple[int, ...]:
        """The slots that stand in a group: all but the depths that the layers tell."""
        return tuple(slot for group in self.groups for slot in group.slots)


def train_network(
    codes: NDArray[np.integer],
    labels: NDArray[np.float64],
    layout: Layout,
    options: TrainingOptions,
    *,
    progress: Progress,
) -> dict[str, Tensor]:
    """Train a network.

    Parameters
    ----------
    codes
        Shape (n, n_slots), inactive layers holding their slot's last code.
    labels
        Shape (n, n_metrics), finite.

    Returns
    -------
    The arrays of `network.ARRAYS`.
    """
    import torch

    constant, additive = fit_additive(codes, labels, layout)
    codes = codes.astype(np.int64)
    remainder = labels - constant
    for slot in layout.slots:
        remainder -= additive[codes[:, slot] + layout.offsets[slot]]
    scale = np.maximum(remainder.std(axis=0), SMALLEST_SCALE)
    torch.manual_seed(options.seed)
    arrays = _initialize(layout, labels.shape[1], options)
    inputs, targets = torch.from_numpy(codes), torch.from_numpy((remainder / scale).astype(np.float32))
    n_kept = len(codes) // 10 if len(codes) < SMALL_TABLE else 0
    order = torch.randperm(len(codes), generator=torch.Generator().manual_seed(options.seed))
    used, kept = order[n_kept:], order[:n_kept]
    _optimize(arrays, inputs[used], targets[used], layout, options, progress)
    if n_kept:
        scale = scale * _worth(arrays, inputs[kept], targets[kept], layout)
    fixed = {"constant": constant, "additive": additive, "scale": scale.astype(np.float32)}
    arrays |= {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in fixed.items()}
    return {name: array.detach() for name, array in arrays.items()}


def _worth(arrays: dict[str, Tensor], codes: Tensor, targets: Tensor, layout: Layout) -> NDArray[np.float64]:
    """Tell how much of the network's output helps on rows that it was not trained on: 0 nothing, 1 all of it."""
    import torch

    with torch.no_grad():
        outputs = _forward(arrays, codes, _states(codes, layout), layout).double().numpy()
    power = np.maximum(np.square(outputs).sum(axis=0), SMALLEST_SCALE)
    worth: NDArray[np.float64] = np.clip((outputs * targets.double().numpy()).sum(axis=0) / power, 0.0, 1.0)
    return worth


def fit_additive(
    codes: NDArray[np.integer], labels: NDArray[np.float64], layout: Layout
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit one value per slot and code by least squares, shrunk as far as the labels ask for; see `fit_choices`.

    Of more than a million rows as many are used, chosen at random: with eight million labels of Once-for-All's
    accuracy the values change by 0.3 % of what the tables leave over (RMS), and their sums by 1.2 %.

    Returns
    -------
    The constant, shape (n_metrics,), and the values, shape (n_rows, n_metrics).
    """
    if len(codes) > MOST_ROWS:
        chosen = np.sort(np.random.default_rng(0).choice(len(codes), MOST_ROWS, replace=False))
        codes, labels = codes[chosen], labels[chosen]
    rows = (codes + np.asarray(layout.offsets))[:, list(layout.slots)]
    return fit_choices(rows, labels, n_choices=layout.n_rows)


def _initialize(layout: Layout, n_metrics: int, options: TrainingOptions) -> dict[str, Tensor]:
    import torch

    groups, width, hidden = len(layout.groups), options.width, options.hidden
    shapes = {
        "embed": ((layout.n_rows, width), 0.5), "inner": ((groups, width, width), width**-0.5),
        "inner_bias": ((groups, width), 0.0), "mix": ((groups, width, hidden), (width * groups) ** -0.5),
        "direct": ((groups, width, n_metrics), 0.01), "trunk": ((options.depth, hidden, hidden), hidden**-0.5 / 2),
        "trunk_bias": ((options.depth, hidden), 0.0), "head": ((hidden, n_metrics), 0.1 * hidden**-0.5),
        "head_bias": ((n_metrics,), 0.0),
    }  # fmt: skip
    return {name: (torch.randn(shape) * deviation).requires_grad_() for name, (shape, deviation) in shapes.items()}


def _optimize(
    arrays: dict[str, Tensor],
    codes: Tensor,
    targets: Tensor,
    layout: Layout,
    options: TrainingOptions,
    progress: Progress,
) -> None:
    import torch
    from torch.nn.functional import smooth_l1_loss

    n = len(codes)
    batch = max(1, min(options.batch, n // 16))
    per_epoch = n // batch
    epochs = max(options.epochs, -(-options.min_steps // per_epoch))
    states = _states(codes, layout)
    optimizer = torch.optim.AdamW(
        arrays.values(), lr=options.learning_rate, betas=(0.9, 0.99), weight_decay=options.weight_decay
    )
    generator = torch.Generator().manual_seed(options.seed)
    for epoch in range(epochs):
        order = torch.randperm(n, generator=generator)
        total = 0.0
        for place in range(per_epoch):
            _set_rate(optimizer, options.learning_rate, (epoch * per_epoch + place) / (epochs * per_epoch))
            rows = order[place * batch : (place + 1) * batch]
            outputs = _forward(arrays, codes[rows], states[:, rows], layout)
            loss = smooth_l1_loss(outputs, targets[rows], beta=options.huber)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch's own
            optimizer.step()
            total += float(loss.detach())
        progress(epoch + 1, epochs, total / per_epoch)


def _states(codes: Tensor, layout: Layout) -> Tensor:
    """Number each row's state of each group, shape (n_groups, n)."""
    import torch

    strides = [torch.tensor(group.strides) for group in layout.groups]
    return torch.stack(
        [(codes[:, list(group.slots)] * stride).sum(1) for group, stride in zip(layout.groups, strides, strict=True)]
    )


def _forward(arrays: dict[str, Tensor], codes: Tensor, states: Tensor, layout: Layout) -> Tensor:
    """Compute the network; what depends on one group is computed once for each state that occurs."""
    import torch

    mixed = direct = torch.zeros(())
    for place, group in enumerate(layout.groups):
        _, inverse = torch.unique(states[place], return_inverse=True)
        n_states = int(inverse.max()) + 1
        first = torch.empty(n_states, dtype=torch.int64).scatter_(0, inverse, torch.arange(len(inverse)))
        single = {name: arrays[name][place : place + 1] for name in GROUP_ARRAYS}
        mix, straight = forward_groups(single, embed_groups(arrays, [group], layout.offsets, codes[first]))
        mixed = mixed + mix[0].index_select(0, inverse)
        direct = direct + straight[0].index_select(0, inverse)
    return direct + forward_trunk(arrays, mixed)


def _set_rate(optimizer: torch.optim.Optimizer, peak: float, done: float) -> None:
    """Warm up linearly, then follow a cosine to zero."""
    rate = peak * min(1.0, done / WARM_UP + 1e-3) * 0.5 * (1 + math.cos(math.pi * done))
    for group in optimizer.param_groups:
        group["lr"] = rate
