"""What a pruning is asked for by name: policies, the metric that is gained, the metrics that are paid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from blockprofile.errors import OptionError, check_choice, one_of
from blockprofile.metric import ACCURACY, LATENCY, Direction, parse_metric
from blockprofile.prune.decision import Policy, Weigher
from blockprofile.prune.depth import Depth
from blockprofile.prune.focus import Focus
from blockprofile.prune.policies import Dominated, ExchangeRate, MaxAccuracy

POLICIES: dict[str, Policy | Weigher] = {
    policy.name: policy for policy in (Dominated(), ExchangeRate(), MaxAccuracy(), Depth(), Focus())
}
"""The policies that can be named."""

DEFAULT_POLICIES = ("dominated", "exchange-rate", "depth")


def find_policies(names: Sequence[str], *, order: int | None = None) -> tuple[Policy | Weigher, ...]:
    """Find policies by name; none means the default ones.

    Raises
    ------
    OptionError
        If a name is unknown or given twice, or any is given for a pruning of order 2.
    """
    if names and order == 2:
        raise OptionError("--policy has no effect with --order 2, --lose or --risk: archs decide, not policies")
    for name in names:
        check_choice("--policy", name, POLICIES)
        if list(names).count(name) > 1:
            raise OptionError(f"--policy {name!r} is given twice")
    return tuple(POLICIES[name] for name in names or DEFAULT_POLICIES)


def directions_of(predictors: Mapping[str, Mapping[str, Any]]) -> dict[str, Direction | None]:
    """Tell what is wanted of each metric of a profile, by its predictor's card or its name; None if neither says."""
    return {
        name: (about.get("card") or {}).get("direction") or parse_metric(name).direction
        for name, about in predictors.items()
    }


def find_gain(metrics: Mapping[str, Direction | None], gain: str | None) -> str:
    """Find the metric of which more is wanted; None means the only accuracy.

    A counted cost, such as multiply-adds, can stand in for an accuracy.

    Raises
    ------
    OptionError
        If it is not there or less of it is wanted, or there are several accuracies or none.
    """
    if gain is not None:
        if gain not in metrics:
            raise OptionError(f"--gain {gain!r} is not in the profile; {one_of(gain, metrics)}")
        about = parse_metric(gain)
        is_counted = about.direction == "min" and not about.is_on_device
        if metrics[gain] == "min" and not is_counted:
            raise OptionError(f"--gain {gain!r} is a cost, of which less is wanted; give it as --cost, or as --device")
        return gain
    scales = [name for name in metrics if parse_metric(name).column == ACCURACY]
    if ACCURACY in metrics or len(scales) == 1:
        return ACCURACY if ACCURACY in metrics else scales[0]
    raise OptionError(
        f"the profile has {'several scales of' if scales else 'no'} {ACCURACY}; say what is wanted with --gain: "
        f"{', '.join(scales or metrics)}"
    )


def stand_in_words(gain: str) -> str:
    """Say what is taken as the gain in the place of an accuracy; empty where it is one.

    Examples
    --------
    >>> stand_in_words("macs_m"), stand_in_words("top1_percent:ofa")
    ("More of 'macs_m' is taken as better, in the place of an accuracy.", '')
    """
    is_accuracy = parse_metric(gain).column == ACCURACY
    return "" if is_accuracy else f"More of {gain!r} is taken as better, in the place of an accuracy."


def find_costs(metrics: Mapping[str, Direction | None], devices: Sequence[str], cost: str | None) -> tuple[str, ...]:
    """Find the metrics that are weighed against it: what devices cost, or one cost, or what there is.

    A device's cost is its latency; where the profile has none, what else it has of it, such as its energy.

    Raises
    ------
    OptionError
        If one is not there or more of it is wanted, or several could be meant.
    """
    costs = _device_costs(metrics)
    if devices and cost is not None:
        raise OptionError(f"--cost {cost!r} has no effect beside --device, whose cost is weighed; leave one out")
    if devices:
        for device in devices:
            if device not in costs:
                raise OptionError(f"the profile has no cost of device {device!r}; {one_of(device, costs)}")
        return tuple(dict.fromkeys(costs[device] for device in devices))
    if cost is not None:
        return (_check_cost(metrics, cost),)
    latencies = [name for name in costs.values() if parse_metric(name).column == LATENCY]
    known = latencies or list(costs.values())
    if len(known) > 1:
        names = ", ".join(parse_metric(name).device for name in known)
        raise OptionError(f"the profile has {len(known)} devices; say which with --device: {names}")
    if known:
        return tuple(known)
    if "macs_m" in metrics:
        return ("macs_m",)
    raise OptionError(f"the profile has no device; say what to weigh with --cost: {', '.join(metrics)}")


def _check_cost(metrics: Mapping[str, Direction | None], cost: str) -> str:
    if cost not in metrics:
        raise OptionError(f"--cost {cost!r} is not in the profile; {one_of(cost, metrics)}")
    if metrics[cost] == "max":
        raise OptionError(f"--cost {cost!r} is no cost: more of it is wanted; give it as --gain")
    return cost


def _device_costs(metrics: Iterable[str]) -> dict[str, str]:
    """Return what is weighed of each device: its latency, else the first of its metrics."""
    found: dict[str, str] = {}
    for name in metrics:
        about = parse_metric(name)
        if about.is_on_device and (about.column == LATENCY or about.device not in found):
            found[about.device] = name
    return found
