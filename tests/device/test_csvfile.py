"""Tables from CSV: a round trip, and what the user reads about every slip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blockprofile.device import TimedOn
from blockprofile.device.csvfile import read_csv_table, write_template
from blockprofile.device.imported import write_imported
from blockprofile.device.operator_table import check_plausible
from blockprofile.device.time_units import TIME_UNITS
from blockprofile.errors import DataError, DefinitionError, OptionError, UnknownNameError, check_choice
from blockprofile.predict import load_predictors, read_card
from blockprofile.space import Space, encode, list_operators
from blockprofile.space.definition import Block, Cost
from tests.device.fake import true_ms
from tests.toy import TOY, all_archs


@pytest.fixture
def filled(toy: Space, tmp_path: Path) -> Path:
    """Return a template filled with the fake runtime's times."""
    path = tmp_path / "phone.csv"
    write_template(toy, path)
    from blockprofile.device.probes import table_operators

    table = pd.read_csv(path)
    table["mean_ms"] = [true_ms(op) for op in table_operators(toy)]
    table["spread_ms"], table["count"] = 0.01, 100
    table.to_csv(path, index=False)
    return path


def edit(path: Path, line: int, old: str, new: str) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def set_time(path: Path, line: int, text: str) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    cells = lines[line - 1].split(",")
    cells[-3] = text
    lines[line - 1] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_template_filled_and_imported_predicts(toy: Space, filled: Path, tmp_path: Path) -> None:
    table = read_csv_table(filled, toy)
    assert table.n_extra == 0
    write_imported(
        tmp_path / "phone",
        table,
        toy,
        name="phone",
        source=filled.name,
        timed=TimedOn(hardware="A phone", runtime="LiteRT"),
    )
    predictor = load_predictors(toy, devices=[str(tmp_path / "phone")], metrics=[])[0]
    archs = all_archs(toy)[::17]
    wanted = [sum(true_ms(op) for op in list_operators(toy, arch)) for arch in archs]
    assert predictor.predict(archs) == pytest.approx(wanted, rel=1e-5)
    card = read_card(tmp_path / "phone")
    assert (card.provenance, card.hardware, card.runtime) == ("measured", "A phone", "LiteRT")
    assert card.floor is None
    assert card.caption == "measured, floor unknown: not audited"
    assert f"sum is {0.01 / 10 * 5**0.5:.3g} ms" in card.error.notes  # five layers at most, standard error 1 us each
    assert "phone.csv" in card.made_from
    assert card.sources == ("phone.csv",)


def test_blocks_whose_latency_the_space_states_need_no_time(tmp_path: Path) -> None:
    cost = Cost(metrics={"macs_m": 1.0, "params_m": 0.1, "latency_ms:phone": 0.5})
    space = Space(replace(TOY, blocks=(*TOY.blocks, Block(name="attention", op="custom", costs=(cost,)))))
    write_template(space, tmp_path / "t.csv")
    table = pd.read_csv(tmp_path / "t.csv", keep_default_na=False)
    known = ~table["op"].str.startswith("custom:")
    table["mean_ms"] = np.where(known, "0.01", "")
    table.to_csv(tmp_path / "t.csv", index=False)
    found = read_csv_table(tmp_path / "t.csv", space, device="phone")
    assert 0 < len(found.times) == known.sum() < len(table)
    assert check_plausible(space, found, device="phone") > check_plausible(space, found)
    write_imported(
        tmp_path / "phone",
        found,
        space,
        name="phone",
        source="t.csv",
        timed=TimedOn(hardware="A phone", runtime="LiteRT"),
    )
    (predictor,) = load_predictors(space, devices=[str(tmp_path / "phone")], metrics=[])
    with_it, without = predictor.predict(np.stack([encode(space, f"{name} | e2k3") for name in ("attention", "e2k3")]))
    assert with_it - without == pytest.approx(0.5 - 0.01, rel=1e-5)
    with pytest.raises(DataError, match=r"lacks 3 of the 15 operators that space 'toy' needs: custom 'attention'"):
        read_csv_table(tmp_path / "t.csv", space, device="tablet")


def test_without_spreads_the_card_says_so(toy: Space, filled: Path, tmp_path: Path) -> None:
    pd.read_csv(filled).drop(columns=["spread_ms", "count", "operator"]).to_csv(filled, index=False)
    table = read_csv_table(filled, toy)
    write_imported(tmp_path / "p", table, toy, name="p", source="x", timed=TimedOn(hardware="h", runtime="r"))
    card = read_card(tmp_path / "p")
    assert card.floor is None
    assert "gives no spread" in card.error.notes


def test_rows_of_other_spaces_are_left_out_and_counted(toy: Space, filled: Path) -> None:
    with filled.open("a", encoding="utf-8") as handle:
        handle.write(",mbconv,9,9,8,8,16,3,1,false,true,relu,0.5,,\n")
    assert read_csv_table(filled, toy).n_extra == 1


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("-0.5", "-0.5 for mbconv k.* at least 0"),
        *((text, f"'{text}' is wrong: should be a number in ms") for text in ("nan", "inf", "1_0", "1.2.3")),
        ('"1,311"', "'1,311' is wrong: should be a number in ms"),
    ],
)
def test_a_time_that_cannot_be(toy: Space, filled: Path, text: str, match: str) -> None:
    set_time(filled, 5, text)
    with pytest.raises(DefinitionError, match=f"phone.csv:5: mean_ms: {match}"):
        read_csv_table(filled, toy)


def test_a_decimal_comma_is_a_field_too_many(toy: Space, filled: Path) -> None:
    set_time(filled, 5, "1,311")
    with pytest.raises(DefinitionError, match=r"phone.csv:5: the row has 16 fields, the header 15; a decimal comma"):
        read_csv_table(filled, toy)


def test_a_decimal_comma_that_left_the_fields_as_many_shows_in_the_spread(toy: Space, filled: Path) -> None:
    pd.read_csv(filled).drop(columns="count").to_csv(filled, index=False)
    edit(filled, 5, filled.read_text(encoding="utf-8").splitlines()[4].split(",", 12)[-1], "1,311")
    with pytest.raises(DefinitionError, match=r"phone.csv:5: spread_ms: 311 for .* is 311 times its mean"):
        read_csv_table(filled, toy)


@pytest.mark.parametrize("count", ["0", "1.5", "\u0663", "-1"])
def test_a_count_is_a_whole_number(toy: Space, filled: Path, count: str) -> None:
    lines = filled.read_text(encoding="utf-8").splitlines()
    lines[3] = lines[3].rsplit(",", 1)[0] + "," + count
    filled.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"phone.csv:4: count: .* a whole number of at least 1"):
        read_csv_table(filled, toy)


def test_a_missing_time_a_word_and_a_wrong_flag(toy: Space, filled: Path) -> None:
    set_time(filled, 3, "")
    with pytest.raises(DefinitionError, match=r"phone.csv:3: mean_ms: the time of mbconv .* is missing"):
        read_csv_table(filled, toy)
    set_time(filled, 3, "fast")
    with pytest.raises(DefinitionError, match="'fast' is wrong: should be a number"):
        read_csv_table(filled, toy)
    set_time(filled, 3, "1")
    edit(filled, 4, "False", "perhaps")
    with pytest.raises(DefinitionError, match=r"phone.csv:4: .*'perhaps' is wrong: should be true or false"):
        read_csv_table(filled, toy)


def test_a_duplicate_names_both_lines(toy: Space, filled: Path) -> None:
    lines = filled.read_text(encoding="utf-8").splitlines()
    filled.write_text("\n".join([*lines, lines[2]]) + "\n", encoding="utf-8")
    with pytest.raises(DefinitionError, match=rf"phone.csv:{len(lines) + 1}: .* stands in line 3 already"):
        read_csv_table(filled, toy)


def test_a_missing_block_is_named(toy: Space, filled: Path) -> None:
    lines = filled.read_text(encoding="utf-8").splitlines()
    gone = lines.pop(2).split(",")[0]
    filled.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_csv_table(filled, toy)
    assert f"lacks 1 of the {len(lines)} operators that space 'toy' needs: {gone}" in str(caught.value)


def test_columns_are_checked(toy: Space, filled: Path) -> None:
    table = pd.read_csv(filled)
    table.drop(columns="kernel").to_csv(filled, index=False)
    with pytest.raises(DefinitionError, match="the column 'kernel' is missing; it has operator, op"):
        read_csv_table(filled, toy)
    table.rename(columns={"spread_ms": "spred_ms"}).to_csv(filled, index=False)
    with pytest.raises(DefinitionError, match="unknown column 'spred_ms'; did you mean 'spread_ms'"):
        read_csv_table(filled, toy)


def test_files_that_are_none(toy: Space, filled: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"there is no file .*phon.csv'; did you mean 'phone.csv'"):
        read_csv_table(filled.with_name("phon.csv"), toy)
    filled.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not UTF-8"):
        read_csv_table(filled, toy)
    filled.write_text("", encoding="utf-8")
    with pytest.raises(DefinitionError, match="the header is missing"):
        read_csv_table(filled, toy)


def test_seconds_and_microseconds_are_noticed(moga: Space, tmp_path: Path) -> None:
    path = tmp_path / "phone.csv"
    write_template(moga, path)
    table = pd.read_csv(path)
    for factor, unit, word in [(1e-3, "s", "seconds"), (1e3, "us", "microseconds")]:
        table["mean_ms"] = 4.0 * factor  # 4 ms for each of twenty operators, a phone's pace
        table.to_csv(path, index=False)
        wrong = read_csv_table(path, moga)
        with pytest.raises(OptionError, match=f"cannot be milliseconds.*like {word}; .* say --time-unit {unit};"):
            check_plausible(moga, wrong)
        right = read_csv_table(path, moga, unit=check_choice("time unit", unit, TIME_UNITS))
        assert check_plausible(moga, right) == pytest.approx(80.0, rel=1e-6)
        assert check_plausible(moga, wrong, believe=True) == pytest.approx(80.0 * factor, rel=1e-6)
    with pytest.raises(OptionError, match="time unit 'm' is unknown"):
        check_choice("time unit", "m", TIME_UNITS)
    table["mean_ms"] = 1e308
    table.to_csv(path, index=False)
    with pytest.raises(DataError, match="'moga' takes more than any number of 32 bits can say"):
        check_plausible(moga, read_csv_table(path, moga), believe=True)
