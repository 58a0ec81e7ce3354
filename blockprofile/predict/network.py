"""The network behind distilled predictors: additive tables plus a small network on what remains.

A network is a plain mapping of named arrays; this module computes with them and knows no files, cards or
training. For metric m and the groups g of an arch's slots, with state x_g:

    metric_m = constant_m + sum_slots additive[slot, m] + scale_m * (sum_g direct_g(x_g) + trunk(sum_g mix_g(x_g)))

``direct_g`` and ``mix_g`` are functions of one group's state alone (embedding, one residual layer, a linear map),
so they become tables; only the trunk is computed for each arch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.predict.groups import SlotGroup, read_states
from blockprofile.predict.parts import evaluate_halves
from blockprofile.space.slots import Archs

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = [
    "ARRAYS",
    "GROUP_ARRAYS",
    "Arrays",
    "TabulatedNetwork",
    "embed_groups",
    "forward_groups",
    "forward_trunk",
    "tabulate",
]

Arrays = Mapping[str, "Tensor"]

ARRAYS = (
    "constant", "additive", "scale", "embed", "inner", "inner_bias", "mix", "direct",
    "trunk", "trunk_bias", "head", "head_bias",
)  # fmt: skip
"""The arrays of a network, in the order in which they are used."""

GROUP_ARRAYS = ("inner", "inner_bias", "mix", "direct")
"""Those that have one entry for each group."""


def embed_groups(arrays: Arrays, groups: Sequence[SlotGroup], offsets: Sequence[int], codes: Tensor) -> Tensor:
    """Sum the embeddings of each group's slots.

    Parameters
    ----------
    offsets
        For each slot index, where its rows start in ``embed``.
    codes
        int64, shape (n, n_slots), an inactive layer's code being its last.

    Returns
    -------
    Shape (n_groups, n, width).
    """
    import torch
    from torch.nn.functional import embedding_bag

    sums = []
    for group in groups:
        rows = codes[:, list(group.slots)] + torch.tensor([offsets[slot] for slot in group.slots], device=codes.device)
        sums.append(embedding_bag(rows, arrays["embed"], mode="sum"))
    return torch.stack(sums)


def forward_groups(arrays: Arrays, embedded: Tensor) -> tuple[Tensor, Tensor]:
    """Compute ``mix`` and ``direct`` of every group, before their sum over groups.

    Parameters
    ----------
    embedded
        Shape (n_groups, n, width).

    Returns
    -------
    Shapes (n_groups, n, hidden) and (n_groups, n, n_metrics).
    """
    import torch
    from torch.nn.functional import silu

    inner = torch.baddbmm(arrays["inner_bias"][:, None], silu(embedded), arrays["inner"])
    state = silu(embedded + inner)
    return torch.bmm(state, arrays["mix"]), torch.bmm(state, arrays["direct"])


def forward_trunk(arrays: Arrays, mixed: Tensor) -> Tensor:
    """Compute the trunk: residual layers and a linear head.

    Parameters
    ----------
    mixed
        The groups' ``mix`` summed, shape (n, hidden).

    Returns
    -------
    Shape (n, n_metrics).
    """
    import torch
    from torch.nn.functional import silu

    state = mixed
    for weight, bias in zip(arrays["trunk"], arrays["trunk_bias"], strict=True):
        state = state + torch.addmm(bias, silu(state), weight)
    return torch.addmm(arrays["head_bias"], silu(state), arrays["head"])


@dataclass(frozen=True, slots=True, eq=False)
class TabulatedNetwork:
    """A network ready to predict: one row of tables for each state of each group, and the trunk.

    ``additive`` has shape (n_rows, n_metrics), float32, in the metrics' units; ``mix`` has shape
    (n_rows, hidden), float16; ``offsets`` says where each group's rows start.
    """

    groups: tuple[SlotGroup, ...]
    offsets: Tensor
    constant: Tensor
    additive: Tensor
    mix: Tensor
    arrays: Arrays
    device: torch.device

    def evaluate(self, archs: Archs) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Evaluate all metrics.

        Parameters
        ----------
        archs
            uint8, shape (n, n_slots), n may be 0.

        Returns
        -------
        The additive part and the remainder, float32 of shape (n_metrics, n); the prediction is their sum.
        """
        return evaluate_halves(self._evaluate_part, archs, n_metrics=int(self.constant.shape[0]))

    def _evaluate_part(self, archs: Archs) -> NDArray[np.float32]:
        import torch
        from torch.nn.functional import embedding_bag

        rows = torch.from_numpy(read_states(self.groups, archs)).to(self.device) + self.offsets
        additive = embedding_bag(rows, self.additive, mode="sum") + self.constant
        mixed = embedding_bag(rows, self.mix, mode="sum").float()
        rest = forward_trunk(self.arrays, mixed) * self.arrays["scale"]
        both: NDArray[np.float32] = torch.cat([additive, rest], dim=1).T.cpu().numpy()
        return both


def tabulate(
    arrays: Arrays,
    groups: Sequence[SlotGroup],
    offsets: Sequence[int],
    *,
    fixed: Mapping[int, int],
    device: torch.device,
) -> TabulatedNetwork:
    """Turn a network's groups into tables.

    Parameters
    ----------
    arrays
        Float32 but for ``constant`` and ``additive`` (float64).
    groups, offsets
        As `embed_groups`; groups of slots in ``fixed`` alone become constants.
    fixed
        Codes of slots that are the same for every arch that will come, such as the input resolution.
    device
        Where to evaluate.
    """
    import torch

    n_slots = len(offsets)
    constant = arrays["constant"].clone()
    mixed_constant = torch.zeros(arrays["trunk"].shape[-1], dtype=torch.float64)
    kept: list[SlotGroup] = []
    additive: list[Tensor] = []
    mix: list[Tensor] = []
    with torch.inference_mode():
        for place, group in enumerate(groups):
            is_fixed = all(slot in fixed for slot in group.slots)
            states = np.array([[fixed[slot] for slot in group.slots]]) if is_fixed else group.codes()
            codes = torch.zeros((len(states), n_slots), dtype=torch.int64)
            codes[:, list(group.slots)] = torch.from_numpy(states)
            single = {name: arrays[name][place : place + 1] for name in GROUP_ARRAYS}
            embedded = embed_groups(arrays, [group], offsets, codes)
            mixed, direct = forward_groups(single, embedded)
            table = direct[0].double() * arrays["scale"]
            for slot in group.slots:
                table += arrays["additive"][codes[:, slot] + offsets[slot]]
            if is_fixed:
                constant += table[0]
                mixed_constant += mixed[0, 0]
            else:
                kept.append(group)
                additive.append(table.float())
                mix.append(mixed[0])
        mix[0] += mixed_constant.float()
    sizes = [len(table) for table in additive]
    starts = torch.tensor([sum(sizes[:place]) for place in range(len(sizes))], dtype=torch.int32)
    moved = {name: array.float().to(device) for name, array in arrays.items()}
    return TabulatedNetwork(
        groups=tuple(kept),
        offsets=starts.to(device),
        constant=constant.float().to(device),
        additive=torch.cat(additive).to(device),
        mix=torch.cat(mix).half().to(device),
        arrays=moved,
        device=device,
    )
