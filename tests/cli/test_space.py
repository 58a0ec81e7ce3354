"""`blockprofile space list | show | check | count`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from blockprofile.cli.main import main
from blockprofile.cli.space import scientific
from blockprofile.space import count_archs, list_spaces, load_space
from tests.golden.renew import cost
from tests.space.files import TOY_YAML
from tests.toy import all_archs, toy_space

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def toy_file(tmp_path: Path) -> Path:
    path = tmp_path / "toy.yaml"
    path.write_text(TOY_YAML, encoding="utf-8")
    return path


def test_list_for_people_and_for_machines(capsys: Capture) -> None:
    assert main(["space", "list"]) == 0
    table = capsys.readouterr()
    assert table.err == ""
    for name, count in [("moga", "1.28e15"), ("ofa_mbv3", "2.18e19"), ("proxylessnas", "2.22e17")]:
        assert any(line.split()[:2] == [name, count] for line in table.out.splitlines())
    assert main(["space", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["space"] for row in rows] == list(list_spaces())
    assert {row["space"]: row["archs"] for row in rows}["moga"] == 12**14


def test_show(toy_file: Path, capsys: Capture) -> None:
    assert main(["space", "show", "ofa_mbv3"]) == 0
    printed = capsys.readouterr().out
    assert "21,758,655,492,572,485,851 archs (2.18e19), 25 slots" in printed
    assert "Once-for-All" in printed
    assert "193.1 to 843.1 M multiply-adds, 4.60 to 10.70 M parameters (counted)" in printed
    assert main(["space", "show", str(toy_file), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["name"] == "toy"
    assert shown["archs"] == 468
    assert shown["slots"] == ["u1_depth", "u1l1", "u1l2", "u2_depth", "u2l1", "u2l2", "u2l3"]
    assert [row["depths"] for row in shown["units"]] == ["1 2", "1 2 3"]
    assert shown["units"][1]["blocks"] == "e2k3 e4k3 e4k5se"
    costs = np.array([cost(toy_space(), arch) for arch in all_archs(toy_space())]) / 1e6
    assert shown["macs_m"] == pytest.approx([costs[:, 0].min(), costs[:, 0].max()])
    assert shown["params_m"] == pytest.approx([costs[:, 1].min(), costs[:, 1].max()])


def test_show_lists_named_networks(capsys: Capture) -> None:
    assert main(["space", "show", "moga"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in printed if line.startswith("network ")] == [
        "network MoGA-A", "network MoGA-B", "network MoGA-C",
    ]  # fmt: skip
    assert main(["space", "show", "moga", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["networks"]["MoGA-C"].startswith("e3k5 e3k3 | ")


def test_show_tells_layers_apart_where_they_differ(capsys: Capture) -> None:
    assert main(["space", "show", "proxylessnas", "--json"]) == 0
    blocks = [row["blocks"] for row in json.loads(capsys.readouterr().out)["units"]]
    assert blocks[0].startswith("1: e3k3 e3k5 e3k7 e6k3 e6k5 e6k7; 2: e3k3 ")
    assert blocks[0].count("skip") == 3
    assert blocks[5] == "e3k3 e3k5 e3k7 e6k3 e6k5 e6k7"


def test_check_a_file_in_order(toy_file: Path, capsys: Capture) -> None:
    assert main(["space", "check", str(toy_file)]) == 0
    assert "is in order: space 'toy', 468 archs, " in capsys.readouterr().out
    assert main(["space", "check", str(toy_file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hash"] == load_space(toy_file).hash


def test_check_shows_file_line_column_key_and_choices(toy_file: Path, capsys: Capture) -> None:
    toy_file.write_text(TOY_YAML.replace("act: hswish", "act: hswisch"), encoding="utf-8")
    assert main(["space", "check", str(toy_file)]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        f"blockprofile: {toy_file}:15:45: units[1].act: 'hswisch' is not allowed; did you mean 'hswish'? "
        "choices: none, relu, relu6, hswish, swish\n"
    )


@pytest.mark.parametrize("name", ["moga", "ofa_mbv3", "ofa_proxyless", "ofa_resnet50", "proxylessnas"])
def test_count_is_exact_on_stdout(name: str, capsys: Capture) -> None:
    assert main(["space", "count", name]) == 0
    printed = capsys.readouterr()
    assert int(printed.out) == count_archs(load_space(name))
    assert printed.err.startswith(f"space '{name}': ")
    assert main(["space", "count", name, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["name"], int(found["archs"])) == (name, count_archs(load_space(name)))
    assert 1 <= int(found["networks"]) <= int(found["archs"])


@pytest.mark.parametrize("command", ["show", "check", "count"])
def test_an_unknown_space(command: str, capsys: Capture) -> None:
    assert main(["space", command, "mogaa"]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("blockprofile: space 'mogaa' is unknown; did you mean 'moga'? choices: fairnas, ")
    assert printed.out == ""


def test_a_missing_file(tmp_path: Path, capsys: Capture) -> None:
    assert main(["space", "check", str(tmp_path / "gone.yaml")]) == 2
    assert "there is no space file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("count", "text"), [(1, "1"), (9_999_999, "9999999"), (10**7, "1.00e7"), (12**14, "1.28e15"), (7371**5, "2.18e19")]
)
def test_large_counts_are_written_shortly(count: int, text: str) -> None:
    assert scientific(count) == text
