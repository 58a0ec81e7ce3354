"""`prune`: from a profile to a pruned space, with all decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blockprofile.errors import OptionError, one_of
from blockprofile.metric import ACCURACY, LATENCY, parse_metric
from blockprofile.predict import Predictor
from blockprofile.profile import Explained, KeptRows, Profile, fit_pair_model, read_rows
from blockprofile.prune.by_pairs import compose_by_pairs
from blockprofile.prune.compose import DEFAULT_BOUNDS, Bounds, Outcome, choices_of, compose
from blockprofile.prune.decision import Policy, Weigher
from blockprofile.prune.depth import Depth
from blockprofile.prune.focus import Focus
from blockprofile.prune.policies import Dominated, ExchangeRate, MaxAccuracy
from blockprofile.prune.reading import read_figures
from blockprofile.prune.rules import common_space, make_rules
from blockprofile.prune.write import write_pruned
from blockprofile.run import kept_predictors
from blockprofile.space import (
    MOST_LISTED,
    Archs,
    Base,
    PrunedDefinition,
    Rule,
    Space,
    apply_rules,
    base_text,
    count_archs,
    kept_pruning,
    list_spaces,
    load_space,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DEFAULT_POLICIES", "POLICIES", "Pruning", "find_policies", "prune", "prune_profile"]

POLICIES: dict[str, Policy | Weigher] = {
    policy.name: policy for policy in (Dominated(), ExchangeRate(), MaxAccuracy(), Depth(), Focus())
}
"""The policies that can be named."""

DEFAULT_POLICIES = ("dominated", "exchange-rate", "depth")


@dataclass(frozen=True, slots=True)
class Pruning:
    """A finished pruning.

    ``definition`` is the record of the pruned-space file, ``space`` the pruned space, ``before`` the one that was
    pruned; ``outcomes`` has one entry for each cost. ``base`` is the text of the base's file where it is not shipped;
    ``config`` is the profile's. ``order`` is 2 where pairs of choices were weighed too; ``explained`` says how much of
    the accuracy main effects and pairs explain, where the profile knows it.
    """

    definition: PrunedDefinition
    space: Space
    before: Space
    outcomes: tuple[Outcome, ...]
    base: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    order: int = 1
    explained: Explained | None = None

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

    @property
    def is_by_default_of_noise(self) -> bool:
        """Whether pairs were left out of a small space's labels only because their noise is not known."""
        gain = self.outcomes[0].figures.gain.name
        is_small = count_archs(self.before) <= MOST_LISTED
        has_rows = gain in (self.config.get("labelled") or ())
        return self.order == 1 and is_small and has_rows and noise_of_labels(self.config, gain) is None


def find_policies(names: Sequence[str]) -> tuple[Policy | Weigher, ...]:
    """Find policies by name; none means the default ones.

    Raises
    ------
    OptionError
        If a name is unknown or given twice.
    """
    for name in names:
        if name not in POLICIES:
            raise OptionError(f"--policy {name!r} is unknown; {one_of(name, POLICIES)}")
        if list(names).count(name) > 1:
            raise OptionError(f"--policy {name!r} is given twice")
    return tuple(POLICIES[name] for name in names or DEFAULT_POLICIES)


def find_gain(metrics: Sequence[str], gain: str | None) -> str:
    if gain is not None:
        if gain not in metrics:
            raise OptionError(f"--gain {gain!r} is not in the profile; {one_of(gain, metrics)}")
        return gain
    scales = [name for name in metrics if parse_metric(name).column == ACCURACY]
    if ACCURACY in metrics or len(scales) == 1:
        return ACCURACY if ACCURACY in metrics else scales[0]
    raise OptionError(
        f"the profile has {'several scales of' if scales else 'no'} {ACCURACY}; say what is wanted with --gain: "
        f"{', '.join(scales or metrics)}"
    )


def find_costs(metrics: Sequence[str], devices: Sequence[str], cost: str | None) -> tuple[str, ...]:
    latencies = {about.device: name for name in metrics if (about := parse_metric(name)).column == LATENCY}
    if devices and cost is not None:
        raise OptionError(f"--cost {cost!r} has no effect beside --device, whose latency is weighed; leave one out")
    if devices:
        for device in devices:
            if device not in latencies:
                raise OptionError(f"the profile has no latency of device {device!r}; {one_of(device, latencies)}")
        return tuple(dict.fromkeys(latencies[device] for device in devices))
    if cost is not None:
        if cost not in metrics:
            raise OptionError(f"--cost {cost!r} is not in the profile; {one_of(cost, metrics)}")
        return (cost,)
    if len(latencies) > 1:
        raise OptionError(f"the profile has {len(latencies)} devices; say which with --device: {', '.join(latencies)}")
    if latencies:
        return tuple(latencies.values())
    if "macs_m" in metrics:
        return ("macs_m",)
    raise OptionError(f"the profile has no latency; say what to weigh with --cost: {', '.join(metrics)}")


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
    profile
        Of the metrics.
    space
        The space that was profiled.
    costs
        The metrics that accuracy is weighed against; with several, only what is bad for all of them is dropped.
    gain
        The metric of which more is wanted.
    policies
        In order; none means the default ones.
    bounds
        How far the pruning may go.

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
    bounds
        How it weighs, and how far the pruning may go.

    Raises
    ------
    UserError
        If there is no such profile, metric or policy.
    DataError
        If a file is damaged.
    """
    name = name or ("pruned" if out is None else Path(out).stem)
    profile = Profile.read(run)
    about, config, space = profile.about, profile.config, profile.space
    metrics = list(config["predictors"])
    gain = find_gain(metrics, gain)
    costs = find_costs(metrics, devices, cost)
    if gain in costs:
        raise OptionError(f"{gain!r} is both what is gained and what is paid; name another by --cost or --gain")
    order = bounds.order or default_order(profile, gain, policies=policies, lose=bounds.lose)
    bounds = replace(bounds, order=order)
    if order == 1:
        chosen = find_policies(policies)
        outcomes, rules = prune_profile(profile, space, costs=costs, gain=gain, policies=chosen, bounds=bounds)
        said = f"Policies: {', '.join(policy.name for policy in chosen)}."
    else:
        noise = noise_of_labels(profile.config, gain)
        outcomes = _by_pairs(profile, gain, costs, bounds=bounds, noise=noise)
        lose = float(noise or 0.0) if bounds.lose is None else bounds.lose
        rules = make_rules(outcomes)
        said = f"Main effects and pairs of choices; at most {lose:.3g} points lost, at a risk of {bounds.risk:g}."
    base, own_text, inherited, mutation = _ancestry(config["space"], space, Path(run))
    final = common_space(outcomes)
    mutation |= _mean_weights(outcomes)
    pruned = apply_rules(space, rules, name=name, mutation=mutation)
    if pruned.allowed != final.allowed:
        raise AssertionError("the rules do not give the space that was decided on")
    title = f"{space.definition.title}, pruned for {' and '.join(parse_metric(cost).device or cost for cost in costs)}"
    definition = PrunedDefinition(
        schema="blockprofile.pruned/1",
        name=name,
        title=title,
        base=base,
        rules=(*inherited, *rules),
        mutation=mutation,
        size=_size(space, pruned),
        provenance=_provenance(config, about, (gain, *costs)),
        notes=said,
    )
    known = about.get("pairs", {}).get(gain)
    explained = None if known is None else Explained(**known)
    pruning = Pruning(definition, pruned, space, outcomes, own_text, config, order, explained)
    if out is not None:
        write_pruned(Path(out), definition, base=own_text)
    return pruning


def noise_of_labels(config: Mapping[str, Any], gain: str) -> float | None:
    """Return the standard deviation between two trainings of an arch that a profile knows of; None if it knows none."""
    about = config["predictors"][gain]
    spread = about.get("spread") or ((about.get("card") or {}).get("error") or {}).get("label_spread")
    return float(spread) if spread else None


def default_order(profile: Profile, gain: str, *, policies: Sequence[str] = (), lose: float | None = None) -> int:
    """Choose what a pruning goes by: pairs too for labels of a space that is small enough, else main effects."""
    is_small = count_archs(profile.space) <= MOST_LISTED
    knows = lose is not None or noise_of_labels(profile.config, gain) is not None
    has_rows = gain in (profile.config.get("labelled") or ())
    return 2 if is_small and knows and has_rows and not policies else 1


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


def _mean_weights(outcomes: Sequence[Outcome]) -> dict[int, float]:
    units = outcomes[0].mutation
    return {unit: round(sum(each.mutation[unit] for each in outcomes) / len(outcomes), 3) for unit in units}


def _size(before: Space, after: Space) -> dict[str, Any]:
    return {
        "archs_before": count_archs(before),
        "archs_after": count_archs(after),
        "choices_before": choices_of(before),
        "choices_after": choices_of(after),
    }


def _provenance(
    config: Mapping[str, Any], about: Mapping[str, Any], metrics: Sequence[str]
) -> tuple[dict[str, Any], ...]:
    pool = {"n": config["n"], "seed": config["seed"], "law": config["law"], "presence": about["presence"]}
    found = []
    for metric in metrics:
        card = config["predictors"][metric]
        keys = ("metric", "name", "provenance", "caption", "floor", "unit", "hash")
        found.append({**{key: card[key] for key in keys}, **pool})
    return tuple(found)


def _ancestry(
    about: Mapping[str, Any], space: Space, path: Path
) -> tuple[Base, str | None, tuple[Rule, ...], dict[int, float]]:
    """Find the base of a space, the text of its file if it is not shipped, and what an earlier pruning laid down."""
    parent = kept_pruning(about, path)
    if parent is not None:
        own = None if parent.base.file is None else base_text(about, space)
        return replace(parent.base, hash=space.base.hash), own, parent.rules, dict(parent.mutation)
    name = space.base.name
    if name in list_spaces() and load_space(name).hash == space.base.hash:
        return Base(name=name, hash=space.base.hash), None, (), {}
    file = Path(about["source"]).name
    file = file if file.endswith((".yaml", ".yml")) else f"{name}.yaml"
    return Base(name=name, hash=space.base.hash, file=file), base_text(about, space), (), {}
