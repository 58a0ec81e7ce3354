"""Training a network on labelled archs: ReLU layers on what additive tables leave.

AdamW with a cosine, on the processor or a CUDA device. Every random choice comes from one seed; the same rows give the
same network on the same machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.predict.additive_tables import AdditiveTables
from blockprofile.predict.network import linear_layers, make_layers
from blockprofile.predict.shared_rows import share_rows

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Progress = Callable[[int, int, float], None]
"""Called after every epoch with its number, the number of epochs, and the loss."""

WARM_UP = 0.05
SHRINKAGE = 4.0
"""An exponent of e. On 1,440 accuracies of ofa_mbv3 it leaves MAE 0.060 points (0.45: 0.073), and it suits 270,000.

That it depends neither on the steps nor on the rows is what Wang and Aitchison find (arXiv 2405.13698).
"""
SMALLEST_SCALE = 1e-12
LARGEST_SEED = 2**63 - 1
MOST_OF_AN_OPTION = 1_000_000
SMALL_TABLE = 20_000
"""Below so many rows a tenth of them decides how much of the network's output is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """How to train.

    ``widths`` are the sizes of the hidden layers. ``block_numbers`` is how many numbers of each block all layers share
    (`blockprofile.predict.shared_rows`); 0 gives every block at every layer a row of its own. ``min_steps`` raises the
    number of epochs for small tables, where a batch is a sixteenth of the rows at most. ``weight_decay`` is AdamW's;
    None is the one under which weights that nothing holds shrink by `SHRINKAGE` in all, whatever the number of steps.
    """

    widths: tuple[int, ...] = (128, 64)
    block_numbers: int = 0
    epochs: int = 16
    min_steps: int = 500
    batch: int = 512
    learning_rate: float = 6e-3
    weight_decay: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"block_numbers": 0, "epochs": 1, "min_steps": 0, "batch": 1, "weight_decay": 0, "seed": 0}
        for name, low in least.items():
            if getattr(self, name) is not None and not getattr(self, name) >= low:
                raise OptionError(f"{name} is {getattr(self, name)}; must be at least {low}")
        if not self.widths or min(self.widths) < 1:
            raise OptionError(f"widths is {list(self.widths)}; must be one size or more, each at least 1")
        for name, value in asdict(self).items():
            most = LARGEST_SEED if name == "seed" else MOST_OF_AN_OPTION
            for number in value if isinstance(value, tuple) else (value,):
                if number is not None and not number <= most:
                    raise OptionError(f"{name} is {number}; must be at most {most}")
        if not self.learning_rate > 0:
            raise OptionError(f"learning_rate is {self.learning_rate}; must be above 0")


def train_network(
    rows: NDArray[np.int64],
    labels: NDArray[np.float64],
    tables: AdditiveTables,
    options: TrainingOptions,
    *,
    windows: NDArray[np.bool_],
    blocks: NDArray[np.int64],
    device: str = "cpu",
    progress: Progress,
) -> dict[str, Tensor]:
    """Train a network.

    Parameters
    ----------
    rows
        Which inputs are 1, shape (n, n_slots); see `blockprofile.predict.onehot`.
    labels
        Shape (n,), finite.
    tables
        The additive part; the network learns what it leaves.
    windows
        Inputs that belong together, shape (n_windows, n_rows); see `OneHot.windows`.
    blocks
        The block that each input stands for, shape (n_rows,); see `OneHot.blocks`.
    device
        ``cpu`` or a CUDA device of torch.

    Returns
    -------
    The arrays of a network file with one member, without their first axis.
    """
    import torch

    remainder = labels - tables.constant - tables.values[rows].sum(axis=1)
    scale = max(float(remainder.std()), SMALLEST_SCALE)
    inputs = torch.from_numpy(rows).to(device)
    targets = torch.from_numpy((remainder / scale).astype(np.float32)).to(device)
    n_kept = len(rows) // 10 if len(rows) < SMALL_TABLE else 0
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(options.seed))
    used, kept = order[n_kept:], order[:n_kept]
    layers = _initialize(rows, windows, blocks, options).to(device)
    _optimize(layers, inputs[used], targets[used], options, progress)
    if n_kept:
        scale *= _worth(layers, inputs[kept], targets[kept])
    arrays = {
        name: torch.tensor(value, dtype=torch.float64)
        for name, value in (("constant", tables.constant), ("scale", scale))
    }
    arrays["additive"] = torch.from_numpy(tables.values)
    for place, layer in enumerate(linear_layers(layers)):
        arrays |= {f"weight{place}": layer.weight.detach().cpu(), f"bias{place}": layer.bias.detach().cpu()}
    return arrays


def _worth(layers: nn.Sequential, inputs: Tensor, targets: Tensor) -> float:
    """Tell how much of the network's output helps on rows that it was not trained on: 0 nothing, 1 all of it."""
    import torch

    with torch.no_grad():
        outputs = _forward(layers, inputs).double()
    power = max(float(outputs.square().sum()), SMALLEST_SCALE)
    return min(1.0, max(0.0, float((outputs * targets).sum()) / power))


def _initialize(
    rows: NDArray[np.int64], windows: NDArray[np.bool_], blocks: NDArray[np.int64], options: TrainingOptions
) -> nn.Sequential:
    """Draw the weights: variances that keep the size of the state from layer to layer (He et al., ICCV 2015).

    Every number of the first layer begins with the inputs of one window alone and grows the others in training. What
    slots of a unit do together is most of what the additive part leaves: so begun, three epochs on the accuracies of
    ofa_mbv3 leave a quarter less of the squared error than from weights everywhere.
    """
    import torch

    generator = torch.Generator().manual_seed(options.seed)
    layers = make_layers([windows.shape[1], *options.widths, 1])
    with torch.no_grad():
        for place, layer in enumerate(linear_layers(layers)):
            layer.weight.normal_(0.0, math.sqrt(2 / layer.in_features), generator=generator)
            layer.bias.zero_()
            if place == 0:
                n_ones = np.maximum(windows[:, rows[:1000]].sum(axis=2).mean(axis=1), 1.0)
                begun = torch.from_numpy(windows * np.sqrt(windows.shape[1] / n_ones)[:, None]).float()
                layer.weight *= begun[torch.arange(len(layer.weight)) % len(windows)]
    if options.block_numbers:
        share_rows(linear_layers(layers)[0], blocks, options.block_numbers, generator)
    return layers


def _optimize(
    layers: nn.Sequential, inputs: Tensor, targets: Tensor, options: TrainingOptions, progress: Progress
) -> None:
    import torch
    from torch.nn.functional import mse_loss

    n = len(inputs)
    batch = max(1, min(options.batch, n // 16))
    per_epoch = n // batch
    epochs = max(options.epochs, -(-options.min_steps // per_epoch))
    named = dict(layers.named_parameters())
    biases = [value for name, value in named.items() if name.endswith("bias")]
    weights = [value for name, value in named.items() if not name.endswith("bias")]
    decay = options.weight_decay
    if decay is None:
        decay = 2 * SHRINKAGE / (options.learning_rate * epochs * per_epoch)  # the cosine's mean rate is half its peak
    parts = [{"params": weights, "weight_decay": decay}, {"params": biases, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(parts, lr=options.learning_rate, betas=(0.9, 0.99))
    generator = torch.Generator().manual_seed(options.seed)
    for epoch in range(epochs):
        order = torch.randperm(n, generator=generator).to(inputs.device)
        total = torch.zeros((), device=inputs.device)
        for place in range(per_epoch):
            _set_rate(optimizer, options.learning_rate, (epoch * per_epoch + place) / (epochs * per_epoch))
            chosen = order[place * batch : (place + 1) * batch]
            loss = mse_loss(_forward(layers, inputs[chosen]), targets[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch's own
            optimizer.step()
            total += loss.detach()
        progress(epoch + 1, epochs, float(total) / per_epoch)


def _forward(layers: nn.Sequential, inputs: Tensor) -> Tensor:
    """Run a network on the inputs that are 1, shape (n, n_slots)."""
    import torch

    n_rows = linear_layers(layers)[0].in_features
    one_hot = torch.zeros(len(inputs), n_rows, device=inputs.device).scatter_(1, inputs, 1.0)
    outputs: Tensor = layers(one_hot)[:, 0]
    return outputs


def _set_rate(optimizer: torch.optim.Optimizer, peak: float, done: float) -> None:
    """Warm up linearly, then follow a cosine to zero."""
    rate = peak * min(1.0, done / WARM_UP + 1e-3) * 0.5 * (1 + math.cos(math.pi * done))
    for group in optimizer.param_groups:
        group["lr"] = rate
