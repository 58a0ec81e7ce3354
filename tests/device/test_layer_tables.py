"""Published tables by layer: the committed ones are the conversion, and price what was printed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from blockprofile.content import content_dir
from blockprofile.device.layer_tables import LAYER_TABLES, convert_layers
from blockprofile.errors import CoverageError, UnknownNameError
from blockprofile.predict.lookup import lookup_key, read_correction, read_table
from blockprofile.predict.registry import build_predictor, find_device
from blockprofile.space import Space, encode, load_space

SUMS = [
    ("7818488874147327324245", {"eyeriss": 5.229984, "fpga": 25.30272, "pixel3": 17.55774, "raspi4": 30.25286}),
    ("2454613755128207883232", {"eyeriss": 5.5256, "fpga": 27.0112, "pixel3": 18.8275, "raspi4": 37.31971}),
    ("4441027823636176068807", {"eyeriss": 5.213472, "fpga": 23.95616, "pixel3": 17.21065, "raspi4": 33.22502}),
]
"""Networks of HELP (NeurIPS 2021, MIT) by their layers' codes, and their latencies in ms."""


def _price(device: str, space: Space, archs: object) -> float:
    predictor = build_predictor(find_device(device, space), space)
    return float(predictor.predict(np.asarray(archs, np.uint8)[None])[0])


@pytest.mark.parametrize("device", LAYER_TABLES)
def test_the_committed_table_is_the_conversion(device: str) -> None:
    card, folder = find_device(device, load_space(LAYER_TABLES[device][0]))
    table = convert_layers(device)
    assert read_table(folder / "table.parquet") == {lookup_key(op): time.value for op, time in table.times.items()}
    assert read_correction(card, folder).offset_ms == pytest.approx(table.offset_ms, abs=1e-6)


@pytest.mark.parametrize(("codes", "latencies"), SUMS)
def test_sums_of_fbnet(codes: str, latencies: Mapping[str, float]) -> None:
    space = load_space("fbnet_32")
    for device, latency in latencies.items():
        assert _price(device, space, [int(code) for code in codes]) == pytest.approx(latency, rel=1e-6)


@pytest.mark.parametrize(
    ("device", "space", "network", "latency", "printed"),
    [
        ("pixel1_tunas", "fairnas", "FairNAS-A", 106.3, 104.4),
        ("pixel1_tunas", "fairnas", "FairNAS-B", 90.8, 90.27),
        ("pixel1_tunas", "fairnas", "FairNAS-C", 84.5, 83.1),
        ("pixel1_singlepath", "singlepath", "Single-Path-NAS", 81.1, 79.48),
    ],
)
def test_published_networks(device: str, space: str, network: str, latency: float, printed: float) -> None:
    loaded = load_space(space)
    found = _price(device, loaded, encode(loaded, loaded.definition.networks[network]))
    assert found == pytest.approx(latency, abs=0.05)
    assert found == pytest.approx(printed, rel=0.025)


def test_a_space_of_the_same_operators_is_covered_whatever_its_name(tmp_path: Path) -> None:
    text = (content_dir("spaces") / "fairnas.yaml").read_text(encoding="utf-8")
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace("name: fairnas", "name: mine"), encoding="utf-8")
    mine = load_space(str(file))
    arch = encode(mine, mine.definition.networks["FairNAS-B"])
    assert _price("pixel1_tunas", mine, arch) == _price("pixel1_tunas", load_space("fairnas"), arch)


def test_a_custom_block_without_a_cost_on_the_device_is_named(tmp_path: Path) -> None:
    text = (content_dir("spaces") / "fairnas.yaml").read_text(encoding="utf-8").partition("networks:")[0]
    own = "{name: own, op: custom, costs: [{metrics: {macs_m: 1, params_m: 1COST}}]}"
    file = tmp_path / "mine.yaml"

    def write(cost: str) -> Space:
        block = own.replace("COST", cost)
        file.write_text(text.replace("fairnas", "mine").replace("stem:", f"  - {block}\nstem:"), encoding="utf-8")
        return load_space(str(file))

    space = write("")
    with pytest.raises(CoverageError, match=r"custom 'own' .*can state latency_ms:pixel1_tunas among its costs"):
        find_device("pixel1_tunas", space)
    space = write(", 'latency_ms:pixel1_tunas': 2.5")
    archs = [encode(space, " | ".join([first, "e3k3 e3k3 e3k3 e3k3", *["e3k3 e3k3 e3k3 e3k3"] * 3, "e3k3"]))
             for first in ("e3k3 own", "own own")]  # fmt: skip
    # The first layer's e3k3 is 4.295 ms: what its expansion 6 takes more.
    with_block, without = (_price("pixel1_tunas", space, arch) for arch in archs)
    assert with_block - without == pytest.approx(4.295 - 2.5, abs=0.01)


def test_an_unknown_table() -> None:
    with pytest.raises(UnknownNameError, match="published table 'raspi5' is unknown; did you mean 'raspi4'"):
        convert_layers("raspi5")
