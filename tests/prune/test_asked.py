"""Which metrics a pruning weighs, of those that a profile has."""

from __future__ import annotations

import pytest

from blockprofile.errors import OptionError
from blockprofile.prune.asked import directions_of, find_costs, find_gain

BOTH = ["energy_mj:phone", "latency_ms:phone", "energy_mj:board", "macs_m", "top1_percent"]


@pytest.mark.parametrize(
    ("metrics", "devices", "costs"),
    [
        (BOTH, ["phone"], ("latency_ms:phone",)),
        (BOTH, ["board", "phone"], ("energy_mj:board", "latency_ms:phone")),
        (BOTH, [], ("latency_ms:phone",)),
        (["energy_mj:board", "macs_m"], [], ("energy_mj:board",)),
        (["macs_m", "weights_mb:int8"], [], ("macs_m",)),
    ],
)
def test_a_device_is_weighed_by_its_latency_else_by_what_is_known_of_it(
    metrics: list[str], devices: list[str], costs: tuple[str, ...]
) -> None:
    assert find_costs(dict.fromkeys(metrics), devices, None) == costs


def test_memory_alone_is_not_chosen_by_itself() -> None:
    with pytest.raises(OptionError, match="say what to weigh with --cost: activation_mb:int8, weights_mb:int8"):
        find_costs(dict.fromkeys(["activation_mb:int8", "weights_mb:int8"]), [], None)
    with pytest.raises(OptionError, match="2 devices; say which with --device: a, b"):
        find_costs(dict.fromkeys(["energy_mj:a", "energy_mj:b"]), [], None)


def test_what_is_wanted_of_a_metric_decides_what_it_can_be() -> None:
    loss: dict[str, object] = {"card": {"direction": "min"}}
    metrics = directions_of({"top1_percent": {}, "macs_m": {}, "loss": loss, "score": {}, "latency_ms:phone": {}})
    assert [find_gain(metrics, name) for name in ("macs_m", "score", None)] == ["macs_m", "score", "top1_percent"]
    assert find_costs(metrics, [], "loss") == ("loss",)
    for name in ("loss", "latency_ms:phone"):
        with pytest.raises(OptionError, match=f"--gain '{name}' is a cost, of which less is wanted"):
            find_gain(metrics, name)
    with pytest.raises(OptionError, match="--cost 'top1_percent' is no cost: more of it is wanted; give it as --gain"):
        find_costs(metrics, [], "top1_percent")
