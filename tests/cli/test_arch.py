"""`blockprofile arch show | price | encode | decode`."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

from blockprofile.cli.main import EXIT_DATA, EXIT_USER, main
from blockprofile.predict import AdditivePredictor, find_device, load_predictors
from blockprofile.predict.registry import build_predictor
from blockprofile.space import count_macs, count_params, draw_archs, list_operators, load_space, read_arch

Capture = pytest.CaptureFixture[str]


def printed(line: list[str], capsys: Capture) -> str:
    assert main(line) == 0
    return capsys.readouterr().out


def test_show_lists_every_layer_and_adds_up(capsys: Capture) -> None:
    moga = load_space("moga")
    rows = json.loads(printed(["arch", "show", "MoGA-A", "MoGA-C", "--space", "moga", "--json"], capsys))
    for row, name in zip(rows, ("MoGA-A", "MoGA-C"), strict=True):
        operators = list_operators(moga, read_arch(moga, name))
        assert row["networks"] == [name]
        assert [layer["macs"] for layer in row["layers"]] == [op.macs for op in operators]
        assert (row["macs"], row["params"]) == (count_macs(operators), count_params(operators))
        assert " ".join(layer["block"] for layer in row["layers"] if layer["block"]) == row["arch"].replace(" |", "")
    table = printed(["arch", "show", "MoGA-A", "--space", "moga"], capsys)
    assert "(MoGA-A)" in table
    assert "304 M multiply-adds, 5.16 M parameters (counted), at 224 pixels" in table


def test_price_gives_every_device_that_covers_the_space_with_its_provenance(capsys: Capture) -> None:
    data = json.loads(printed(["arch", "price", "MoGA-A", "--space", "moga", "--layers", "--json"], capsys))
    assert {"note10", "pixel1"} <= set(data["not_covered"])
    metrics = {row["metric"]: row for row in data["archs"][0]["metrics"]}
    assert set(metrics) >= {"top1_percent", "macs_m", "params_m", "latency_ms:mace_gpu", "latency_ms:tflite_cpu"}
    assert metrics["latency_ms:mace_gpu"]["value"] == pytest.approx(11.1, abs=0.3)  # as printed by its authors
    for row in metrics.values():
        assert row["provenance"]
        assert sum(row["layers"].values()) == pytest.approx(row["value"], rel=1e-6)


def test_a_figure_outside_the_fitted_range_says_so(capsys: Capture) -> None:
    arch = " | ".join(" ".join(["e6k7"] * 4) for _ in range(5))
    line = ["arch", "price", arch, "--space", "ofa_mbv3", "--device", "mace_gpu", "--json"]
    (row,) = json.loads(printed(line, capsys))["archs"][0]["metrics"]
    assert "outside" in row["provenance"]
    assert "RMSE" not in row["provenance"]


@pytest.mark.parametrize(
    ("space", "device"),
    [("ofa_mbv3", "note10"), ("proxylessnas", "pixel1"), ("ofa_resnet50", "epyc_genoa_ort_1t"), ("moga", "snpe_gpu")],
)
def test_contributions_add_up_to_the_prediction(space: str, device: str) -> None:
    loaded = load_space(space)
    predictor = build_predictor(find_device(device, loaded), loaded)
    assert isinstance(predictor, AdditivePredictor)
    archs = draw_archs(loaded, 5, np.random.default_rng(0))
    sums = [sum(predictor.contributions(arch).values()) for arch in archs]
    assert sums == pytest.approx(predictor.predict(archs).tolist(), rel=1e-6)


def test_contributions_of_a_table_are_those_of_its_slots() -> None:
    moga = load_space("moga")
    (top1,) = load_predictors(moga, metrics=["top1_percent"])
    assert isinstance(top1, AdditivePredictor)
    arch = read_arch(moga, "MoGA-B")
    found = top1.contributions(arch)
    assert set(found) == {"", *(slot.name for slot in moga.slots)}
    assert sum(found.values()) == pytest.approx(float(top1.predict(arch)[0]), rel=1e-6)


def test_layers_are_printed_in_the_order_of_the_network(capsys: Capture) -> None:
    line = ["arch", "price", "MoGA-C", "--space", "moga", "--metric", "top1_percent", "--metric", "macs_m", "--layers"]
    places = [words[0] for words in map(str.split, printed(line, capsys).splitlines()) if words]
    assert places.index("stem1") < places.index("u1l1") < places.index("u5l3") < places.index("head1")
    assert places[-1] == "once"


def test_encode_and_decode_are_inverse(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = printed(["arch", "encode", "MoGA-A", "MoGA-B", "--space", "moga"], capsys)
    assert json.loads(codes.splitlines()[0])[:3] == [8, 10, 6]
    file = tmp_path / "archs.jsonl"
    file.write_text("\n" + codes + '{"arch": "MoGA-C"}\n', encoding="utf-8")
    texts = printed(["arch", "decode", "--from", str(file), "--space", "moga"], capsys).splitlines()
    assert texts == list(load_space("moga").definition.networks.values())
    monkeypatch.setattr("sys.stdin", io.StringIO(texts[2]))
    assert json.loads(printed(["arch", "encode", "--from", "-", "--space", "moga", "--json"], capsys)) == [
        {"arch": texts[2], "networks": ["MoGA-C"], "codes": [2, 0, 2, 0, 2, 2, 9, 2, 2, 6, 7, 7, 7, 7]}
    ]


def test_once_for_alls_form_takes_the_resolution(capsys: Capture) -> None:
    given = json.dumps({"ks": 5, "e": 4, "d": 3, "r": [160]})
    line = ["arch", "decode", given, "--space", "ofa_mbv3", "--form", "ofa"]
    assert main(line) == EXIT_USER
    assert "r is 160" in capsys.readouterr().err
    assert json.loads(printed([*line, "--resolution", "160"], capsys))["r"] == [160]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["arch", "show", "--space", "moga"], "no arch is given"),
        (["arch", "show", "MoGA-Z", "--space", "moga"], "not recognised"),
        (["arch", "encode", "{", "--space", "moga"], "not valid JSON"),
        (["arch", "decode", "MoGA-A", "--space", "moga", "--form", "ofa"], "no form of ks, e and d"),
        (["arch", "decode", "MoGA-A", "--space", "moga", "--form", "x"], "form 'x' is unknown"),
        (["arch", "price", "MoGA-A", "--space", "moga", "--device", "note10"], "note10"),
        (["arch", "show", "--from", "nowhere", "--space", "moga"], "nowhere"),
    ],
)
def test_mistakes(line: list[str], message: str, capsys: Capture) -> None:
    assert main(line) == EXIT_USER
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xef\xbb\xbf# some\r\nMoGA-A\r\nMoGA-Z\r\n", ":3: the form of 'MoGA-Z'"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"\n", "holds no arch"),
    ],
)
def test_a_file_with_a_mistake(content: bytes, message: str, tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "archs.txt"
    file.write_bytes(content)
    assert main(["arch", "show", "--from", str(file), "--space", "moga"]) in {EXIT_DATA, EXIT_USER}
    assert message in capsys.readouterr().err


def test_no_name_is_cut_where_many_devices_cover_the_space(capsys: Capture) -> None:
    status = main(["arch", "price", "EfficientNet-B0", "--space", "mnasnet_accel", "--layers"])
    out = capsys.readouterr().out
    assert status == 0
    heads = [line.split() for line in out.splitlines() if line.startswith("place ")]
    assert len(heads) > 1
    assert [name for head in heads for name in head[1:]] == re.findall(
        r"^(?:macs_m|params_m|latency_ms:\w+)", out, re.M
    )
    assert len(re.findall(r"^u6l4 ", out, re.M)) == len(heads)
