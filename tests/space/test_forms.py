"""The forms of archs: each reads back what it writes, on every shipped space, and a mistake is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from blockprofile.errors import ArchError
from blockprofile.space import (
    FORMS,
    Space,
    count_macs,
    count_params,
    decode,
    draw_archs,
    encode,
    list_operators,
    list_spaces,
    load_space,
    read_arch,
    write_arch,
)
from blockprofile.space.load import read_space
from tests.toy import mixed_space, toy_space

MNASNET = """\
schema: blockprofile.space/1
name: factorized
title: Units of equal blocks, with the widths of two published networks
sources: [made up]
input: {default: 224, resolutions: [192, 224]}
squeeze_excite: {divisor: 4, of: input, gate: sigmoid, act: relu}
blocks:
  - product:
      op: {sep: {op: sepconv}, mb3: {op: mbconv, expansion: 3}, mb6: {op: mbconv, expansion: 6}}
      kernel: [3, 5]
      se: [no, yes]
      residual: {"": {residual: identity}, plain: {residual: none}, pool: {residual: pool}}
stem:
  - {op: conv, out: 32, kernel: 3, stride: 2, act: relu}
  - {op: mbconv, out: 16, kernel: 3, expansion: 1, act: relu, skip: false}
units:
  - {out: [24, 32], stride: 2, act: relu, depths: [1, 2, 3], shared: true}
  - {out: [24, 32, 40], stride: 2, act: relu, depths: [2, 3, 4], shared: true}
  - {out: [48, 64, 80], stride: 2, act: relu, depths: [3, 4, 5], shared: true}
  - {out: [72, 96, 112], stride: 1, act: relu, depths: [2, 3, 4], shared: true}
  - {out: [160, 192], stride: 2, act: relu, depths: [2, 3, 4], shared: true}
head:
  - {op: mbconv, out: 320, kernel: 3, expansion: 6, act: relu}
  - {op: conv, out: 1280, act: relu}
  - {op: global_pool}
  - {op: linear, out: 1000, bias: true}
"""

A1 = (
    "r1_k3_s11_e1_i32_o16_noskip | r2_k3_s22_e6_i16_o24 | r3_k5_s22_e3_i24_o40_se0.25 | r4_k3_s22_e6_i40_o80 | "
    "r2_k3_s11_e6_i80_o112_se0.25 | r3_k5_s22_e6_i112_o160_se0.25 | r1_k3_s11_e6_i160_o320"
)
B1 = (
    "r1_k3_s11_e1_i32_o16_noskip | r3_k3_s22_e3_i16_o24 | r3_k5_s22_e3_i24_o40 | r3_k5_s22_e6_i40_o80 | "
    "r2_k3_s11_e6_i80_o96 | r4_k5_s22_e6_i96_o192 | r1_k3_s11_e6_i192_o320_noskip"
)
OFA = {"ks": [3, 5, 7, 3] * 5, "e": [3, 4, 6, 6] * 5, "d": [2, 3, 4, 2, 3], "r": [224]}


@pytest.fixture(scope="module")
def factorized(tmp_path_factory: pytest.TempPathFactory) -> Space:
    path = tmp_path_factory.mktemp("forms") / "factorized.yaml"
    path.write_text(MNASNET, encoding="utf-8")
    return read_space(path)


def _written(space: Space, arch: np.ndarray, form: str) -> str:
    data = write_arch(space, arch, form)
    return data if isinstance(data, str) else json.dumps(data)


def _round_trips(space: Space, form: str) -> int:
    """Count the archs that the form can say; each of them must read back to its bytes, alone and under a key."""
    n = 0
    for arch in draw_archs(space, 25, np.random.default_rng(0)):
        try:
            data = write_arch(space, arch, form)
        except ArchError:
            continue
        text = data if isinstance(data, str) else json.dumps(data)
        assert read_arch(space, text).tobytes() == arch.tobytes()
        assert read_arch(space, json.dumps({"n": 1, "arch": data})).tobytes() == arch.tobytes()
        n += 1
    return n


@pytest.mark.parametrize("form", ["text", "codes"])
@pytest.mark.parametrize("name", list_spaces())
def test_text_and_codes_read_back_on_every_shipped_space(name: str, form: str) -> None:
    assert _round_trips(load_space(name), form) == 25


@pytest.mark.parametrize("name", list_spaces())
def test_networks_read_back_by_name(name: str) -> None:
    space = load_space(name)
    for network, text in space.definition.networks.items():
        if space.contains(encode(space.base, text))[0]:
            assert decode(space, read_arch(space, f" {network} ")) == text


@pytest.mark.parametrize("form", ["ofa", "mnasnet"])
@pytest.mark.parametrize("name", [name for name in list_spaces() if not name.startswith("insight/")])
def test_what_other_forms_can_say_reads_back(name: str, form: str) -> None:
    """Widths of equal channels are one network and the first is written, so such spaces need not read back."""
    space = load_space(name)
    widths = [unit.out for unit in space.definition.units if isinstance(unit.out, tuple)]
    if all(len(set(each)) == len(each) for each in widths):
        _round_trips(space, form)


@pytest.mark.parametrize("name", ["ofa_mbv3", "ofa_proxyless", "insight/ofa_mbv3-npu"])
def test_every_arch_of_once_for_all_has_its_form(name: str) -> None:
    assert _round_trips(load_space(name), "ofa") == 25


def test_once_for_all_by_hand() -> None:
    space = load_space("ofa_mbv3")
    arch = read_arch(space, json.dumps(OFA))
    assert decode(space, arch) == ("e3k3 e4k5 | e3k3 e4k5 e6k7 | e3k3 e4k5 e6k7 e6k3 | e3k3 e4k5 | e3k3 e4k5 e6k7")
    back = write_arch(space, arch, "ofa")
    assert back["d"] == OFA["d"]
    assert back["r"] == [224]
    assert back["ks"][:8] == [3, 5, 0, 0, 3, 5, 7, 0]
    assert (
        read_arch(space, json.dumps({"wid": None, "ks": 3, "e": 6, "d": 2})).tobytes()
        == encode(space, "e6k3 e6k3 | e6k3 e6k3 | e6k3 e6k3 | e6k3 e6k3 | e6k3 e6k3").tobytes()
    )
    proxyless = load_space("ofa_proxyless")
    drawn = {"ks": 3, "e": 3, "d": [2, 2, 2, 2, 2, 4]}
    assert decode(proxyless, read_arch(proxyless, json.dumps(drawn))).endswith("| e3k3 e3k3 | e3k3")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"d": [2, 3, 5, 2, 3]}, "d of unit 3 is 5"),
        ({"d": [2, 3]}, "d has 2 entries; the space takes 5"),
        ({"ks": [3] * 21}, "ks has 21 entries; the space takes 20"),
        ({"ks": 9}, "unit 1, layer 1: no block has e 3 and ks 9; choices: e 3 ks 3"),
        ({"e": [True] * 20}, "e holds True"),
        ({"r": [160]}, "r is 160, and space 'ofa_mbv3' stands at 224 pixels"),
        ({"r": [224, 160]}, "the resolution is"),
        ({"wid": 1}, "key 'wid' is not read"),
        ({"w": 1}, "key 'w' is not read"),
        ({"e": None}, "unit 1, layer 1: no block has e -1"),
    ],
)
def test_mistakes_in_once_for_alls_form(change: dict[str, object], message: str) -> None:
    with pytest.raises(ArchError, match=message):
        read_arch(load_space("ofa_mbv3"), json.dumps(OFA | change))


@pytest.mark.parametrize(
    ("space", "why"),
    [
        (load_space("moga"), "'e3k3' and 'e3k3se' have the same kernel and expansion"),
        (load_space("ofa_resnet50"), "its stem has options"),
        (mixed_space(), "its stem has options"),
    ],
    ids=lambda value: value.name if isinstance(value, Space) else "",
)
def test_spaces_without_once_for_alls_structure(space: Space, why: str) -> None:
    with pytest.raises(ArchError, match=why):
        read_arch(space, json.dumps({"ks": 3, "e": 3, "d": 2} if space.name != "moga" else
                                    {"ks": 3, "e": 3, "d": [2, 3, 4, 2, 3]}))  # fmt: skip
    with pytest.raises(ArchError, match=why):
        write_arch(space, draw_archs(space, 1, np.random.default_rng(0))[0], "ofa")


@pytest.mark.parametrize(("strings", "macs_m", "params_m"), [(A1, (311.5, 315.3), 3.9), (B1, (314, 316.5), 4.4)])
def test_published_networks_by_their_strings(
    factorized: Space, strings: str, macs_m: tuple[float, float], params_m: float
) -> None:
    """Printed: 3.9 M parameters and 312 to 315.2 M multiply-adds for A1; 4.4 M and 315 M for B1."""
    arch = read_arch(factorized, strings)
    operators = list_operators(factorized, arch)
    assert macs_m[0] <= count_macs(operators) / 1e6 <= macs_m[1]
    assert count_params(operators) / 1e6 == pytest.approx(params_m, abs=0.05)
    assert write_arch(factorized, arch, "mnasnet") == strings.replace("o320_noskip", "o320")
    inner = " ".join(strings.split(" | ")[1:-1])
    assert read_arch(factorized, inner).tobytes() == arch.tobytes()


def test_strings_read_back(factorized: Space) -> None:
    assert _round_trips(factorized, "mnasnet") > 0


def test_a_unit_of_free_layers_has_strings_where_they_are_alike(tmp_path: Path) -> None:
    space = toy_space()
    arch = encode(space, "e2k3 | e4k3 e4k3")
    assert _written(space, arch, "mnasnet") == "r1_k3_s11_e2_i8_o8 | r2_k3_s22_e4_i8_o16"
    assert read_arch(space, _written(space, arch, "mnasnet")).tobytes() == arch.tobytes()
    gated = encode(space, "e2k3 | e4k5se")
    assert "_se1" in _written(space, gated, "mnasnet")  # a quarter of the hidden channels, of four times the input
    with pytest.raises(ArchError, match="unit 2 has 2 kinds of block"):
        write_arch(space, encode(space, "e2k3 | e4k3 e2k3"), "mnasnet")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("r2_k3_s22_e6_i16_o24 ", "r2_k3_s22_e6_i16_o24_x3 ", "'x3' in"),
        ("r2_k3_s22_e6_i16_o24 ", "r2_k3_s22_e6_i16 ", "lacks o"),
        ("r2_k3_s22_e6_i16_o24 ", "r2_k3_s21_e6_i16_o24 ", "strides alike"),
        ("r2_k3_s22_e6_i16_o24 ", "r2_k3_s11_e6_i16_o24 ", "the unit has stride 2, and 16 channels come in"),
        ("r2_k3_s22_e6_i16_o24 ", "r2_k3_s22_e6_i24_o24 ", "the unit has stride 2, and 16 channels come in"),
        ("i16_o24 ", "i16_o28 ", "28 channels out"),
        ("r2_k3_s22_e6_i16_o24 ", "r2_k7_s22_e6_i16_o24 ", "unit 1 of space 'factorized'.*it has no such block"),
        ("se0.25 ", "se0.5 ", "it has no such block"),
        ("r2_k3_s22_e6_i16_o24 ", "r4_k3_s22_e6_i16_o24 ", "unit 1 has 4 layers"),
        ("r1_k3_s11_e1_i32_o16_noskip | ", "", "6 strings; space 'factorized' has 5 units, and with .* 7"),
        ("r1_k3_s11_e1_i32_o16_noskip", "r1_k5_s11_e1_i32_o16_noskip", "the space's fixed block is 'r1_k3_s11_e1"),
    ],
)
def test_mistakes_in_strings(factorized: Space, old: str, new: str, message: str) -> None:
    assert old in A1
    with pytest.raises(ArchError, match=message):
        read_arch(factorized, A1.replace(old, new, 1))


def test_a_pooled_shortcut_has_no_string(factorized: Space) -> None:
    text = decode(factorized, read_arch(factorized, A1)).replace("mb6k3*2", "mb6k3pool*2", 1)
    with pytest.raises(ArchError, match="block 'mb6k3pool' of unit 1 has no form"):
        write_arch(factorized, read_arch(factorized, text), "mnasnet")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("MoGA-D", "'MoGA-D' is not recognised: an arch is given as .*did you mean 'MoGA-"),
        ("{}", "the form of {} is not recognised"),
        ("[1, 2", "the arch is not valid JSON"),
        ('{"arch": 3}', "the form of 3 is not recognised"),
        ('{"arch": {"arch": []}}', "not recognised"),
        ("[1, 2]", r"archs have shape \(2,\)"),
        (json.dumps([0] * 13 + [12]), "code 12 is not allowed in slot 'u5l3'"),
        (json.dumps([0] * 13 + [300]), "code 300 is wrong"),
        (json.dumps([0] * 13 + [1.5]), "code 1.5 is wrong"),
        ("e3k9 e3k3 | e3k5 e3k3 e3k5 | e3k5 e6k5se e3k5 e3k5 | e6k3 e6k3se | e6k3se e6k3se e6k3se", "unit 1, layer 1"),
        ("", "not recognised"),
    ],
)
def test_forms_that_are_not_recognised(given: str, message: str) -> None:
    with pytest.raises(ArchError, match=message):
        read_arch(load_space("moga"), given)


def test_codes_of_depths_that_are_none() -> None:
    with pytest.raises(ArchError, match="code 9 of slot 'u1_depth' is not one of its 2 choices"):
        read_arch(toy_space(), "[9, 0, 255, 0, 0, 255, 255]")


def test_forms_have_names() -> None:
    space = load_space("moga")
    with pytest.raises(ArchError, match=f"form 'onnx' is unknown; .*{next(iter(FORMS))}"):
        write_arch(space, read_arch(space, "MoGA-A"), "onnx")
