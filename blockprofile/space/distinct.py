"""How many distinct networks a space holds: encodings that stand for one network are counted once.

A skip leaves a layer out, as a smaller depth does, and two widths or blocks may come to the same operator. What is
counted is the number of different operator lists.
"""

from __future__ import annotations

from collections.abc import Iterator

from blockprofile.space.operators import Operator
from blockprofile.space.sites import build_sites
from blockprofile.space.slots import INACTIVE
from blockprofile.space.space import Space

__all__ = ["count_networks"]

MAX_STATES = 20_000
MAX_MOVES = 2_000_000

State = tuple[int, tuple[tuple[int, int], ...]]
"""A place in the network that comes next, and the codes decided so far that later places still depend on."""


def count_networks(space: Space) -> int | None:
    """Count the distinct networks of a space exactly; None where that would take too long.

    Notes
    -----
    The encodings are the paths of an automaton whose letters are operators; empty places are moves without a letter. It
    is made deterministic set by set, so that every list of operators has one path, and paths are counted.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> count_networks(load_space("moga")) == 12**14
    True
    """
    return _Counter(space).count()


class _Counter:
    def __init__(self, space: Space) -> None:
        self.space, self.sites = space, build_sites(space)
        self.moves = 0
        scopes = [self._needed(place) for place in range(len(self.sites))]
        self.scopes = scopes
        last = {slot: place for place, scope in enumerate(scopes) for slot in scope}
        self.live = [{slot for slot, until in last.items() if until > place} for place in range(len(self.sites))]
        self._numbers: dict[Operator, int] = {}
        self._steps: dict[State, tuple[tuple[int | None, State], ...]] = {}
        self._silent: dict[State, tuple[State, ...]] = {}

    def _needed(self, place: int) -> tuple[int, ...]:
        """List the slots that decide a place: those of its operator, and the depth where it may be left out."""
        site = self.sites[place]
        depth = self.space.units[site.unit - 1].depth if site.unit else None
        return tuple(sorted({*site.scope} | ({depth} if depth is not None else set())))

    def count(self) -> int | None:
        """Count the paths of the automaton of sets."""
        start: State = (0, ())
        layers: dict[frozenset[State], int] = {self._closed({start}): 1}
        total = 0
        for _ in range(len(self.sites) + 1):
            following: dict[frozenset[State], int] = {}
            for states, n in layers.items():
                if any(place == len(self.sites) for place, _ in states):
                    total += n
                letters: dict[int, set[State]] = {}
                for state in states:
                    for operator, after in self._next(state):
                        if operator is not None:
                            letters.setdefault(operator, set()).add(after)
                for reached in letters.values():
                    closed = self._closed(reached)
                    following[closed] = following.get(closed, 0) + n
            if len(following) > MAX_STATES or self.moves > MAX_MOVES:
                return None
            layers = following
        return total

    def _closed(self, states: set[State]) -> frozenset[State]:
        """Add the states that are reached without a letter."""
        found, waiting = set(states), list(states)
        while waiting:
            for after in self._without_letter(waiting.pop()):
                if after not in found:
                    found.add(after)
                    waiting.append(after)
        return frozenset(found)

    def _without_letter(self, state: State) -> tuple[State, ...]:
        if state not in self._silent:
            self._silent[state] = tuple(after for operator, after in self._next(state) if operator is None)
        return self._silent[state]

    def _next(self, state: State) -> tuple[tuple[int | None, State], ...]:
        """List the moves from a state, operators by number: they are compared often."""
        if state not in self._steps:
            self._steps[state] = tuple(dict.fromkeys(self._expand(state)))
            self.moves += len(self._steps[state])
        return self._steps[state]

    def _expand(self, state: State) -> Iterator[tuple[int | None, State]]:
        place, decided = state
        if place == len(self.sites) or self.moves > MAX_MOVES:
            return
        site = self.sites[place]
        for codes in self._assignments(dict(decided), self.scopes[place], site.unit, site.layer):
            operator = site.table.get(tuple(codes[slot] for slot in site.scope))
            kept = tuple(sorted((slot, code) for slot, code in codes.items() if slot in self.live[place]))
            number = None if operator is None else self._numbers.setdefault(operator, len(self._numbers))
            yield number, (place + 1, kept)

    def _assignments(
        self, codes: dict[int, int], scope: tuple[int, ...], unit: int, layer: int
    ) -> Iterator[dict[int, int]]:
        """Decide the open slots of a scope, depths before layers."""
        free = [slot for slot in scope if slot not in codes]
        if not free:
            yield codes
            return
        slot = min(free, key=lambda index: self.space.slots[index].kind == "layer")
        for code in self._codes(slot, codes):
            yield from self._assignments({**codes, slot: code}, scope, unit, layer)

    def _codes(self, slot: int, codes: dict[int, int]) -> tuple[int, ...]:
        about = self.space.slots[slot]
        if about.kind == "layer":
            unit = self.space.units[about.unit - 1]
            depth = unit.depths[0] if unit.depth is None else unit.depths[codes[unit.depth]]
            if depth < about.layer:
                return (INACTIVE,)
        return self.space.allowed[slot]
