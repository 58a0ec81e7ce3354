"""Which metrics a pruning weighs, of those that a profile has."""

from __future__ import annotations

import pytest

from blockprofile.errors import OptionError
from blockprofile.prune.asked import find_costs

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
    assert find_costs(metrics, devices, None) == costs


def test_memory_alone_is_not_chosen_by_itself() -> None:
    with pytest.raises(OptionError, match="say what to weigh with --cost: activation_mb:int8, weights_mb:int8"):
        find_costs(["activation_mb:int8", "weights_mb:int8"], [], None)
    with pytest.raises(OptionError, match="2 devices; say which with --device: a, b"):
        find_costs(["energy_mj:a", "energy_mj:b"], [], None)
