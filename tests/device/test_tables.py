"""Tables that others published: each format gives back what it holds, told from the others, and slips are one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blockprofile.content import content_dir
from blockprofile.csvfile import read_csv
from blockprofile.device.foreign import ForeignTable, ImportOptions, read_device_table
from blockprofile.device.layer_tables import convert_layers
from blockprofile.errors import DataError, OptionError
from blockprofile.predict.lookup import lookup_key, read_table
from blockprofile.space import Space, encode, list_operators, load_space

ELASTIC = """\
schema: blockprofile.space/1
name: elastic
title: Blocks, then transformer layers
sources: [made for tests]
input: {default: 64, resolutions: [64]}
blocks:
  - {name: e3k3, expansion: 3, kernel: 3}
  - {name: e5k5, expansion: 5, kernel: 5}
  - {name: v2_r4, op: custom, costs: [{metrics: {macs_m: 20, params_m: 0.2}}]}
stem:
  - {op: conv, out: 16, kernel: 3, stride: 2, act: hswish}
units:
  - {out: 24, stride: 2, act: hswish, depths: [1, 2], blocks: [e3k3, e5k5]}
  - {out: 48, stride: 2, se: true, act: hswish, depths: [1], blocks: [e3k3, e5k5]}
  - {out: 80, stride: 2, act: hswish, depths: [2], blocks: [v2_r4]}
head:
  - {op: conv, out: 480, act: hswish}
  - {op: global_pool}
  - {op: conv, out: 1984}
  - {op: linear, out: 1000, bias: true}
"""


@pytest.fixture(scope="module")
def elastic(tmp_path_factory: pytest.TempPathFactory) -> Space:
    path = tmp_path_factory.mktemp("elastic") / "elastic.yaml"
    path.write_text(ELASTIC, encoding="utf-8")
    return load_space(path)


def taken(path: Path, space: Space, **options: str) -> ForeignTable:
    return read_device_table([path], space, ImportOptions(**options))  # type: ignore[arg-type]


def sum_ms(found: ForeignTable, space: Space, arch: str) -> float:
    times = {lookup_key(op): time.value for op, time in found.table.times.items()}
    return found.table.offset_ms + sum(times[lookup_key(op)] for op in list_operators(space, encode(space, arch)))


def proxyless_yaml() -> str:
    """Write the published times of the Pixel 1 as ProxylessNAS has them: ratios, and one entry for all of the head."""
    kinds = {"stem_conv": "Conv", "head_expand": "Conv_1", "classifier": "Logits", "mbconv": "expanded_conv"}
    lines = []
    for row in read_csv(content_dir("data") / "lut" / "pixel1.csv").rows():
        side, out = row["input_size"], row["output_size"]
        name = f"{kinds[row['op']]}-input:{side}x{side}x{row['in_channels']}-output:{out}x{out}x{row['out_channels']}"
        if row["op"] == "classifier":
            name = f"Logits-input:7x7x{row['in_channels']}-output:{row['out_channels']}"
        if row["op"] == "mbconv":
            name += (
                f"-expand:{row['expansion_ratio']}-kernel:{row['kernel']}-stride:{row['stride']}-idskip:{row['skip']}"
            )
        spread = row.number("spread_ms")
        lines += [f"{name}:", f"  count: {row['count']}", f"  mean: {row['mean_ms']}", f"  var: {spread * spread!r}"]
    return "\n".join(lines) + "\n"


def test_proxylessnas_gives_the_shipped_table(tmp_path: Path) -> None:
    (tmp_path / "mobile_trim.yaml").write_text(proxyless_yaml(), encoding="utf-8")
    space = load_space("proxylessnas")
    found = taken(tmp_path / "mobile_trim.yaml", space)
    assert found.form == "ofa"
    shipped = read_table(content_dir("predictors") / "pixel1" / "table.parquet")
    for op, time in found.table.times.items():
        assert time.value == pytest.approx(shipped.get(lookup_key(op), 0.0), rel=1e-9)
        assert op.op == "global_pool" or time.spread > 0
    assert next(time.value for op, time in found.table.times.items() if op.op == "global_pool") == 0


def ofa_yaml(space: Space) -> str:
    """Write the operators of a resolution as Once-for-All has them: hidden channels, gate and h-swish in the name."""
    from blockprofile.device.probes import table_operators

    lines = []
    for number, op in enumerate(table_operators(space)):
        shapes = (
            f"input:{op.in_size}x{op.in_size}x{op.in_channels}-output:{op.out_size}x{op.out_size}x{op.out_channels}"
        )
        name = {"global_pool": f"AvgPool2D-{shapes}",
                "linear": f"Logits-input:1x1x{op.in_channels}-output:{op.out_channels}",
                "conv": f"Conv{'' if op.kernel > 1 else '_1' if op.in_size > 1 else '_2'}-{shapes}",
                "mbconv": f"expanded_conv-{shapes}-expand:{op.hidden_channels}-kernel:{op.kernel}-stride:{op.stride}"
                          f"-idskip:{op.skip:d}-se:{op.se_channels > 0:d}-hs:{op.act == 'hswish':d}",
                }[op.op]  # fmt: skip
        lines += [f"{name}:", "  count: 10", f"  mean: {1 + number / 100}", "  std: 0.5"]
    return "\n".join(lines) + "\n"


def test_once_for_all_at_several_resolutions(tmp_path: Path) -> None:
    for side in (160, 224):
        text = ofa_yaml(load_space("ofa_mbv3", resolution=side))
        (tmp_path / f"{side}_lookup_table.yaml").write_text(text, encoding="utf-8")
    found = read_device_table([tmp_path], load_space("ofa_mbv3"), ImportOptions(), resolutions=[160, 224])
    assert found.form == "ofa"
    assert found.table.n_extra == 0
    counts = {op.op: time.n for op, time in found.table.times.items()}
    assert counts["mbconv"] == 10
    assert counts["linear"] == 20  # the classifier is one operator, measured at both


def nnmeter(**changed: float) -> dict[str, float]:
    names = ["firstconv_64_3_16_2_3"]
    for ratio, kernel in ((3, 3), (5, 5)):
        names += [
            f"conv_32_16_24_{ratio}_2_hard_swish_{kernel}_nose",
            f"conv_16_24_24_{ratio}_1_hard_swish_{kernel}_nose",
        ]
        names += [f"conv_16_24_48_{ratio}_2_hard_swish_{kernel}_se"]
    names += ["transds_8_48_80_2_6", "transattn_4_80_hard_swish_2_ln", "transffn_4_80_4_hard_swish_ln"]
    names += ["mbpool_4_80_1984_6_hard_swish", "conv_99_16_24_3_2_hard_swish_3_nose"]
    return {name: 2.0**place for place, name in enumerate(names)} | changed


def test_nn_meter_with_transformer_layers_and_a_head_in_one_entry(elastic: Space, tmp_path: Path) -> None:
    path = tmp_path / "lut.json"
    path.write_text(json.dumps(nnmeter()), encoding="utf-8")
    found = taken(path, elastic)
    assert (found.form, found.table.n_extra) == ("nnmeter", 1)
    assert "1x1 convolution as their shortcut" in found.note
    # stem; e3k3; e5k5; e3k3 with a gate; a layer that changes the shape, and one that does not; all of the head
    assert sum_ms(found, elastic, "e3k3 e5k5 | e3k3 | v2_r4 v2_r4") == pytest.approx(
        2**0 + 2**1 + 2**5 + 2**3 + (2**7 + 2**8 + 2**9) + (2**8 + 2**9) + 2**10
    )


def fbnet(table: dict[str, float]) -> str:
    return json.dumps({"pixel3_latency": table, "fpga_latency": {name: 2 * ms for name, ms in table.items()}})


def test_hw_nas_bench_gives_the_sums_that_it_was_made_of(tmp_path: Path) -> None:
    from blockprofile.device.probes import table_operators

    space, table = load_space("fbnet_32"), {}
    for number, op in enumerate(table_operators(space)):
        shape = f"_H{op.in_size}_W{op.in_size}_Cin{op.in_channels}_Cout{op.out_channels}"
        tail = f"kernel{op.kernel}_stride{op.stride}_group{op.groups}"
        ratio = op.hidden_channels // op.in_channels
        name = {"mbconv": f"ConvBlock{shape}_exp{ratio}_{tail}", "conv": f"ConvNorm{shape}_{tail}",
                "global_pool": f"AvgP{shape}_kernel{op.in_size}_stride1",
                "linear": f"FC_Cin{op.in_channels}_Cout{op.out_channels}"}[op.op]  # fmt: skip
        table[name] = 0.1 + number / 1000
    path = tmp_path / "fbnet.json"
    path.write_text(fbnet(table), encoding="utf-8")
    found = taken(path, space, column="fpga_latency")
    assert found.form == "hwnasbench"
    assert [time.value for time in found.table.times.values()] == pytest.approx([2 * ms for ms in table.values()])
    with pytest.raises(OptionError, match=r"holds 2 tables: name one by --column; choices: pixel3_latency"):
        taken(path, space)
    with pytest.raises(OptionError, match=r"has no table 'fpga'; choices: pixel3_latency, fpga_latency"):
        taken(path, space, column="fpga")


def test_a_table_by_layer_prices_as_the_shipped_device(tmp_path: Path) -> None:
    space = load_space("fairnas")
    found = taken(content_dir("data") / "lut" / "pixel1_tunas.csv", space)
    assert found.form == "layers"
    shipped = ForeignTable(found.table, "layers")
    arch = space.definition.networks["FairNAS-A"]
    made = convert_layers("pixel1_tunas")
    keys = {lookup_key(op): time.value for op, time in made.times.items()}
    wanted = made.offset_ms + sum(keys[lookup_key(op)] for op in list_operators(space, encode(space, arch)))
    assert sum_ms(shipped, space, arch) == pytest.approx(wanted, abs=0.05)
    small = load_space("fbnet_32")
    assert taken(content_dir("data") / "lut" / "fbnet_32.csv", small, column="raspi4").table.offset_ms > 0
    with pytest.raises(OptionError, match="holds 4 devices: name one by --column"):
        taken(content_dir("data") / "lut" / "fbnet_32.csv", small)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.yaml", "Conv-input:8x8x3-output:4x4x8: {count: 3, mean: fast}\n", "mean of Conv-input:8x8x3.* is 'fast'"),
        ("a.yaml", "Conv-input:8x8x3-output:4x4x8: {mean: 3}\n", "should have count, mean, and std or var"),
        ("a.yaml", "mean: 3\n", "is of no format that is known"),
        ("a.json", '{"conv_64_16_24_3_1_relu_3_nose": -1}', "is -1; should be a number of at least 0"),
        ("a.json", json.dumps({**nnmeter(), "firstconv_64_3_16_2_3": None}), "is None; should be a number"),
        (
            "a.json",
            json.dumps({"conv_1_1_1_1_1_relu_3_se": 1}),
            "operators that space 'elastic' needs: conv k3 s2 3->16",
        ),
        ("a.csv", "unit,layer,block,ms\n1,1,e3k3,2\n", "lacks the term of block 'e5k5' at unit 1 layer 1"),
        ("a.csv", "unit,layer,block,ms\n1,1,e3k3,2\n1,1,e3k3,2\n", "'e3k3' at unit 1 layer 1 stands there twice"),
        ("a.csv", "unit,layer,block,ms\none,1,e3k3,2\n", "'one', layer '1' is wrong"),
        ("HW-NAS-Bench-v1_0.pickle", "anything", "is a pickle.* is not read.*get_op_lookup_tables"),
        ("named.json", "\x80\x04K\x01.", "named.json is a pickle"),
    ],
)
def test_slips(elastic: Space, tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises((DataError, OptionError), match=told) as caught:
        taken(tmp_path / name, elastic)
    assert "\n" not in str(caught.value)


def test_files_of_two_formats_and_options_of_others(elastic: Space, tmp_path: Path) -> None:
    table, other = tmp_path / "a.json", tmp_path / "b.json"
    table.write_text(json.dumps(nnmeter()), encoding="utf-8")
    other.write_text('{"FC_Cin8_Cout9": 1}', encoding="utf-8")
    with pytest.raises(DataError, match=r"b.json looks like 'hwnasbench', unlike .*a.json, which is read as 'nnmeter'"):
        read_device_table([table, other], elastic, ImportOptions())
    with pytest.raises(DataError, match="looks like 'nnmeter', not 'ofa'"):
        taken(table, elastic, form="ofa")
    with pytest.raises(OptionError, match="--spread has no effect here"):
        taken(table, elastic, spread="drop")
    with pytest.raises(OptionError, match="--column 'x' has no effect here"):
        taken(table, elastic, column="x")
    lone = '{"FC_Cin8_Cout9": 1}'
    other.write_text(f'{{"fpga_energy": {lone}}}', encoding="utf-8")
    with pytest.raises(OptionError, match=r"table 'fpga_energy' of .* holds no latency_ms; say --metric energy_mj"):
        taken(other, elastic)
    with pytest.raises(OptionError, match=r"2 files were given, of which .* is of the format 'hwnasbench'; give one"):
        read_device_table([other, other], elastic, ImportOptions())


def test_the_users_word_on_a_format(elastic: Space, tmp_path: Path) -> None:
    """What is recognised as nothing is read as what it is said to be, by a reader that checks it."""
    table = tmp_path / "a.dat"
    table.write_text(json.dumps({**nnmeter(), "mine": 3}), encoding="utf-8")
    with pytest.raises(DataError, match="is of no format that is known"):
        taken(table, elastic)
    assert taken(table, elastic, form="nnmeter").table.n_extra >= 1
    for form, told in [
        ("hwnasbench", "lacks .* operators"),
        ("ofa", "should have count, mean, and std or var"),
        ("layers", "the column 'block' is missing"),
        ("csv", "the column 'op' is missing"),
        ("aihub", "it is no 'aihub', which is a JSON object with `execution_summary`"),
    ]:
        table.write_text(json.dumps({"a": 3}), encoding="utf-8")
        with pytest.raises(DataError, match=told):
            taken(table, elastic, form=form)
    table.write_text("unit,layer,block,ms,n\n", encoding="utf-8")
    with pytest.raises(DataError, match="the column 'n' is unknown"):
        taken(table, elastic, form="layers")
    table.write_text("[1]", encoding="utf-8")
    for form in ("nnmeter", "hwnasbench"):
        with pytest.raises(DataError, match=f"it is no '{form}', which is a JSON object"):
            taken(table, elastic, form=form)
