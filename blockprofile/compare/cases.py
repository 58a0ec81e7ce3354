"""Cases: what is compared. Each is a space, original or pruned, searched by one algorithm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blockprofile.compare.algorithms import parse_algorithm
from blockprofile.errors import OptionError
from blockprofile.files import check_name
from blockprofile.search import Algorithm
from blockprofile.space import Space, load_space

ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class Case:
    """A space and an algorithm under one name; ``source`` is what it was named by."""

    name: str
    space: Space
    source: str | Path | Space
    algorithm_text: str
    algorithm: Algorithm

    @property
    def slug(self) -> str:
        """The name as a folder's."""
        return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in self.name)


def make_cases(
    space: str | Path | Space,
    insights: Sequence[str | Path | Space],
    algorithms: Sequence[str],
    *,
    resolution: int | None = None,
) -> tuple[Case, ...]:
    """Cross spaces with algorithms; the first case, the original with the first algorithm, is the yardstick.

    Raises
    ------
    OptionError
        If there is nothing to compare, two cases have one name, or a pruned space has another base.
    """
    whole = _load(space, resolution)
    if whole.is_pruned:
        raise OptionError(f"space {whole.name!r} is pruned; name its base with --space and this one with --insight")
    spaces = [(ORIGINAL, whole, space)]
    for insight in insights:
        pruned = _load(insight, resolution)
        if pruned.base.hash != whole.hash:
            raise OptionError(
                f"pruned space {pruned.name!r} is made from {pruned.base.name!r} at {pruned.resolution} pixels "
                f"(hash {pruned.base.hash[:12]}…), not from {whole.name!r} (hash {whole.hash[:12]}…)"
            )
        spaces.append((check_name(pruned.name, what="the name of a pruned space"), pruned, insight))
    parsed = [(text, parse_algorithm(text)) for text in algorithms]
    cases = tuple(
        Case(f"{name}, {text}" if len(parsed) > 1 else name, loaded, source, text, algorithm)
        for name, loaded, source in spaces
        for text, algorithm in parsed
    )
    slugs = [case.slug for case in cases]
    for case in cases:
        if slugs.count(case.slug) > 1:
            raise OptionError(f"several cases have the name {case.name!r}; names of spaces and algorithms must differ")
    if len(cases) < 2:
        raise OptionError("nothing to compare: name a pruned space with --insight, or a second --algorithm")
    return cases


def _load(space: str | Path | Space, resolution: int | None) -> Space:
    if not isinstance(space, Space):
        return load_space(space, resolution=resolution)
    return space.at_resolution(resolution)
