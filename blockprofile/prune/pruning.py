"""`prune`: from a profile to a pruned space, with all decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blockprofile.errors import OptionError
from blockprofile.metric import ACCURACY, LATENCY, parse_metric
from blockprofile.options import refuse_text
from blockprofile.predict import Predictor
from blockprofile.profile import Explained, KeptRows, Profile, explained_of, fit_pair_model, read_rows
from blockprofile.prune.asked import directions_of, find_costs, find_gain, find_policies, stand_in_words
from blockprofile.prune.by_pairs import compose_by_pairs
from blockprofile.prune.compose import DEFAULT_BOUNDS, Bounds, Outcome, compose
from blockprofile.prune.decision import Policy, Weigher
from blockprofile.prune.origin import find_ancestry, list_provenance, sizes_of
from blockprofile.prune.reading import read_figures
from blockprofile.prune.rules import common_space, make_rules
from blockprofile.prune.write import write_pruned
from blockprofile.run import kept_predictors
from blockprofile.space import MOST_LISTED, Archs, PrunedDefinition, Rule, Space, apply_rules, count_archs

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Pruning:
    """A finished pruning.

    ``definition`` is the record of the pruned-space file, ``space`` the pruned space, ``before`` the one that was
    pruned; ``outcomes`` has one entry for each cost. ``base`` is the text of the base's file where it is not shipped;
    ``config`` is the profile's. ``order`` is 2 where pairs of choices were weighed too; ``wants_noise`` tells that
    they were not, for nothing but labels whose noise is not known. ``explained`` says how much of the accuracy main
    effects and pairs explain, where the profile knows it.
    """

    definition: PrunedDefinition
    space: Space
    before: Space
    outcomes: tuple[Outcome, ...]
    base: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    order: int = 1
    explained: Explained | None = None
    wants_noise: bool = False

    def load_predictors(self, cost: str) -> tuple[Predictor, Predictor]:
        """Make the profile's own predictors of the accuracy and of a cost, for the space that was pruned.

        Raises
        ------
        UserError, DataError
            If one is gone, or is not what it was when the profile was made.
        """
        found = {each.metric: each for each in kept_predictors(self.config, self.before)}
        return found[self.outcomes[0].figures.gain.name], found[cost]

    @property
    def costs(self) -> tuple[str, ...]:
        """The metrics that were weighed against accuracy."""
        return tuple(outcome.figures.cost.name for outcome in self.outcomes)


def prune_profile(
    profile: Profile,
    space: Space,
    *,
    costs: Sequence[str],
    gain: str = ACCURACY,
    policies: Sequence[Policy | Weigher] = (),
    bounds: Bounds = DEFAULT_BOUNDS,
) -> tuple[tuple[Outcome, ...], tuple[Rule, ...]]:
    """Prune a space by main effects, whatever the profile was made from.

    Parameters
    ----------
    costs
        The metrics that accuracy is weighed against; with several, only what is bad for all of them is dropped.
    gain
        The metric of which more is wanted.
    policies
        In order; none means the default ones.

    Raises
    ------
    OptionError
        If the profile lacks a metric.
    """
    chosen = tuple(policies) or find_policies(())
    outcomes = tuple(
        compose(read_figures(profile, space, gain=gain, cost=cost), chosen, bounds=bounds) for cost in costs
    )
    return outcomes, make_rules(outcomes)


def prune_table(
    table: pd.DataFrame, space: Space, *, costs: Sequence[str], policies: Sequence[Policy | Weigher] = ()
) -> tuple[tuple[Outcome, ...], tuple[Rule, ...]]:
    """Prune a space by a table of responses that is in no file; see `prune_profile`."""
    return prune_profile(Profile(table), space, costs=costs, policies=policies)


def prune(
    run: str | Path,
    *,
    out: str | Path | None = None,
    name: str | None = None,
    devices: Sequence[str] = (),
    cost: str | None = None,
    gain: str | None = None,
    policies: Sequence[str] = (),
    bounds: Bounds = DEFAULT_BOUNDS,
) -> Pruning:
    """Prune the space of a profile.

    Parameters
    ----------
    run
        A run folder that was profiled, or its ``profile.parquet``.
    out
        The pruned-space file to write; None writes nothing.
    name
        The pruned space's name; None takes that of the file.
    devices
        Devices of the profile; with several, only what is bad on all of them is dropped. None takes the profile's
        latency, or multiply-adds where it has none.
    cost
        A metric of the profile instead of a device's latency.
    gain
        The metric of which more is wanted; None takes the profile's top-1 accuracy.
    policies
        Names of `POLICIES`; none means ``dominated``, ``exchange-rate`` and ``depth``.

    Raises
    ------
    UserError
        If there is no such profile, metric or policy.
    DataError
        If a file is damaged.
    """
    refuse_text(devices=devices, policies=policies)
    name = name or ("pruned" if out is None else Path(out).stem)
    profile = Profile.read(run)
    about, config, space = profile.about, profile.config, profile.space
    metrics = directions_of(config["predictors"])
    gain = find_gain(metrics, gain)
    costs = find_costs(metrics, devices, cost)
    if gain in costs:
        raise OptionError(f"{gain!r} is both what is gained and what is paid; name another by --cost or --gain")
    chosen = find_policies(policies, order=bounds.order)
    noise = noise_of_labels(profile.config, gain)
    is_open = bounds.order is None and not policies and _can_be_by_pairs(profile, gain)
    order = bounds.order or (2 if is_open and noise is not None else 1)
    bounds = replace(bounds, order=order)
    if order == 1:
        outcomes, rules = prune_profile(profile, space, costs=costs, gain=gain, policies=chosen, bounds=bounds)
        said = f"Policies: {', '.join(policy.name for policy in chosen)}."
    else:
        outcomes = _by_pairs(profile, gain, costs, bounds=bounds, noise=noise)
        rules = make_rules(outcomes)
        most = f"at most {bounds.may_lose(noise):.3g} points lost, at a risk of {bounds.allowed_risk:g}"
        said = f"Main effects and pairs of choices; {most}."
    base, own_text, inherited, mutation = find_ancestry(config["space"], space, Path(run))
    final = common_space(outcomes)
    mutation |= _mean_weights(outcomes)
    pruned = apply_rules(space, rules, name=name, mutation=mutation)
    if pruned.allowed != final.allowed:
        raise AssertionError("the rules do not give the space that was decided on")
    title = f"{space.definition.title}, pruned for {' and '.join(map(_aim_words, costs))}"
    definition = PrunedDefinition(
        schema="blockprofile.pruned/1",
        name=name,
        title=title,
        base=base,
        rules=(*inherited, *rules),
        mutation=mutation,
        size=sizes_of(space, pruned),
        provenance=list_provenance(config, about, (gain, *costs)),
        notes=" ".join(filter(None, (said, stand_in_words(gain)))),
    )
    pruning = Pruning(
        definition, pruned, space, outcomes, own_text, config, order, explained_of(profile.about).get(gain),
        wants_noise=is_open and noise is None,
    )  # fmt: skip
    if out is not None:
        write_pruned(Path(out), definition, base=own_text)
    return pruning


def noise_of_labels(config: Mapping[str, Any], gain: str) -> float | None:
    """Return the standard deviation between two trainings of an arch that a profile knows of; None if it knows none."""
    about = config["predictors"][gain]
    spread = about.get("spread") or ((about.get("card") or {}).get("error") or {}).get("label_spread")
    return float(spread) if spread else None


def _can_be_by_pairs(profile: Profile, gain: str) -> bool:
    """Tell whether a profile is of labels of a space that is small enough to look at every arch."""
    return gain in (profile.config.get("labelled") or ()) and count_archs(profile.space) <= MOST_LISTED


def _by_pairs(
    profile: Profile, gain: str, costs: Sequence[str], *, bounds: Bounds, noise: float | None
) -> tuple[Outcome, ...]:
    space = profile.space
    if noise is None and bounds.lose is None:
        raise OptionError(
            f"--order 2 needs --lose, the points of {gain} that the best arch within a limit may lose: the profile "
            "does not know what two trainings of an arch differ by"
        )
    rows = read_rows(profile.path.parent, profile.config, space)
    if rows is None or gain not in rows.values:
        raise OptionError(f"--order 2 needs the archs of the profile, which {str(profile.path.parent)!r} does not keep")
    found = []
    for cost in costs:
        figures = read_figures(profile, space, gain=gain, cost=cost)
        price = _prices(profile, rows, cost)
        found.append(compose_by_pairs(figures, rows, price, bounds=bounds, noise=noise))
    return tuple(found)


def _prices(profile: Profile, rows: KeptRows, cost: str) -> Callable[[Archs], NDArray[np.float64]]:
    """Return what tells the cost of an arch: a predictor that adds up, or a model of the archs that are known."""
    space = profile.space
    if cost in rows.values:
        return lambda archs: fit_pair_model(space, rows.archs, rows.values[cost]).mean()(archs)[0]
    known = {each.metric: each for each in kept_predictors(profile.config, space)}
    return lambda archs: known[cost].predict(archs).astype("float64")


def _aim_words(cost: str) -> str:
    """Name what a space is pruned for: the device where it is a latency, else the metric."""
    about = parse_metric(cost)
    return about.device if about.device and about.column == LATENCY else about.title


def _mean_weights(outcomes: Sequence[Outcome]) -> dict[int, float]:
    units = outcomes[0].mutation
    return {unit: round(sum(each.mutation[unit] for each in outcomes) / len(outcomes), 3) for unit in units}
