"""Pages: well formed, self-contained, small, escaped, and saying what the runs hold."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from blockprofile.command import command_line
from blockprofile.errors import DataError, OptionError, RunError, UnknownNameError
from blockprofile.profile import Profile
from blockprofile.report import MAX_BYTES, render_page, report, write_page
from blockprofile.report.document import Bullets, Cell, Code, Document, Section, Table, Text, number, table_of
from blockprofile.report.profile_answer import Goals, answer_profile, find_goals, list_dominated
from blockprofile.run.manifest import read_manifest, write_manifest
from tests.report.pages import Page

KINDS = ("profile", "search", "comparison")


@pytest.mark.parametrize("kind", KINDS)
def test_page_is_well_formed_and_its_links_lead_somewhere(reports: dict[str, Path], kind: str) -> None:
    page = Page(reports[kind])
    assert page.counts["h1"] == 1
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        assert link == "data:," or link.removeprefix("#") in page.ids


@pytest.mark.parametrize("kind", KINDS)
def test_page_loads_nothing_and_is_small(reports: dict[str, Path], kind: str) -> None:
    text = reports[kind].read_text(encoding="utf-8")
    assert len(text.encode()) < MAX_BYTES
    assert not re.search(r"""(src|href|url|import|fetch)\s*[=(]\s*["']?\s*(https?:)?//""", text)
    assert not re.search(r"@import|<iframe|<object|<embed|XMLHttpRequest|fetch\(", text)
    assert "default-src 'none'" in text


@pytest.mark.parametrize("kind", KINDS)
def test_page_says_provenance_commands_seeds_and_versions(reports: dict[str, Path], kind: str) -> None:
    words = Page(reports[kind]).text
    assert "calibrated" in words
    assert "seed 0" in words
    assert "content hash 19d571168f23fef5" in words
    assert re.search(r"blockprofile (sample|search|compare) --space moga", words)
    assert re.search(r"Python 3\.\d+", words)
    assert "numpy" in words


def test_profile_page_holds_the_figures_of_the_profile(reports: dict[str, Path]) -> None:
    page = Page(reports["profile"])
    profile = Profile.read(reports["profile"].parent)
    table, about = profile.table, profile.about
    n_metrics = len(about["config"]["predictors"])
    # Trade and cloud; M_b, M_ulb, two quantiles, factors and their pairs of each metric, all responses, predictors.
    assert page.counts["svg"] == 2 * 2
    assert page.counts["table"] == 6 * n_metrics + 2
    assert all(name in page.text for name in ("MoGA-A", "MoGA-B", "MoGA-C", "Rings: networks of the space"))
    row = table[(table["statistic"] == "M_ulb") & (table["metric"] == "top1_percent")].iloc[7]
    assert f"{row['effect']:+.4f}" in page.text


def test_profile_answer_names_the_extremes(reports: dict[str, Path]) -> None:
    table = Profile.read(reports["profile"].parent).table
    sentences = answer_profile(Profile(table))
    assert len(sentences) == 4
    blocks = table[(table["statistic"] == "M_b") & (table["metric"] == "latency_ms:mace_gpu")]
    cheapest = blocks.loc[blocks["effect"].idxmin(), "block"]
    assert f"{cheapest} costs least latency on mace_gpu" in sentences[0]
    assert f"{sentences[0]}" in Page(reports["profile"]).text


def test_dominated_blocks_are_beaten_in_both(reports: dict[str, Path]) -> None:
    table = Profile.read(reports["profile"].parent).table
    goals = find_goals(list(dict.fromkeys(table["metric"])))
    effects = {
        metric: table[(table["statistic"] == "M_b") & (table["metric"] == metric)].set_index("block")["effect"]
        for metric in (goals.gain, goals.cost)
    }
    beaten = list_dominated(Profile(table), goals)
    for block, by in beaten.items():
        assert effects[goals.gain][by] > effects[goals.gain][block]
        assert effects[goals.cost][by] < effects[goals.cost][block]
    assert list_dominated(Profile(table), Goals(None, goals.cost)) == {}


def test_comparison_page_tells_verdict_pruning_and_archs(reports: dict[str, Path]) -> None:
    page = Page(reports["comparison"])
    assert "With 300 evaluations each over 3 seeds, small ends with" in page.text
    assert "reaches what the original ends with" in page.text
    assert "small: which block may stand where" in page.text
    assert page.text.index("which block may stand where") < page.text.index("small: 2 decisions")
    assert page.text.count("×") == 2 * 2 + 1, "two blocks at two layers, and in the legend"
    assert "unit 1: without e6k7 they cost <much> & bring little by hand e6k5 -0.1 points (-0.2 to -0.05)" in page.text
    assert "unit 1: without e6k7se they cost <much> & bring little by hand" in page.text
    assert "top1_percent: calibrated, floor 0.05 points." in page.text
    assert "latency_ms:mace_gpu at most before after random 8.000 75.100 75.300 75.000" in page.text
    assert "better than random" in page.text
    assert "published networks, measured by their authors" in page.text
    assert "MobileNetV3-Large" in page.text
    # Fronts, convergence, one attainment difference; each with a clipped inner picture.
    assert page.counts["svg"] == 3 * 2


def test_search_page_lists_the_front(reports: dict[str, Path]) -> None:
    page = Page(reports["search"])
    assert re.search(r"300 evaluations left a front of \d+ archs", page.text)
    assert page.counts["svg"] == 2 * 2


def test_every_part_is_rendered_and_escaped() -> None:
    parts = (
        Text("a < b"),
        Bullets(("one & two",)),
        Code("x <y>"),
        Table("t", ("c",), ((Cell("<i>", 1.0, 0.5, 'say "hi"'),),), is_map=True),
        table_of("s", [{"n": 1234, "word": "w", "x": 0.5, "none": None}], is_folded=True),
    )
    html = render_page(Document("<title>", "asked", ("answer",), (Section("s", "S", parts),)))
    for words in (
        "a &lt; b",
        "one &amp; two",
        "x &lt;y&gt;",
        "&lt;i&gt;",
        "say &#34;hi&#34;",
        "1,234",
        "&lt;title&gt;",
    ):
        assert words in html
    assert "<i>" not in html


def test_cells() -> None:
    assert number(None).text == number(float("nan")).text == ""
    assert number(1234.5, 1).text == "1,234.5"
    assert Cell("x").style == ""
    assert "var(--high) 50%" in Cell("x", heat=0.5).style
    assert "var(--low) 15%" in Cell("x", heat=-0.5, is_faint=True).style


def test_command_line_leaves_out_what_is_not_set() -> None:
    assert command_line("x", ["a b"], flag=True, off=False, none=None, many=[1, 2], at_least=3) == (
        "blockprofile x 'a b' --flag --many 1 --many 2 --at-least 3"
    )


def test_a_page_that_is_too_large_is_refused(tmp_path: Path) -> None:
    document = Document("t", "a", ("x" * (MAX_BYTES + 1),))
    with pytest.raises(DataError, match="at most 5 MiB"):
        write_page(document, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_would_be_too_large_leaves_out_what_stands_elsewhere(tmp_path: Path) -> None:
    large = (Text("x" * (MAX_BYTES // 2)),)
    sections = (
        Section("kept", "Kept", (Text("this stays"),)),
        Section("first", "First", large, "It stands in one.parquet."),
        Section("second", "Second", large, "It stands in two.parquet."),
        Section("third", "Third", large, "It stands in three.parquet."),
    )
    path = write_page(Document("t", "a", ("yes",), sections), tmp_path / "page.html")
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) < MAX_BYTES
    told = re.findall(r"<p>Left out, so that the page stays below 5 MiB. (.*?)</p>", text)
    assert told == ["It stands in two.parquet.", "It stands in three.parquet."]
    assert "this stays" in text


def test_a_page_of_some_metrics(reports: dict[str, Path], tmp_path: Path) -> None:
    run = reports["profile"].parent
    page = Page(report(run, metrics=["top1_percent"], out=tmp_path / "one.html"))
    assert page.counts["table"] == 6 + 2
    with pytest.raises(OptionError, match="metric 'top1' is not in the profile; choices: top1_percent"):
        report(run, metrics=["top1"])
    with pytest.raises(OptionError, match="--metric belongs to the report of a profile"):
        report(reports["search"].parent, metrics=["top1_percent"])


def test_mistakes_are_named(tmp_path: Path, reports: dict[str, Path]) -> None:
    with pytest.raises(UnknownNameError, match="does not exist"):
        report(tmp_path / "none")
    write_manifest(tmp_path, replace(read_manifest(reports["search"].parent), kind="other"))
    with pytest.raises(RunError, match="which has no report; choices: samples"):
        report(tmp_path)


def test_the_same_run_gives_the_same_page(reports: dict[str, Path], tmp_path: Path) -> None:
    again = report(reports["profile"].parent, out=tmp_path / "again.html")
    assert again.read_bytes() == reports["profile"].read_bytes()
