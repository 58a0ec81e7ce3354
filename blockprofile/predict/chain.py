"""The layers of an arch as a chain: which can follow which, and messages that pass along it.

Every active layer has a state and hears of the layer before it. The first state depends on a layer's block and the one
before it alone; there are a few thousand such pairs in a space, so what depends on a pair is computed once for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blockprofile.space.space import Space

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Chain", "forward_chain"]


@dataclass(frozen=True, slots=True)
class Chain:
    """The slots of a space as a chain of layers and what stands beside it.

    ``layers`` are in the order of the network; with no hops there is no chain and all slots are ``others``.
    """

    layers: tuple[int, ...]
    others: tuple[int, ...]

    @classmethod
    def of(cls, space: Space, n_slots: int, *, chained: bool) -> Chain:
        """Sort the slots of a space, and the resolution where it is one slot more."""
        layers = tuple(slot.index for slot in space.slots if slot.kind == "layer")
        depths = {slot.index for slot in space.slots if slot.kind == "depth"}
        if not chained:
            return cls((), tuple(slot for slot in range(n_slots) if slot not in depths))
        return cls(layers, tuple(slot for slot in range(n_slots) if slot not in {*layers, *depths}))

    def pairs(self, space: Space, offsets: Sequence[int], n_rows: int) -> tuple[Tensor, Tensor]:
        """List the rows that can follow each other in the chain: there are few, so the first layers are looked up.

        Parameters
        ----------
        offsets, n_rows
            Where each slot's rows start, and how many rows there are.

        Returns
        -------
        The pairs, int64 of shape (n_pairs, 2): a layer's row and the row before it, ``n_rows`` before the first; and
        the number of each pair, int64 of shape (n_rows + 1, n_rows + 1), ``n_pairs`` where there is none; both empty
        without a chain.
        """
        import torch

        if not self.layers:
            return torch.empty((0, 2), dtype=torch.int64), torch.empty((0, 0), dtype=torch.int64)
        found: list[tuple[int, int]] = []
        before: list[int] = [n_rows]
        for unit in space.units:
            ends: list[int] = []
            for layer, index in enumerate(unit.layers, start=1):
                rows = [offsets[index] + code for code in range(space.slots[index].n_choices)]
                found += [(row, other) for row in rows for other in before]
                before = rows
                if layer in unit.depths:
                    ends += rows
            before = ends
        pairs = torch.tensor(found, dtype=torch.int64)
        numbers = torch.full((n_rows + 1, n_rows + 1), len(found), dtype=torch.int64)
        numbers[pairs[:, 0], pairs[:, 1]] = torch.arange(len(found))
        return pairs, numbers

    def line_up(self, rows: Tensor, active: Tensor, numbers: Tensor) -> Tensor:
        """Move the active layers to the front, in their order, and number each with the one before it.

        Parameters
        ----------
        rows
            int64, shape (n, n_layers).
        active
            bool, shape (n, n_layers).
        numbers
            As `pairs` gives it.

        Returns
        -------
        int64, shape (n, n_layers): pairs, then ``n_pairs`` behind the last layer.
        """
        import torch
        from torch.nn.functional import pad

        last, blank = rows.shape[1], numbers.shape[0] - 1
        place = torch.where(active, active.cumsum(1) - 1, last)
        lined = torch.full((len(rows), last + 1), blank, dtype=torch.int64, device=rows.device)
        lined = lined.scatter_(1, place, rows)[:, :last]
        return numbers[lined, pad(lined[:, :-1], (1, 0), value=blank)]


def forward_chain(
    rows: Tensor, previous: Tensor, hops: Iterable[Tensor], hop_bias: Iterable[Tensor], pairs: Tensor, nodes: Tensor
) -> Tensor:
    """Pass messages along the chain and pool its states.

    Parameters
    ----------
    rows, previous
        Shape (n_rows, hidden).
    hops, hop_bias
        Matrices of shape (hidden, 2 * hidden) and vectors.
    pairs, nodes
        As `Chain.pairs` and `Chain.line_up` give them. The first state depends on a pair alone, and so do the two
        terms of the second layer: they are computed once for each pair.

    Returns
    -------
    Shape (n, hidden).
    """
    import torch
    from torch.nn.functional import embedding, linear, pad, relu

    blank = rows.new_zeros((1, rows.shape[1]))
    state = relu(embedding(pairs[:, 0], rows) + embedding(pairs[:, 1], torch.cat([previous, blank])))
    state = torch.cat([state, blank.to(state.dtype)])
    tabulated = True
    for weight, bias in zip(hops, hop_bias, strict=True):
        if tabulated:
            mine, theirs = weight.chunk(2, dim=1)
            own, heard = linear(state, mine, bias), linear(state, theirs)
            state = relu(embedding(nodes, own) + pad(embedding(nodes[:, :-1], heard), (0, 0, 1, 0)))
            tabulated = False
        else:
            both = torch.cat([state, pad(state[:, :-1], (0, 0, 1, 0))], dim=2)
            state = relu(linear(both, weight, bias))
    if tabulated:
        state = embedding(nodes, state)
    there = (nodes < len(pairs)).to(state.dtype)
    return torch.bmm(there[:, None], state)[:, 0] / nodes.shape[1]
