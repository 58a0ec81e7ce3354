"""`blockprofile space list | show | check | count | diff`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from blockprofile.cli.output import JSON_OPTION, note, print_json, print_table, tell

group = typer.Typer(
    help="""Search spaces: list, show, check a file, count architectures, compare two.

    Examples
    --------
    blockprofile space list
    blockprofile space check my_space.yaml
    """,
    no_args_is_help=True,
)

_NAME = typer.Argument(..., help="A shipped space, or the path of a YAML file.", metavar="SPACE")


def register(app: typer.Typer) -> None:
    """Add the command group."""
    app.add_typer(group, name="space")


def scientific(count: int) -> str:
    """Write a large count shortly.

    Examples
    --------
    >>> scientific(12**14), scientific(216)
    ('1.28e15', '216')
    """
    digits = len(str(count)) - 1
    return str(count) if digits < 7 else f"{count / 10**digits:.2f}e{digits}"


@group.command("list")
def list_all(json: bool = JSON_OPTION) -> None:
    """List the shipped spaces.

    Examples
    --------
    blockprofile space list
    """
    from blockprofile.space import count_archs, list_spaces, load_space

    rows: list[dict[str, Any]] = []
    for name in list_spaces():
        space = load_space(name)
        count = count_archs(space)
        rows.append(
            {
                "space": name,
                "archs": count if json else scientific(count),
                "blocks": space.n_blocks,
                "units": len(space.units),
                "title": space.definition.title,
            }
        )
    if json:
        print_json(rows)
    else:
        print_table(rows, wrap=["title"])


@group.command("show")
def show(name: str = _NAME, json: bool = JSON_OPTION) -> None:
    """Show a space: units, blocks, size, and the range of its multiply-adds and parameters.

    Examples
    --------
    blockprofile space show moga
    """
    from blockprofile.additive import feasible_range
    from blockprofile.space import (
        count_archs,
        count_macs,
        count_params,
        decode,
        factorize,
        load_space,
        named_archs,
        unit_rows,
    )

    space = load_space(name)
    rows = unit_rows(space)
    count = count_archs(space)
    macs = [value / 1e6 for value in feasible_range(space, factorize(space, count_macs))]
    params = [value / 1e6 for value in feasible_range(space, factorize(space, count_params))]
    summary: dict[str, Any] = {
        "name": space.name, "title": space.definition.title, "hash": space.hash, "n_slots": space.n_slots,
        "archs": count, "resolutions": list(space.definition.input.resolutions), "resolution": space.resolution,
        "macs_m": macs, "params_m": params,
        "sources": list(space.definition.sources), "notes": space.definition.notes,
        "networks": {name: decode(space, arch) for name, arch in named_archs(space).items()},
    }  # fmt: skip
    if json:
        print_json({**summary, "units": rows, "slots": [slot.name for slot in space.slots]})
        return
    tell(f"{space.name}: {space.definition.title}")
    tell(f"{count:,} archs ({scientific(count)}), {space.n_slots} slots, hash {space.hash[:12]}")
    tell(f"input {space.resolution} pixels, of {', '.join(map(str, space.definition.input.resolutions))}")
    tell(f"{macs[0]:.1f} to {macs[1]:.1f} M multiply-adds, {params[0]:.2f} to {params[1]:.2f} M parameters (counted)")
    print_table(rows, wrap=["blocks"])
    for network, text in summary["networks"].items():
        tell(f"network {network}: {text}")
    for source in space.definition.sources:
        tell(f"source: {source}")


@group.command("check")
def check(name: str = _NAME, json: bool = JSON_OPTION) -> None:
    """Check a space file; a mistake is shown with its line, column and key.

    Examples
    --------
    blockprofile space check my_space.yaml
    """
    from blockprofile.space import count_archs, distinct_operators, load_space

    space = load_space(name)
    n_operators = len(distinct_operators(space))
    count = count_archs(space)
    if json:
        print_json({"name": space.name, "hash": space.hash, "archs": count, "operators": n_operators})
    else:
        tell(f"{name} is in order: space {space.name!r}, {count:,} archs, {n_operators} distinct operators")


@group.command("count")
def count(name: str = _NAME, json: bool = JSON_OPTION) -> None:
    """Count the architectures of a space, exactly, and the distinct networks that they stand for.

    Examples
    --------
    blockprofile space count ofa_mbv3
    """
    from blockprofile.space import count_archs, count_networks, load_space

    space = load_space(name)
    number, networks = count_archs(space), count_networks(space)
    if json:
        print_json({"name": space.name, "archs": number, "networks": networks})
        return
    tell(number)
    note(f"space {space.name!r}: {scientific(number)} architectures")
    if networks is None:
        note("how many distinct networks they stand for would take too long to count")
    elif networks == number:
        note("each stands for a network of its own")
    else:
        several = "some are written in several ways (skips, depths, choices that come to one)"
        note(f"they stand for {networks:,} distinct networks; {several}")


@group.command("diff")
def diff(
    first: str = typer.Argument(..., help="A space, such as the base.", metavar="FIRST"),
    second: str = typer.Argument(..., help="Another space of the same base.", metavar="SECOND"),
    json: bool = JSON_OPTION,
) -> None:
    """Say what one space has and another lacks: blocks, depths, widths, architectures, mutation weights.

    Examples
    --------
    blockprofile space diff moga smaller.yaml
    """
    from blockprofile.space import diff_spaces, load_space

    one, other = load_space(first), load_space(second)
    found = diff_spaces(one, other)
    rows = [
        {
            "slot": each.slot.name,
            f"only in {one.name}": " ".join(map(str, each.only_first)),
            f"only in {other.name}": " ".join(map(str, each.only_second)),
        }
        for each in found.slots
    ]
    if json:
        print_json(
            {
                "first": one.name, "second": other.name, "archs_first": found.n_first, "archs_second": found.n_second,
                "archs_both": found.n_both, "second_is_subset": found.is_subset,
                "mutation_first": one.mutation, "mutation_second": other.mutation,
                "slots": [
                    {"slot": each.slot.name, "unit": each.slot.unit, "layer": each.slot.layer,
                     "only_first": each.only_first, "only_second": each.only_second}
                    for each in found.slots
                ],
            }
        )  # fmt: skip
        return
    tell(
        f"{one.name}: {scientific(found.n_first)} archs; {other.name}: {scientific(found.n_second)}; "
        f"both: {scientific(found.n_both)}"
    )
    if rows:
        print_table(rows, wrap=list(rows[0])[1:])
    else:
        tell("the same choices at every slot")
    if dict(one.mutation) != dict(other.mutation):
        tell(f"mutation weights: {_weights(one.mutation)} and {_weights(other.mutation)}")


def _weights(mutation: Mapping[int, float]) -> str:
    return ", ".join(f"unit {unit}: {weight:g}" for unit, weight in mutation.items()) or "none"
