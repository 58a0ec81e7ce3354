"""Algorithms as text: a name, with parameters after a colon where they differ from the defaults."""

from __future__ import annotations

from collections.abc import Mapping

from blockprofile.errors import OptionError, check_choice, one_of
from blockprofile.numbers import parse_count, parse_number
from blockprofile.search import ALGORITHMS, NSGA2, Algorithm, HierarchicalMutation, RandomMutation, UniformMutation

_PARAMETERS = {"nsga2": ("population", "mutator"), "mutation": ("pool", "children", "top", "chance")}
_MUTATORS = {"uniform": UniformMutation, "hierarchical": HierarchicalMutation}


def parse_algorithm(text: str) -> Algorithm:
    """Read ``NAME`` or ``NAME:KEY=VALUE,KEY=VALUE``.

    Raises
    ------
    OptionError
        If a name, key or value is not allowed.

    Examples
    --------
    >>> parse_algorithm("mutation:pool=20,children=50").default_budget(1)
    220
    >>> parse_algorithm("nsga2:mutator=hierarchical,population=70").population
    70
    """
    name, _, tail = text.partition(":")
    check_choice("algorithm", name, ALGORITHMS)
    if not tail:
        return ALGORITHMS[name]()
    pairs = [_pair(text, pair) for pair in tail.split(",")]
    given = dict(pairs)
    if len(given) < len(pairs):
        raise OptionError(f"algorithm {text!r} gives a parameter twice")
    for key in given:
        if key not in _PARAMETERS.get(name, ()):
            raise OptionError(f"algorithm {name!r} has no parameter {key!r}; {one_of(key, _PARAMETERS.get(name, ()))}")
    if name == "mutation":
        pool, children = _number(text, given, "pool"), _number(text, given, "children")
        top = _number(text, given, "top") or RandomMutation().top
        chance = RandomMutation().chance
        if "chance" in given:
            chance = parse_number(given["chance"], f"chance of algorithm {text!r}")
        return RandomMutation(pool=pool, children=children, top=top, chance=chance)
    mutator = given.get("mutator", "uniform")
    if mutator not in _MUTATORS:
        raise OptionError(f"mutator {mutator!r} of algorithm {text!r} is unknown; {one_of(mutator, _MUTATORS)}")
    population = _number(text, given, "population") or NSGA2().population
    return NSGA2(mutation=_MUTATORS[mutator](), population=population)


def _pair(text: str, pair: str) -> tuple[str, str]:
    key, sign, value = pair.partition("=")
    if not sign:
        raise OptionError(f"{pair!r} of algorithm {text!r} is not of the form KEY=VALUE")
    return key, value


def _number(text: str, given: Mapping[str, str], key: str) -> int | None:
    if key not in given:
        return None
    return parse_count(given[key], name=f"{key} of algorithm {text!r}")
