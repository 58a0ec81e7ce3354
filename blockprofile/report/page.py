"""From a document to one HTML file that needs nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from blockprofile import __version__
from blockprofile.errors import DataError
from blockprofile.files import make_folder, write_text
from blockprofile.report.chart import draw_chart
from blockprofile.report.document import Document, Text
from blockprofile.report.marks import Chart, Line, Points, Shade, palette_class

if TYPE_CHECKING:
    from jinja2 import Environment

MAX_BYTES = 5 * 2**20
_ASSETS = Path(__file__).parent / "assets"


def chart_legend(chart: Chart) -> list[tuple[str, str, str]]:
    """List what a chart's marks mean, as (shape, class of the colour, label), each label once."""
    found: dict[str, tuple[str, str, str]] = {}
    for mark in chart.marks:
        shape = mark.shape if isinstance(mark, Points) else "band"
        if isinstance(mark, Line):
            shape = "dashed" if mark.is_dashed else "line"
        if mark.label and not isinstance(mark, Shade):
            found.setdefault(mark.label, (shape, palette_class(mark.colour), mark.label))
    return list(found.values())


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # draw_chart escapes every word it is given.
    environment.filters["draw"] = lambda chart: Markup(draw_chart(chart))  # noqa: S704
    environment.filters["legend"] = chart_legend
    return environment


def render_page(document: Document) -> str:
    """Render a document as HTML: style, script and charts inside, nothing loaded."""
    from markupsafe import Markup

    style, script = (
        Markup((_ASSETS / name).read_text(encoding="utf-8"))  # noqa: S704 -- the package's own files
        for name in ("style.css", "script.js")
    )
    page = _environment().get_template("page.html.j2")
    return page.render(document=document, style=style, script=script, version=__version__)


def write_page(document: Document, path: Path) -> Path:
    """Write a document as HTML, whole or not at all.

    Of a page above 5 MiB, sections that stand elsewhere too are left out, the last first, and a sentence says so.

    Raises
    ------
    DataError
        If the page is larger than 5 MiB even so.
    RunError
        If its folder cannot be made.
    """
    text = render_page(document)
    for place in [place for place, section in enumerate(document.sections) if section.instead][::-1]:
        if len(text.encode()) <= MAX_BYTES:
            break
        document = _without(document, place)
        text = render_page(document)
    size = len(text.encode())
    if size > MAX_BYTES:
        raise DataError(
            f"the report {path} would be {size / 2**20:.1f} MiB; at most {MAX_BYTES / 2**20:.0f} MiB fit: name fewer "
            "metrics with --metric, or compare fewer cases"
        )
    make_folder(path.parent)
    write_text(path, text)
    return path


def _without(document: Document, place: int) -> Document:
    section = document.sections[place]
    told = Text(f"Left out, so that the page stays below {MAX_BYTES / 2**20:.0f} MiB. {section.instead}")
    sections = list(document.sections)
    sections[place] = replace(section, parts=(told,))
    return replace(document, sections=tuple(sections))
