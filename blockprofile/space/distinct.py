"""How many distinct networks a space holds: encodings that stand for one network are counted once.

A skip leaves a layer out, as a smaller depth does, and two widths or blocks may come to the same operator. What is
counted is the number of different operator lists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from blockprofile.space.operators import Operator
from blockprofile.space.sites import build_sites
from blockprofile.space.slots import INACTIVE
from blockprofile.space.space import Space

MAX_STATES = 20_000
MAX_MOVES = 2_000_000

Set = frozenset[int]
State = tuple[int, tuple[tuple[int, int], ...]]
"""A place in the network that comes next, and the codes decided so far that later places still depend on."""


def count_networks(space: Space) -> int | None:
    """Count the distinct networks of a space exactly; None where that would take too long.

    Notes
    -----
    The encodings are the paths of an automaton whose letters are operators; empty places are moves without a letter. It
    is made deterministic set by set, so that every list of operators has one path, and paths are counted. States of a
    set that share no letter, at once or through others, are sets of their own, of which there are far fewer.

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
        self._states: dict[State, int] = {}
        self._about: list[State] = []
        self._steps: dict[int, tuple[tuple[int | None, int], ...]] = {}
        self._letters: dict[int, dict[int, Set]] = {}
        self._split: dict[Set, tuple[Set, ...]] = {}
        self._targets: dict[Set, tuple[tuple[Set, int], ...]] = {}

    def _needed(self, place: int) -> tuple[int, ...]:
        """List the slots that decide a place: those of its operator, and the depth where it may be left out."""
        site = self.sites[place]
        depth = self.space.units[site.unit - 1].depth if site.unit else None
        return tuple(sorted({*site.scope} | ({depth} if depth is not None else set())))

    def count(self) -> int | None:
        """Count the paths of the automaton of sets."""
        end: Set = frozenset({self._number((len(self.sites), ()))})
        waiting = dict.fromkeys(self._parts(self._closed({self._number((0, ()))})), 1)
        total = 0
        for _ in range(len(self.sites) + 1):
            total += waiting.pop(end, 0)
            following: dict[Set, int] = {}
            for states, n in waiting.items():
                for after, times in self._after(states):
                    following[after] = following.get(after, 0) + n * times
            if len(following) > MAX_STATES or self.moves > MAX_MOVES:
                return None
            waiting = following
        return total

    def _after(self, states: Set) -> tuple[tuple[Set, int], ...]:
        """List the sets that follow one, each with the number of letters that lead there."""
        if states not in self._targets:
            reached: dict[int, Set] = {}
            for state in states:
                for letter, after in self._by_letter(state).items():
                    reached[letter] = reached[letter] | after if letter in reached else after
            parts = Counter(part for after in reached.values() for part in self._parts(after))
            self._targets[states] = tuple(parts.items())
        return self._targets[states]

    def _parts(self, states: Set) -> tuple[Set, ...]:
        """Part a set where no letter is shared; the end, from which no letter leads, is by itself."""
        if states not in self._split:
            parts: list[tuple[set[int], set[int]]] = []
            for state in states:
                members, letters = {state}, set(self._by_letter(state))
                apart = []
                for part in parts:
                    if letters.isdisjoint(part[1]):
                        apart.append(part)
                    else:
                        members |= part[0]
                        letters |= part[1]
                parts = [*apart, (members, letters)]
            self._split[states] = tuple(frozenset(members) for members, _ in parts)
        return self._split[states]

    def _closed(self, states: set[int]) -> Set:
        """Add the states that are reached without a letter; states that lead nowhere but there are left out."""
        found, waiting = set(states), list(states)
        while waiting:
            for operator, after in self._next(waiting.pop()):
                if operator is None and after not in found:
                    found.add(after)
                    waiting.append(after)
        return frozenset(state for state in found if self._is_read(state))

    def _is_read(self, state: int) -> bool:
        """Whether a letter leads on from a state, or it is the end."""
        return self._about[state][0] == len(self.sites) or any(letter is not None for letter, _ in self._next(state))

    def _by_letter(self, state: int) -> dict[int, Set]:
        """Return the closed set that each letter leads to from a state."""
        if state not in self._letters:
            found: dict[int, set[int]] = {}
            for letter, after in self._next(state):
                if letter is not None:
                    found.setdefault(letter, set()).add(after)
            self._letters[state] = {letter: self._closed(after) for letter, after in found.items()}
        return self._letters[state]

    def _number(self, state: State) -> int:
        """Number a state: numbers are compared often."""
        if state not in self._states:
            self._states[state] = len(self._about)
            self._about.append(state)
        return self._states[state]

    def _next(self, state: int) -> tuple[tuple[int | None, int], ...]:
        """List the moves from a state, to states and by operators, both by number."""
        if state not in self._steps:
            moves = ((letter, self._number(after)) for letter, after in self._expand(self._about[state]))
            self._steps[state] = tuple(dict.fromkeys(moves))
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
