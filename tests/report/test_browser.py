"""Reports in a real browser: nothing fails, all is visible, tables sort, keys and mouse reach what figures tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report.browser import Browser, find_missing, open_browser

pytestmark = pytest.mark.skipif(bool(find_missing()), reason=find_missing() or "installed")

KINDS = ("profile", "search", "comparison")
WIDTHS = {"desk": 1200, "phone": 390}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests."""
    with open_browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_figure_and_table_is_visible(
    browser: Browser, reports: dict[str, Path], kind: str, width: str, scheme: str
) -> None:
    browser.size(WIDTHS[width], 900)
    browser.prefer(scheme)
    browser.open(reports[kind])
    assert browser.complaints() == []
    hidden = browser.run(
        "document.querySelectorAll('details').forEach(d => { d.open = true; });"
        "return [...document.querySelectorAll('svg.chart, table, p, pre')].filter(e => {"
        "  const b = e.getBoundingClientRect(); return b.width < 20 || b.height < 8; }).length;"
    )
    assert hidden == 0
    # The page itself never scrolls sideways: wide tables scroll in their own boxes.
    assert browser.run("const e = document.documentElement; return e.scrollWidth <= e.clientWidth + 1;")


@pytest.mark.parametrize("kind", KINDS)
def test_paper_is_wide_enough(browser: Browser, reports: dict[str, Path], kind: str) -> None:
    browser.size(760, 1000)
    browser.use_paper(on=True)
    browser.open(reports[kind])
    assert browser.run("return document.documentElement.scrollWidth;") <= 761
    assert browser.run("return getComputedStyle(document.querySelector('nav')).display;") == "none"
    browser.use_paper(on=False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_page(browser: Browser, reports: dict[str, Path], scheme: str) -> None:
    browser.prefer(scheme)
    browser.open(reports["comparison"])
    page, ink, label = browser.run(
        "const c = (e, p) => getComputedStyle(document.querySelector(e))[p].match(/[\\d.]+/g).slice(0, 3).map(Number);"
        "return [c('body', 'backgroundColor'), c('body', 'color'), c('svg text', 'fill')];"
    )
    for colour in (ink, label):
        assert _contrast(page, colour) > 4.5


def _contrast(one: list[float], other: list[float]) -> float:
    """Return the contrast ratio of WCAG 2."""

    def luminance(colour: list[float]) -> float:
        parts = [v / 255 / 12.92 if v / 255 <= 0.03928 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in colour]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_of_every_table_sorts_both_ways(browser: Browser, reports: dict[str, Path], kind: str) -> None:
    browser.open(reports[kind])
    wrong = browser.run(
        """
        const wrong = [];
        const key = c => c.dataset.sort === undefined ? c.textContent : Number(c.dataset.sort);
        const before = (a, b) => {
          if (typeof a === 'number' || typeof b === 'number') return typeof b !== 'number' || a <= b;
          return a.localeCompare(b, 'en', {numeric: true}) <= 0;
        };
        for (const table of document.querySelectorAll('table.sorts')) {
          const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
          heads.forEach((head, column) => {
            for (const way of ['ascending', 'descending']) {
              head.querySelector('button').click();
              if (head.getAttribute('aria-sort') !== way) wrong.push(way + ' is not announced');
              const keys = [...table.tBodies[0].rows].map(row => key(row.cells[column]));
              if (way === 'descending') keys.reverse();
              for (let i = 1; i < keys.length; i++) {
                if (!before(keys[i - 1], keys[i])) { wrong.push(head.textContent); break; }
              }
            }
          });
        }
        return wrong;
        """
    )
    assert wrong == []
    assert browser.run("return document.querySelectorAll('table.sorts').length;") > 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_mouse_is_told_what_it_points_at(browser: Browser, reports: dict[str, Path], kind: str) -> None:
    browser.size(1200, 900)
    browser.open(reports[kind])
    browser.point("svg [data-tip]")
    told = "const t = document.getElementById('tip'); return [t.hidden, t.textContent];"
    hidden, text = browser.run(told)
    assert not hidden
    assert text in browser.run("return [...document.querySelectorAll('svg [data-tip]')].map(e => e.dataset.tip);")


@pytest.mark.parametrize("kind", KINDS)
def test_keys_walk_figures_and_maps(browser: Browser, reports: dict[str, Path], kind: str) -> None:
    browser.open(reports[kind])
    for selector in ("svg [data-walk]", "table[data-walk]"):
        browser.run(f"document.querySelector('{selector}').focus();")
        seen = []
        for _ in range(3):
            browser.press("ArrowRight")
            seen.append(browser.run("return document.getElementById('tip').textContent;"))
        assert len(set(seen)) > 1


def test_text_is_selectable_and_sorting_works_by_keyboard(browser: Browser, reports: dict[str, Path]) -> None:
    browser.open(reports["comparison"])
    selected = browser.run(
        "const r = document.createRange(); r.selectNodeContents(document.querySelector('svg.chart'));"
        "const s = getSelection(); s.removeAllRanges(); s.addRange(r); return s.toString();"
    )
    assert "latency on mace_gpu [ms]" in selected
    browser.run("document.querySelector('table.sorts th button').focus();")
    browser.press("Enter")
    assert browser.run("return document.querySelector('table.sorts th').getAttribute('aria-sort');") == "ascending"
