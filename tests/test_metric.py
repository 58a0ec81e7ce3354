"""What a metric's name says: unit, direction, title, and which of several is meant."""

from __future__ import annotations

import pytest

from blockprofile.errors import OptionError
from blockprofile.metric import match_metric, parse_metric
from blockprofile.predict import list_predictors


@pytest.mark.parametrize(
    ("name", "unit", "direction", "device", "title"),
    [
        ("top1_percent", "%", "max", "", "top-1 accuracy"),
        ("top1_percent:ofa", "%", "max", "", "top-1 accuracy, scale of ofa"),
        ("latency_ms:note10", "ms", "min", "note10", "latency on note10"),
        ("energy_mj:board", "mJ", "min", "board", "energy on board"),
        ("memory_mb", "MB", "min", "", "memory"),
        ("macs_m", "M", "min", "", "multiply-adds"),
        ("score", "", None, "", "score"),
        ("loss_percent", "%", None, "", "loss_percent"),
    ],
)
def test_names_are_read(name: str, unit: str, direction: str | None, device: str, title: str) -> None:
    found = parse_metric(name)
    assert (found.unit, found.direction, found.device, found.title) == (unit, direction, device, title)


def test_shipped_cards_agree_with_their_metrics_names() -> None:
    for card, _ in list_predictors():
        about = parse_metric(card.metric)
        assert about.direction is not None or card.provenance == "zero-cost", card.name
        assert (about.unit, about.device) == (card.unit, card.device or ""), card.name


def test_a_column_alone_means_the_only_one() -> None:
    names = ["latency_ms:a", "energy_mj:a", "macs_m"]
    assert match_metric("latency_ms", names) == "latency_ms:a"
    assert match_metric("latency_ms:b", names) is None
    assert match_metric("macs_m", [*names, "macs_m"]) == "macs_m"
    with pytest.raises(OptionError, match=r"'latency_ms' does not say which one; .*latency_ms:a, latency_ms:b"):
        match_metric("latency_ms", [*names, "latency_ms:b"])
