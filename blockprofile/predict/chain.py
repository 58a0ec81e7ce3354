"""The layers of an arch as a chain: which can follow which, and messages that pass along it.

Every active layer has a state and hears of the layer before it. The first state depends on a layer's block and the one
before it alone, the second on one more: there are a few thousand such pairs in a space and some ten thousand such
triples, so what depends on a window of neighbours alone is computed once for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blockprofile.predict.groups import is_implied
from blockprofile.predict.parts import ROW_MULTIPLE
from blockprofile.space.space import Space

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Chain", "ChainTables", "Windows", "pool_chain", "tabulate_chain"]

MOST_WINDOWS = 1 << 16
"""Longer windows are not listed where there would be more of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The windows of neighbouring layers that occur in a space.

    ``levels`` are int64 of shape (n, 2), in ascending order: pairs (a layer's row and the row before it), then triples
    (a layer's pair and the pair before it), and so on. ``n_rows``, then the number of pairs and so on, stand where
    nothing is.
    """

    n_rows: int
    levels: tuple[Tensor, ...]

    def __len__(self) -> int:
        """Count the longest windows."""
        return len(self.levels[-1])

    def to(self, device: torch.device) -> Windows:
        """Move to a device."""
        return Windows(self.n_rows, tuple(level.to(device) for level in self.levels))

    def number(self, lined: Tensor) -> Tensor:
        """Number the longest window that ends at every layer.

        Parameters
        ----------
        lined
            Rows, int64 of shape (n, n_layers), the active layers first and ``n_rows`` behind them.

        Returns
        -------
        int64, shape (n, n_layers): numbers of windows, and how many there are behind the last layer.
        """
        import torch
        from torch.nn.functional import pad

        size = self.n_rows
        for level in self.levels:
            keys = level[:, 0] * (size + 1) + level[:, 1]
            lined = torch.searchsorted(keys, lined * (size + 1) + pad(lined[:, :-1], (1, 0), value=size))
            size = len(level)
        return lined


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
        implied = {slot.index for slot in space.slots if is_implied(space, slot)}
        if not chained:
            return cls((), tuple(slot for slot in range(n_slots) if slot not in implied))
        return cls(layers, tuple(slot for slot in range(n_slots) if slot not in {*layers, *implied}))

    def windows(self, space: Space, offsets: Sequence[int], n_rows: int, *, longest: int) -> Windows:
        """List the windows that can occur, up to ``longest`` layers (at least 2) or as long as they are few.

        Parameters
        ----------
        offsets, n_rows
            Where each slot's rows start, and how many rows there are.
        """
        import torch

        found: list[tuple[int, int]] = []
        before: list[int] = [n_rows]
        for unit in space.units if self.layers else ():
            ends = list(before) if 0 in unit.depths else []
            for layer, index in enumerate(unit.layers, start=1):
                rows = [offsets[index] + code for code in range(space.slots[index].n_choices)]
                found += [(row, other) for row in rows for other in before]
                before = rows
                if unit.shared or layer in unit.depths:
                    ends += rows
            before = ends
        levels = [torch.tensor(sorted(found), dtype=torch.int64).reshape(-1, 2)]
        size = n_rows
        while len(levels) < longest - 1:
            longer = _join(levels[-1], size)
            if len(longer) > MOST_WINDOWS:
                break
            size = len(levels[-1])
            levels.append(longer)
        return Windows(n_rows, tuple(levels))

    def line_up(self, rows: Tensor, active: Tensor, windows: Windows) -> Tensor:
        """Move the active layers to the front, in their order, and number the window that ends at each.

        Parameters
        ----------
        rows
            int64, shape (n, n_layers).
        active
            bool, shape (n, n_layers).

        Returns
        -------
        int64, shape (n, n_layers), as `Windows.number` gives it.
        """
        import torch

        last = rows.shape[1]
        place = torch.where(active, active.cumsum(1) - 1, last)
        lined = torch.full((len(rows), last + 1), windows.n_rows, dtype=torch.int64, device=rows.device)
        return windows.number(lined.scatter_(1, place, rows)[:, :last])


def _join(level: Tensor, size: int) -> Tensor:
    """Join windows to those that are longer by a layer: each with all whose end is where it begins.

    ``size`` stands in ``level`` where nothing is before.
    """
    import torch

    ends, begins = level[:, 0].contiguous(), level[:, 1].contiguous()
    first = torch.searchsorted(ends, begins)
    n = torch.searchsorted(ends, begins, right=True) - first
    first, n = torch.where(begins == size, len(level), first), torch.where(begins == size, 1, n)
    own = torch.arange(len(level)).repeat_interleave(n)
    step = torch.arange(len(own)) - (n.cumsum(0) - n).repeat_interleave(n)
    return torch.stack([own, first.repeat_interleave(n) + step], dim=1)


@dataclass(frozen=True, slots=True, eq=False)
class ChainTables:
    """What is looked up for each of the longest windows, with a row of zeros behind the last.

    Either the last state (``own``, with ``heard`` None), or the two terms of the first layer that is not tabulated;
    ``hops`` are the matrices and biases of the layers behind it.
    """

    own: Tensor
    heard: Tensor | None
    hops: tuple[tuple[Tensor, Tensor], ...]


def tabulate_chain(
    rows: Tensor, previous: Tensor, hops: Sequence[Tensor], hop_bias: Sequence[Tensor], windows: Windows
) -> ChainTables:
    """Compute what depends on windows alone.

    Parameters
    ----------
    rows, previous
        Shape (n_rows, hidden).
    hops, hop_bias
        Matrices of shape (hidden, 2 * hidden) and vectors; at least as many as ``windows`` has levels behind the first.
    """
    import torch
    from torch.nn.functional import embedding, relu

    blank = rows.new_zeros((1, rows.shape[1]))
    left = list(zip(hops, hop_bias, strict=True))
    own, heard = rows, torch.cat([previous, blank])
    state = rows
    for place, level in enumerate(windows.levels):
        if place:
            own, heard = _terms(state, *left.pop(0))
        state = relu(embedding(level[:, 0], own) + embedding(level[:, 1], heard))
        state = torch.cat([state, blank.to(state.dtype)])
    if not left:
        return ChainTables(state, None, ())
    return ChainTables(*_terms(state, *left[0]), tuple(left[1:]))


def _terms(state: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Compute what a layer makes of its own states and of those before."""
    from torch.nn.functional import linear

    mine, theirs = weight.chunk(2, dim=1)
    return linear(state, mine, bias), linear(state, theirs)


def pool_chain(tables: ChainTables, nodes: Tensor) -> Tensor:
    """Pass messages along the chain and pool its states.

    Parameters
    ----------
    nodes
        As `Chain.line_up` gives them.

    Returns
    -------
    Shape (n, hidden).
    """
    import torch
    from torch.nn.functional import embedding, linear, pad, relu

    blank, n_layers = len(tables.own) - 1, nodes.shape[1]
    there = (nodes < blank).flatten().nonzero()[:, 0]
    own = pad(nodes.flatten()[there], (0, -len(there) % ROW_MULTIPLE), value=blank)
    is_first = pad(there % n_layers == 0, (0, len(own) - len(there)), value=True)
    state = embedding(own, tables.own)
    if tables.heard is not None:
        state = relu(state + embedding(torch.where(is_first, blank, own.roll(1)), tables.heard))
    follows = (~is_first)[:, None].to(state.dtype)
    for weight, bias in tables.hops:
        state = relu(linear(torch.cat([state, state.roll(1, 0) * follows], dim=1), weight, bias))
    spread = state.new_zeros((nodes.numel(), state.shape[1])).index_copy(0, there, state[: len(there)])
    return spread.view(*nodes.shape, -1).sum(1, dtype=torch.float32) / n_layers
