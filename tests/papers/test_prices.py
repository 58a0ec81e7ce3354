"""Published networks against print: every one is there, and what does not agree is said."""

from __future__ import annotations

import pytest

from blockprofile.papers.prices import REASONS, Price, price_published, prices_page
from blockprofile.space import list_spaces, load_space, named_archs

UNEXPLAINED = {("SCARLET-B", "macs_m")}
"""What is known to disagree and not understood; whatever else comes to disagree has to be looked into."""


@pytest.fixture(scope="module")
def prices() -> tuple[Price, ...]:
    return price_published()


def test_every_named_arch_has_its_counts(prices: tuple[Price, ...]) -> None:
    counted = {(price.space, price.network, price.metric) for price in prices if price.provenance == "counted"}
    for name in (name for name in list_spaces() if "/" not in name):
        for network in named_archs(load_space(name)):
            assert {(name, network, "macs_m"), (name, network, "params_m")} <= counted


def test_what_disagrees_is_explained(prices: tuple[Price, ...]) -> None:
    assert sum(price.printed is not None for price in prices) > 60
    unexplained = {(price.network, price.metric) for price in prices if price.remark.startswith("not explained")}
    assert unexplained == UNEXPLAINED
    differing = {(price.network, price.metric) for price in prices if price.printed is not None and not price.agrees}
    assert differing <= REASONS.keys() | {(p.network, p.metric) for p in prices if p.remark.startswith("within")}


def test_every_reason_is_of_a_figure(prices: tuple[Price, ...]) -> None:
    known = {(price.network, price.metric): price for price in prices if price.printed is not None}
    assert known.keys() >= REASONS.keys()


def test_half_the_squeeze_is_what_was_printed(prices: tuple[Price, ...]) -> None:
    """FairNAS prints for its networks with squeeze-and-excite the parameters of those with half of it."""
    params = {price.network: price for price in prices if price.metric == "params_m"}
    for letter in "ABC":
        printed = params[f"FairNAS-{letter}-SE-1.0"].printed
        assert printed == pytest.approx(params[f"FairNAS-{letter}-SE-0.5"].value, abs=0.05)


@pytest.mark.parametrize(
    ("value", "printed", "metric", "rmse", "agrees", "remark"),
    [
        (100.0, 101.0, "latency_ms:x", None, True, ""),
        (100.0, 103.0, "latency_ms:x", None, False, "not explained"),
        (100.0, 103.0, "latency_ms:x", 2.0, False, "within twice the RMSE on the card"),
        (5.49, 5.4, "params_m", None, True, ""),
        (5.49, None, "params_m", None, False, ""),
    ],
)
def test_agreement(
    value: float, printed: float | None, metric: str, rmse: float | None, agrees: bool, remark: str
) -> None:
    price = Price(
        network="n", space="s", metric=metric, value=value, unit="", provenance="measured", printed=printed, rmse=rmse
    )
    assert (price.agrees, price.remark) == (agrees, remark)


def test_the_page_has_a_row_for_each(prices: tuple[Price, ...]) -> None:
    rows = [line for line in prices_page().splitlines() if line.startswith("| ") and "network |" not in line]
    assert len(rows) == len(prices)
