"""Every published network priced, beside what was printed of it.

A network is an arch that stands in a shipped space, or one of which only the layers were published. Where ours and the
printed figure differ by more than `TOLERANCE`, `REASONS` says why, or that it is not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from blockprofile.errors import CoverageError
from blockprofile.metric import parse_metric
from blockprofile.predict import (
    build_predictor,
    list_predictors,
    list_published,
    published_operators,
    read_published_table,
)
from blockprofile.space import count_macs, count_params, list_spaces, load_space, named_archs

TOLERANCE = 0.015
"""The share within which two figures are said to agree."""
_LAST_DIGIT = {"params_m": 0.1, "macs_m": 1.0}
"""Prints of counts have so many digits, and some are cut off rather than rounded: they agree within one of the last."""

_PRINTED_AS = {"pixel1": "pixel1_quoted", "pixel1_tunas": "tflite_cpu", "pixel1_singlepath": "pixel1_quoted"}
"""The column of the published latencies that is of a device, where it has another name."""

_RELEASED = "the paper's; ours is the released definition's own count"
_HALF = "what the same network with half the squeeze has"
REASONS = {
    ("FBNet-A", "macs_m"): f"{_RELEASED}, 244.5 M with the pooling",
    ("FBNet-B", "macs_m"): f"{_RELEASED}, 291.1 M with the pooling",
    ("FBNet-C", "macs_m"): f"{_RELEASED}, 378.2 M with the pooling",
    ("FBNet-B", "params_m"): "the paper's; the released definition has 4.77 M without normalisation and bias, as ours",
    ("SCARLET-B", "macs_m"): (
        "not explained: the released definition and the drawing beside it are this network, two layers left out; A and "
        "C agree. A 1x1 convolution in place of the second would give 328.7 M, in place of both 329.9"
    ),
    ("Single-Path-NAS", "macs_m"): "not of the released network, whose parameters another repository counts as ours",
    ("Single-Path-NAS", "params_m"): "not of the released network: 4,421,616 in another repository, exactly ours",
    ("Single-Path-NAS", "latency_ms:pixel1_singlepath"): "the sum of the source's own table, which is printed nowhere",
    ("MobileNetV2", "params_m"): "the paper's; another repository counts 3,504,960, 88 more than ours",
    ("FairNAS-A-SE-1.0", "params_m"): _HALF,
    ("FairNAS-B-SE-1.0", "params_m"): _HALF,
    ("FairNAS-C-SE-1.0", "params_m"): _HALF,
}
"""Why figures differ, by network and metric."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One figure of one network.

    ``printed`` is None where nothing was printed of it, ``space`` empty where it stands in none; ``rmse`` is the
    predictor's error as its card has it, None where it has none.
    """

    network: str
    space: str
    metric: str
    value: float
    unit: str
    provenance: str
    printed: float | None
    rmse: float | None = None

    @property
    def difference(self) -> float | None:
        """Ours less the printed one, as a share of it."""
        return None if self.printed is None else self.value / self.printed - 1

    @property
    def agrees(self) -> bool:
        """Whether ours is the printed figure, as far as its digits tell; false where nothing was printed."""
        if self.printed is None:
            return False
        apart = abs(self.value - self.printed)
        return apart <= max(TOLERANCE * self.printed, _LAST_DIGIT.get(self.metric, 0.0))

    @property
    def remark(self) -> str:
        """What is to be said of the difference."""
        if self.printed is None:
            return ""
        if (self.network, self.metric) in REASONS:
            return REASONS[self.network, self.metric]
        if self.agrees:
            return ""
        is_error = self.rmse is not None and abs(self.value - self.printed) <= 2 * self.rmse
        return "within twice the RMSE on the card" if is_error else "not explained"


def _printed() -> dict[tuple[str, str], float]:
    """Collect what was printed, by network and metric or column of latencies; of two editions the later."""
    found: dict[tuple[str, str], float] = {}
    for network in list_published():
        for metric in ("macs_m", "params_m"):
            value: float | None = getattr(network, metric)
            if value is not None:
                found[network.name, metric] = value
    for row in read_published_table("latencies"):
        if row["edition"] == "later":
            found[row["network"], f"latency_ms:{row['device']}"] = float(row["latency_ms"])
    return found


@lru_cache(maxsize=1)
def price_published() -> tuple[Price, ...]:
    """Price all published networks on all devices that cover their space."""
    printed = _printed()
    found = list(_of_spaces(printed))
    known = {price.network for price in found}
    for network in list_published():
        if network.has_layers and network.name not in known:
            found += _of_layers(network.name, printed)
    order = {name: place for place, name in enumerate(dict.fromkeys(price.network for price in found))}
    return tuple(sorted(found, key=lambda price: (order[price.network], price.provenance != "counted", price.metric)))


def _of_spaces(printed: dict[tuple[str, str], float]) -> Iterator[Price]:
    for name in (name for name in list_spaces() if "/" not in name):
        space = load_space(name)
        archs = named_archs(space)
        if not archs:
            continue
        rows = np.stack(list(archs.values()))
        for card, folder in list_predictors():
            about = parse_metric(card.metric)
            if not (about.device or card.metric in {"macs_m", "params_m"}):
                continue
            try:
                values = build_predictor((card, folder), space).predict(rows)
            except CoverageError:
                continue
            column = f"latency_ms:{_PRINTED_AS.get(about.device, about.device)}" if about.device else card.metric
            for network, value in zip(archs, values.tolist(), strict=True):
                yield Price(
                    network=network, space=name, metric=card.metric, value=value, unit=card.unit,
                    provenance=card.provenance, printed=printed.get((network, column)), rmse=card.error.rmse,
                )  # fmt: skip


def _of_layers(network: str, printed: dict[tuple[str, str], float]) -> Iterator[Price]:
    try:
        operators = published_operators(network)
    except CoverageError:
        return
    for metric, value in (("macs_m", count_macs(operators) / 1e6), ("params_m", count_params(operators) / 1e6)):
        yield Price(
            network=network, space="", metric=metric, value=value, unit="M", provenance="counted",
            printed=printed.get((network, metric)),
        )  # fmt: skip


_ABOUT = f"""# Published networks against print

Every network that stands in a shipped space, on every device that covers it, and those of which the layers are
published. Where ours is more than {100 * TOLERANCE:g} % off, and by more than one of a count's last digit, the remark
says why.

Accel-NASBench's own count for `mnasnet_accel`, 4 to 17 % above multiply-adds, has no row: it counts every normalised
element four times and every pooled one once as well, which gives each of its 4,138 networks exactly (data/trained).
"""


def prices_page() -> str:
    """Write all prices as Markdown: those with a printed figure, then the others."""
    prices = price_published()
    printed = [
        f"| {_ours(price)} | {price.printed:g} | {100 * price.difference:+.1f} % | {price.remark} |"
        for price in prices
        if price.printed is not None and price.difference is not None
    ]
    others = [f"| {_ours(price)} |" for price in prices if price.printed is None]
    head = [
        "| network | space | figure | ours | | in print | difference | remark |",
        "|---|---|---|---|---|---|---|---|",
    ]
    more = ["", "## Of which nothing is printed", "", "| network | space | figure | ours | |", "|---|---|---|---|---|"]
    return "\n".join([_ABOUT, *head, *printed, *more, *others]) + "\n"


def _ours(price: Price) -> str:
    return f"{price.network} | {price.space} | {price.metric} | {price.value:.4g} {price.unit} | {price.provenance}"
