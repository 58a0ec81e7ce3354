"""Profiles of exported models into a lookup table: time is given to operators by the names of nodes.

A node that speaks of one operator is its time, however many steps it fuses, and in equal parts if it fuses copies; so
is a node without such a name (a copy, a reordering) that runs between two of one operator. What is left belongs to no
one operator: its share is told, and beyond `MOST_LEFT` a table is made only where the user says how to spread it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np

from blockprofile.device.export_manifest import ExportManifest
from blockprofile.device.formats import NodeTime, Trace
from blockprofile.device.median import Median
from blockprofile.device.node_names import Instance, Step, find_steps, operator_tag
from blockprofile.device.operator_table import OperatorTable, check_complete
from blockprofile.device.profile_checks import (
    check_every_operator,
    check_once,
    check_one_unit,
    check_steps,
    check_timed,
)
from blockprofile.errors import DataError, OptionError
from blockprofile.predict import lookup_key
from blockprofile.space import Operator, Space

Spread = Literal["drop", "even", "macs"]
SPREADS: tuple[Spread, ...] = get_args(Spread)
MOST_LEFT = 0.05
MAX_NAMED = 3
_RANGE = "ForeignNode["


@dataclass(frozen=True, slots=True)
class Assigned:
    """A profile by operators: the time of each at its place, and the nodes that belong to no one of them.

    ``left`` has those with the operators that they name, none where they name none.
    """

    trace: Trace
    times: Mapping[Instance, float]
    left: tuple[tuple[NodeTime, tuple[Instance, ...]], ...]

    @property
    def left_share(self) -> float:
        """The share of the nodes' time that belongs to no one operator."""
        left = sum(node.ms for node, _ in self.left)
        total = left + sum(self.times.values())
        return left / total if total else 0.0


def _steps_of(name: str) -> tuple[Step, ...]:
    """Find the steps that a node stands for; a range ``ForeignNode[first...last]`` within one operator is filled."""
    steps = find_steps(name)
    if _RANGE in name and len(steps) == 2 and steps[0].instance == steps[1].instance:
        first, last = sorted(step.index for step in steps)
        return tuple(Step(steps[0].instance, index) for index in range(first, last + 1))
    return steps


def assign_nodes(trace: Trace, operators: Mapping[str, Operator], *, space: str) -> Assigned:
    """Give a profile's nodes to operators.

    Parameters
    ----------
    operators
        The space's operators by their tags.

    Raises
    ------
    DataError
        If no node is named as exported nodes are, one is of an operator that the space has not or stands there twice,
        or steps that compute are missing.
    """
    found = [_steps_of(node.name) for node in trace.nodes]
    if not any(found):
        raise DataError(
            f"{trace.path}: none of its {len(trace.nodes)} nodes is named by place and operator, such as "
            f"{trace.nodes[0].name if trace.nodes else ''!r}; profile models that blockprofile lut export wrote"
        )
    foreign = sorted({str(step.instance) for steps in found for step in steps if step.instance.tag not in operators})
    if foreign:
        raise DataError(
            f"{trace.path}: {len(foreign)} of its operators, such as {foreign[0]}, are none of space {space!r} at this "
            "resolution; it is a profile of another space"
        )
    check_once(trace, found)
    times: dict[Instance, float] = {}
    left: list[tuple[NodeTime, tuple[Instance, ...]]] = []
    for node, owners in zip(trace.nodes, _owners(found), strict=True):
        if len({owner.tag for owner in owners}) == 1:
            for owner in owners:
                times[owner] = times.get(owner, 0.0) + node.ms / len(owners)
        else:
            left.append((node, owners))
            for owner in owners:
                times.setdefault(owner, 0.0)
    check_steps(trace, found, operators)
    return Assigned(trace, times, tuple(left))


def _owners(found: Sequence[tuple[Step, ...]]) -> list[tuple[Instance, ...]]:
    """List the operators that each node belongs to; a nameless one between two of one operator is that one's."""
    owners = [tuple(dict.fromkeys(step.instance for step in steps)) for steps in found]
    named = [place for place, each in enumerate(owners) if each]
    for before, after in pairwise(named):
        if owners[before] == owners[after] and len(owners[before]) == 1:
            owners[before + 1 : after] = [owners[before]] * (after - before - 1)
    return owners


def profiled_table(
    traces: Sequence[Trace],
    space: Space,
    operators: Sequence[Operator],
    *,
    spread: Spread | None = None,
    manifest: ExportManifest | None = None,
) -> tuple[OperatorTable, float]:
    """Make a table from profiles of models.

    Parameters
    ----------
    operators
        Those that the table must have.
    spread
        What becomes of time that belongs to no one operator: ``drop`` leaves it out, ``even`` and ``macs`` give it to
        the operators that the node names, or to all of its profile, in equal parts or by multiply-adds. None leaves it
        out up to `MOST_LEFT` of a profile's time.
    manifest
        That of the models: each profile must name all operators of one of them.

    Returns
    -------
    The table: the mean over an operator's occurrences, their standard deviation and number; and the share left over.

    Raises
    ------
    DataError
        As `assign_nodes`; or if operators are missing or take no time, or profiles are in different units.
    OptionError
        If more than `MOST_LEFT` of a profile's time is left over, and ``spread`` is None.
    """
    tags = {operator_tag(op): op for op in operators}
    found: dict[str, list[float]] = {}
    total = left = 0.0
    profiles = [assign_nodes(trace, tags, space=space.base.name) for trace in traces]
    for assigned in profiles:
        check_every_operator(assigned.trace, assigned.times, space, manifest)
        _check_left(assigned, spread)
    check_one_unit(traces, [assigned.times for assigned in profiles])
    for assigned in profiles:
        times = _spread_left(assigned, spread, tags)
        check_timed(assigned.trace, times, tags)
        for instance, ms in times.items():
            found.setdefault(instance.tag, []).append(ms)
        total += sum(node.ms for node in assigned.trace.nodes)
        left += sum(node.ms for node, _ in assigned.left)
    check_complete([trace.path for trace in traces], {lookup_key(tags[tag]) for tag in found}, operators, space)
    entries = {
        tags[tag]: Median(
            float(np.mean(ms)), float("nan"), float(np.std(ms, ddof=1)) if len(ms) > 1 else float("nan"), len(ms)
        )
        for tag, ms in found.items()
    }
    return OperatorTable({op: entries[op] for op in operators}, 0), left / total if total else 0.0


def _check_left(assigned: Assigned, spread: Spread | None) -> None:
    if spread is not None or assigned.left_share <= MOST_LEFT:
        return
    largest, owners = max(assigned.left, key=lambda item: item[0].ms)
    name = largest.name if len(largest.name) <= 80 else f"{largest.name[:77]}..."
    over = f", fused over {' and '.join(each.place for each in owners[:MAX_NAMED])}" if owners else ""
    raise OptionError(
        f"{assigned.trace.path}: {assigned.left_share:.1%} of the time belongs to no one operator (most of it "
        f"{largest.ms:.3g} ms of {name!r}{over}); say --spread drop, even or macs"
    )


def _spread_left(assigned: Assigned, spread: Spread | None, tags: Mapping[str, Operator]) -> dict[Instance, float]:
    times = dict(assigned.times)
    if spread in {None, "drop"}:
        return times
    for node, owners in assigned.left:
        among = owners or tuple(assigned.times)
        weights = np.array([1.0 if spread == "even" else max(1, tags[each.tag].macs) for each in among])
        for each, share in zip(among, weights / weights.sum(), strict=True):
            times[each] += node.ms * float(share)
    return times
