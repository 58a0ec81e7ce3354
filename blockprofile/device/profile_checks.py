"""What a profile must hold before its times are given to operators: every node once, every operator, one unit.

A time that went to a node of another name is lost without a word, so what is missing is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from blockprofile.device.export_manifest import ExportManifest
from blockprofile.device.formats import Trace
from blockprofile.device.node_names import Instance, Step, required_steps
from blockprofile.errors import DataError
from blockprofile.space import Operator, Space, build_sites

FARTHEST = 200.0
"""How many times more or less two figures of one thing may be before one of them is taken to be in another unit."""
MAX_NAMED = 3
MOST_UNTIMED = 0.01
"""The share of a model's multiply-adds that may take no time: what is too short for a file's digits has fewer."""


def check_once(trace: Trace, found: Iterable[tuple[Step, ...]]) -> None:
    """Check that no named node stands there twice.

    Raises
    ------
    DataError
        If one does: the file holds two runs.
    """
    seen: set[str] = set()
    for node, steps in zip(trace.nodes, found, strict=True):
        if steps and node.name in seen:
            raise DataError(f"{trace.path}: node {node.name!r} stands there twice; are there two runs in the file?")
        seen.add(node.name)


def check_steps(trace: Trace, found: Iterable[tuple[Step, ...]], operators: Mapping[str, Operator]) -> None:
    """Check that every step that computes of the operators that are named has a node.

    Raises
    ------
    DataError
        Naming one that has none.
    """
    named: dict[Instance, set[int]] = {}
    for steps in found:
        for step in steps:
            named.setdefault(step.instance, set()).add(step.index)
    needed = {(each, index) for each in named for index in required_steps(operators[each.tag])}
    missing = sorted((each, index) for each, index in needed if index not in named[each])
    if missing:
        instance, index = missing[0]
        raise DataError(
            f"{trace.path}: {len(missing)} of the {len(needed)} computing steps of its operators have no node, such as "
            f"step {index} of {instance} ({operators[instance.tag].describe()}); the profile is not whole"
        )


def check_every_operator(
    trace: Trace, named: Iterable[Instance], space: Space, manifest: ExportManifest | None
) -> None:
    """Check that a profile names all operators of its model; without a manifest, all that each network has.

    Raises
    ------
    DataError
        Naming some that no node speaks of.
    """
    held = set(named)
    if manifest is not None:
        names = {str(each) for each in held}
        model = max(manifest.models, key=lambda each: (len(names & set(each.parts)), -len(each.parts)))
        needed, of = list(model.parts), f"model {model.name!r}"
        missing = [part for part in needed if part not in names]
    else:
        places = {each.place for each in held}
        needed, of = (
            (_fixed_places(space.base) if len(places) > 1 else []),
            f"every network of space {space.base.name!r}",
        )
        missing = [place for place in needed if place not in places]
    if missing:
        raise DataError(
            f"{trace.path}: {len(missing)} of the {len(needed)} operators of {of} have no node: {_named(missing)}; the "
            "profile is not whole"
        )


def _named(things: Sequence[object]) -> str:
    more = f" and {len(things) - MAX_NAMED} more" if len(things) > MAX_NAMED else ""
    return ", ".join(map(str, things[:MAX_NAMED])) + more


def _fixed_places(space: Space) -> list[str]:
    """List the places that no choice of the space leaves empty."""
    return [
        site.name
        for site in build_sites(space)
        if None not in site.table.values() and (not site.unit or site.layer <= min(space.unit_depths(site.unit)))
    ]


def check_timed(trace: Trace, times: Mapping[Instance, float], operators: Mapping[str, Operator]) -> None:
    """Check that what computes takes time.

    Raises
    ------
    DataError
        If operators with more than `MOST_UNTIMED` of the multiply-adds take none.
    """
    macs = {instance: operators[instance.tag].macs for instance in times}
    idle = [instance for instance, ms in times.items() if ms == 0 and macs[instance]]
    share = sum(macs[instance] for instance in idle) / max(1, sum(macs.values()))
    if share > MOST_UNTIMED:
        raise DataError(
            f"{trace.path}: {_named(idle)} take no time, with {share:.1%} of the multiply-adds; if it stands at nodes "
            "that are fused over several operators, say --spread even or macs"
        )


def check_made_for(trace: Trace, manifest: ExportManifest) -> None:
    """Check that a profile, where it says so, is of the batch and precision that the models were exported in.

    Raises
    ------
    DataError
        If it is not.
    """
    for what, there, here in (
        ("batch", trace.batch, manifest.batch),
        ("precision", trace.precision, manifest.precision),
    ):
        if there and there != here:
            raise DataError(
                f"{trace.path} is of {what} {there}, the manifest's models of {what} {here}; it is a profile of "
                "another export"
            )


def check_whole_unit(trace: Trace) -> None:
    """Check that the nodes' times and the whole's, where a file has both, can be of one unit.

    Raises
    ------
    DataError
        If they are more than `FARTHEST` times apart.
    """
    nodes, whole = sum(node.ms for node in trace.nodes), trace.whole_ms or 0.0
    if nodes > 0 and whole > 0 and not 1 / FARTHEST < nodes / whole < FARTHEST:
        raise DataError(
            f"{trace.path}: its nodes take {nodes:.4g} ms, and the whole {whole:.4g} ms; one of them is in another unit"
        )


def check_one_unit(traces: Sequence[Trace], times: Sequence[Mapping[Instance, float]]) -> None:
    """Check that profiles agree on what the operators take that they share.

    Raises
    ------
    DataError
        Naming the profile that is farthest from the others, if that is by more than `FARTHEST`: by the median over its
        operators of the time here to the median time elsewhere.
    """
    by_tag: dict[str, list[tuple[int, float]]] = {}
    for number, each in enumerate(times):
        for instance, ms in each.items():
            if ms > 0:
                by_tag.setdefault(instance.tag, []).append((number, ms))
    ratios: dict[int, list[float]] = {}
    for entries in by_tag.values():
        for number, ms in entries:
            others = [other for where, other in entries if where != number]
            if others:
                ratios.setdefault(number, []).append(float(np.log(ms / np.median(others))))
    apart = {number: float(np.median(found)) for number, found in ratios.items()}
    farthest = max(apart, key=lambda number: abs(apart[number]), default=0)
    if abs(apart.get(farthest, 0.0)) > np.log(FARTHEST):
        times_more = f"{np.exp(apart[farthest]):.3g} times what they take in others"
        raise DataError(f"{traces[farthest].path}: its operators take {times_more}; is it in another unit?")
