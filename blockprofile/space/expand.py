"""Short forms of a space file, written out before it is validated: products of factors, and widths by ratios."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from blockprofile.errors import DefinitionError, one_of
from blockprofile.space.definition import Value
from blockprofile.space.operators import make_divisible
from blockprofile.yamlfile import Document

PRODUCT_KEYS = ("product", "name")
WIDTH_KEYS = ("ratios", "of", "round_to", "names")
MAX_BLOCKS = 250
WORDS: dict[str, Value] = {"yes": True, "no": False}

Level = tuple[str, dict[str, Any]]
"""A level of a factor: its name, and the block's keys that it sets."""


def expand(document: Document) -> Document:
    """Write out the short forms of a space file.

    A block ``{product: {FACTOR: LEVELS, …}}`` stands for one block for every combination of levels, the last factor
    changing fastest. Levels are values of the block's key of that name, or a mapping of level names to the keys that
    they set. A unit's ``out: {ratios: [0.75, 1], of: 96, round_to: 8}`` stands for the widths, named by their ratios,
    or by ``names``.

    Raises
    ------
    DefinitionError
        If a short form is wrong, has more than 250 blocks, or two widths are equal that have no names of their own.

    Examples
    --------
    >>> from pathlib import Path
    >>> file = {"blocks": [{"product": {"op": {"mb3": {"op": "mbconv", "expansion": 3}}, "kernel": [3, 5]}}]}
    >>> [block["name"] for block in expand(Document(Path("s.yaml"), file, file)).data["blocks"]]
    ['mb3k3', 'mb3k5']
    """
    data = dict(document.data)
    origins: list[int] = []
    blocks = data.get("blocks")
    if isinstance(blocks, list):
        written: list[Any] = []
        for index, block in enumerate(blocks):
            found = _product(document, block, index) if isinstance(block, Mapping) and "product" in block else [block]
            written += found
            origins += [index] * len(found)
        data["blocks"] = written
    units = data.get("units")
    if isinstance(units, list):
        data["units"] = [_widths(document, unit, index) for index, unit in enumerate(units)]
    return Document(document.path, data, document.source, {"blocks": tuple(origins)})


def _product(document: Document, block: Mapping[str, Any], index: int) -> list[dict[str, Any]]:
    loc: list[str | int] = ["blocks", index]
    unknown = [key for key in block if key not in PRODUCT_KEYS]
    if unknown:
        raise document.error(f"unknown key {unknown[0]!r} beside a product; {one_of(unknown[0], PRODUCT_KEYS)}", loc)
    factors = block["product"]
    if not isinstance(factors, Mapping) or not factors:
        raise document.error("a product is a mapping of factors to their levels", [*loc, "product"])
    levels = [_levels(document, str(name), given, [*loc, "product", name]) for name, given in factors.items()]
    for name, found in zip(factors, levels, strict=True):
        _check_distinct(document, str(name), found, [*loc, "product", name])
    total = 1
    for found in levels:
        total *= len(found)
    if total > MAX_BLOCKS:
        raise document.error(f"the product has {total} blocks; at most {MAX_BLOCKS} are allowed", [*loc, "product"])
    template = block.get("name")
    combinations = (dict(zip(factors, chosen, strict=True)) for chosen in itertools.product(*levels))
    return [_block(document, chosen, template, loc) for chosen in combinations]


def _levels(document: Document, factor: str, given: Any, loc: list[str | int]) -> list[Level]:
    if not factor:
        raise document.error("a factor of the product has no name", loc[:-1])
    if isinstance(given, Mapping) and given and all(isinstance(keys, Mapping) for keys in given.values()):
        return [(str(name), dict(keys)) for name, keys in given.items()]
    if isinstance(given, list) and given and all(isinstance(value, bool | int | float | str) for value in given):
        values = [WORDS.get(value, value) if isinstance(value, str) else value for value in given]
        return [(_word(factor, value), {factor: value}) for value in values]
    raise document.error(
        f"factor {factor!r} is {given!r}; it must be a list of values, or a mapping of level names to keys", loc
    )


def _check_distinct(document: Document, factor: str, levels: list[Level], loc: list[str | int]) -> None:
    """Refuse a factor of which two levels say the same: its blocks would differ in their names alone."""
    for (first, keys), (second, others) in itertools.combinations(levels, 2):
        if keys == others:
            raise document.error(f"levels {first!r} and {second!r} of factor {factor!r} set the same keys", loc)


def _word(factor: str, value: Value) -> str:
    """Name a level in a block's name: ``k5`` for kernel 5, ``se`` for se true, nothing for no and none."""
    if isinstance(value, bool):
        return factor if value else ""
    if isinstance(value, str):
        return "" if value == "none" else value
    return f"{factor[0]}{value:g}"


def _block(document: Document, chosen: dict[str, Level], template: Any, loc: list[str | int]) -> dict[str, Any]:
    block: dict[str, Any] = {}
    for factor, (_, keys) in chosen.items():
        twice = sorted(block.keys() & keys.keys())
        if twice:
            raise document.error(f"two factors set {twice[0]!r}", [*loc, "product", factor])
        block |= keys
    words = {factor: word for factor, (word, _) in chosen.items()}
    name = "".join(words.values())
    if template is not None:
        try:
            name = str(template).format_map(words)
        except (KeyError, ValueError, IndexError, AttributeError) as failure:
            raise document.error(
                f"name {template!r} is no pattern of the factors {', '.join(words)}: {failure}", [*loc, "name"]
            ) from None
    levels = {factor: keys.get(factor, word) if len(keys) == 1 else word for factor, (word, keys) in chosen.items()}
    return {"name": name, **block, "factors": levels}


def _widths(document: Document, unit: Any, index: int) -> Any:
    if not isinstance(unit, Mapping) or not isinstance(unit.get("out"), Mapping):
        return unit
    loc: list[str | int] = ["units", index, "out"]
    given = unit["out"]
    unknown = [key for key in given if key not in WIDTH_KEYS]
    if unknown:
        raise document.error(f"unknown key {unknown[0]!r}; {one_of(unknown[0], WIDTH_KEYS)}", [*loc, unknown[0]])
    ratios, base, names = given.get("ratios"), given.get("of"), given.get("names")
    round_to = given.get("round_to", 1)
    if not isinstance(ratios, list) or not ratios or not all(_is_positive(ratio) for ratio in ratios):
        raise document.error(f"ratios {ratios!r} must be a list of numbers above 0", [*loc, "ratios"])
    for key, value in (("of", base), ("round_to", round_to)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise document.error(f"{key} is {value!r}; must be a whole number of at least 1", [*loc, key])
    if names is not None and (not isinstance(names, list) or len(names) != len(ratios)):
        message = f"names {names!r} must be a list, one for each of the {len(ratios)} ratios"
        raise document.error(message, [*loc, "names"])
    if "widths" in unit:
        raise document.error("widths are named by out.names where out gives ratios", ["units", index, "widths"])
    widths = [make_divisible(base * ratio, round_to) if round_to > 1 else round(base * ratio) for ratio in ratios]
    if names is None and len(set(widths)) < len(widths):
        raise _coincide(document, ratios, widths, loc)
    if len(widths) == 1:
        return {**unit, "out": widths[0]}
    return {**unit, "out": widths, "widths": list(names or ratios)}


def _coincide(document: Document, ratios: list[Any], widths: list[int], loc: list[str | int]) -> DefinitionError:
    told = ", ".join(f"{ratio} is {width}" for ratio, width in zip(ratios, widths, strict=True))
    return document.error(f"two ratios give one width ({told}); leave one out, or tell them apart by names", loc)


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6
