"""Published networks: their printed figures, and their operator lists derived from the published layer tables.

The tables are in ``data/published``; what a space derives from an arch and what is derived here from a layer
table are the same kind of `Operator`, so counts and cost models treat both alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

from blockprofile.content import content_dir
from blockprofile.csvfile import read_csv
from blockprofile.errors import CoverageError, UnknownNameError, one_of
from blockprofile.space import Act, Operator

Edition = Literal["first", "later", "repeat", "other"]
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedNetwork:
    """What its authors printed about one network; None where nothing was printed.

    ``macs_m`` and ``params_m`` are as printed (in millions), not computed; `published_operators` gives what the
    layers themselves amount to. ``has_layers`` tells whether they are known.
    """

    name: str
    top1_percent: float | None
    top5_percent: float | None
    params_m: float | None
    macs_m: float | None
    resolution: int | None
    has_layers: bool
    source: str
    note: str


@lru_cache(maxsize=16)
def read_published_table(name: str) -> tuple[Row, ...]:
    """Read ``data/published/<name>.csv``; every value as text.

    Examples
    --------
    >>> read_published_table("moga_choices")[0]["network"]
    'MoGA-A'
    """
    path = content_dir("data") / "published" / f"{name}.csv"
    return tuple(row.fields for row in read_csv(path).rows())


def _number(text: str) -> float | None:
    return float(text) if text else None


@lru_cache(maxsize=1)
def _networks() -> dict[str, PublishedNetwork]:
    networks = {}
    for row in read_published_table("networks"):
        resolution = _number(row["resolution"])
        networks[row["network"]] = PublishedNetwork(
            name=row["network"], top1_percent=_number(row["top1_percent"]),
            top5_percent=_number(row["top5_percent"]), params_m=_number(row["params_m"]),
            macs_m=_number(row["macs_m"]), resolution=None if resolution is None else int(resolution),
            has_layers=row["layers"] == "yes", source=row["source"], note=row["note"],
        )  # fmt: skip
    return networks


def list_published() -> tuple[PublishedNetwork, ...]:
    """List all published networks, in the order of the table."""
    return tuple(_networks().values())


def published_network(name: str) -> PublishedNetwork:
    """Find a published network.

    Raises
    ------
    UnknownNameError
        If there is none of that name.

    Examples
    --------
    >>> published_network("MoGA-A").top1_percent
    75.9
    """
    networks = _networks()
    if name not in networks:
        raise UnknownNameError(f"network {name!r} is not among the published ones; {one_of(name, networks)}")
    return networks[name]


@lru_cache(maxsize=1)
def _layers() -> dict[str, tuple[Row, ...]]:
    layers: dict[str, tuple[Row, ...]] = {}
    for row in read_published_table("layers"):
        layers[row["network"]] = (*layers.get(row["network"], ()), row)
    return layers


def published_operators(name: str) -> tuple[Operator, ...]:
    """Derive the operator list of a published network, in the order in which the operators run.

    Layers that the network leaves out (a skip where a block could stand) have no operator.

    Raises
    ------
    UnknownNameError
        If there is no such network, or its layers were never published.
    CoverageError
        If a layer has a grouped 1x1 convolution, which no `Operator` describes (FBNet-A).

    Examples
    --------
    >>> from blockprofile.space import count_macs, count_params
    >>> moga_c = published_operators("MoGA-C")
    >>> round(count_macs(moga_c) / 1e6, 1), round(count_params(moga_c) / 1e6, 3)
    (221.1, 5.488)
    """
    if not published_network(name).has_layers:
        known = sorted(_layers())
        raise UnknownNameError(f"the layers of network {name!r} are not published; {one_of(name, known)}")
    return tuple(_operators(_layers()[name]))


def _operators(rows: Iterable[Row]) -> Iterable[Operator]:
    for row in rows:
        if row["op"] == "skip":
            continue
        if row["project_groups"] != "1":
            raise CoverageError(
                f"layer {row['index']} of network {row['network']!r} has a 1x1 convolution in "
                f"{row['project_groups']} groups; operators have ungrouped ones alone"
            )
        yield _operator(row)


def _operator(row: Row) -> Operator:
    shape: dict[str, Any] = {
        "in_size": int(row["in_size"]),
        "out_size": int(row["out_size"]),
        "in_channels": int(row["in_channels"]),
        "out_channels": int(row["out_channels"]),
    }
    if row["op"] == "pool":
        return Operator(op="global_pool", **shape)
    if row["op"] == "linear":
        return Operator(op="linear", bias=row["bias"] == "1", bn=False, **shape)
    act, squeeze = cast("Act", row["activation"]), int(row["se_channels"])
    common: dict[str, Any] = {"kernel": int(row["kernel"]), "stride": int(row["stride"]), **shape}
    skip = row["skip"] == "1"
    if row["op"] == "conv":
        return Operator(op="conv", act=act, skip=skip, bn=row["batch_norm"] == "1", bias=row["bias"] == "1", **common)
    return Operator(
        op="mbconv", hidden_channels=int(row["hidden_channels"]), se_channels=squeeze,
        se_act=act if squeeze else "none", act=act, skip=skip, **common,
    )  # fmt: skip


def published_latencies(device: str, *, edition: Edition = "later") -> dict[str, float]:
    """Return the published latencies of one device.

    Parameters
    ----------
    device
        A device of ``data/published/latencies.csv``.
    edition
        Where a table was printed twice: the ``first`` or the ``later`` edition; ``repeat`` is a second measurement.

    Returns
    -------
    Network -> latency in ms, in the order of the table.

    Raises
    ------
    UnknownNameError
        If the table has no figure of that device and edition.

    Examples
    --------
    >>> published_latencies("mace_gpu")["MobileNetV2"], published_latencies("mace_gpu", edition="first")["MobileNetV2"]
    (7.0, 11.7)
    """
    rows = read_published_table("latencies")
    found = {
        row["network"]: float(row["latency_ms"])
        for row in rows
        if row["device"] == device and row["edition"] == edition
    }
    if not found:
        known = sorted({f"{row['device']} ({row['edition']})" for row in rows})
        raise UnknownNameError(f"no latencies of {device} ({edition}) are published; {one_of(device, known)}")
    return found
