"""What all figures share: the look, the words for metrics, captions, and writing PNG and SVG."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.files import make_folder, replacing
from blockprofile.metric import parse_metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DIVERGING = "RdBu_r"
"""Red above zero, blue below: told apart with every common colour blindness, and in grey by annotations."""

SEQUENTIAL = "cividis"
"""Of even lightness steps, for every common colour blindness."""

CELL_FONTSIZE = 7.5

_UNITS = {"percent": "%"}
_STYLE: Any = {
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.labelsize": 9.0,
    "figure.dpi": 100,
    "savefig.dpi": 160,
    "svg.fonttype": "none",
    "svg.hashsalt": "blockprofile",
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def metric_title(metric: str) -> str:
    """Write a metric for people, without its unit.

    Examples
    --------
    >>> metric_title("latency_ms:note10"), metric_title("macs_m")
    ('latency on note10', 'multiply-adds')
    """
    return parse_metric(metric).title


def metric_label(metric: str, unit: str) -> str:
    """Write a metric for people, with its unit in brackets."""
    return f"{metric_title(metric)} [{unit_symbol(unit)}]" if unit else metric_title(metric)


def unit_symbol(unit: str) -> str:
    """Write a unit for people.

    Examples
    --------
    >>> unit_symbol("percent"), unit_symbol("ms")
    ('%', 'ms')
    """
    return _UNITS.get(unit, unit)


def draw_cells(
    values: NDArray[np.float64],
    words: NDArray[np.object_],
    ax: Axes,
    *,
    limit: float,
    rows: Sequence[str],
    columns: Sequence[str],
    fontsize: float = 8.0,
) -> None:
    """Draw a matrix of cells around zero, each with its words; what is NaN stays empty."""
    import seaborn as sns

    with undrawn(ax):
        sns.heatmap(
            values, vmin=-limit, vmax=limit, cmap=DIVERGING, mask=np.isnan(values), cbar=False, annot=words, fmt="",
            xticklabels=False, yticklabels=False,
            annot_kws={"fontsize": CELL_FONTSIZE}, linewidths=1.5, linecolor="white", ax=ax,
        )  # fmt: skip
    label_cells(ax, rows=rows, columns=columns, fontsize=fontsize)


@contextmanager
def undrawn(ax: Axes) -> Iterator[None]:
    """Keep a figure from being drawn: seaborn does so for each of its heatmaps, to see whether labels overlap."""
    from matplotlib.backend_bases import FigureCanvasBase

    figure = ax.figure.figure
    canvas = figure.canvas
    FigureCanvasBase(figure)  # it becomes the figure's, and draws nothing
    try:
        yield
    finally:
        figure.set_canvas(canvas)


def label_cells(ax: Axes, *, rows: Sequence[str], columns: Sequence[str], fontsize: float = 8.0) -> None:
    """Name the rows and columns of a matrix of cells, which stand at halves."""
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns, fontsize=fontsize, rotation=0)
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows, fontsize=fontsize, rotation=0)
    ax.tick_params(length=0)


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw with the package's look; nothing global is left changed."""
    import matplotlib as mpl
    import seaborn as sns

    # Read as matplotlib does itself: asking for it by name would choose one.
    before = dict.__getitem__(mpl.rcParams, "backend")
    mpl.use("agg")
    look: dict[Any, Any] = dict(sns.axes_style("ticks")) | _STYLE
    try:
        with mpl.rc_context(look):
            yield
    finally:
        if isinstance(before, str):
            mpl.use(before)


def add_caption(figure: Figure, lines: Sequence[str]) -> None:
    """Write a caption below a figure: provenance, number of archs, how to read it."""
    width = max(60, int(figure.get_figwidth() * 17))
    text = "\n".join(part for line in lines for part in textwrap.wrap(line, width))
    figure.supxlabel(text, x=0.01, ha="left", fontsize=7.5, color="0.35")


def draw_panels(
    draw: Callable[[Any, Axes], None],
    panels: Sequence[Any],
    size: tuple[float, float],
    *,
    least: float = 0.0,
    title: str,
    caption: Sequence[str],
) -> Figure:
    """Draw panels of a size in inches in at most two columns, the figure no narrower than ``least``."""
    import matplotlib.pyplot as plt

    n_columns = min(len(panels), 2)
    n_rows = -(-len(panels) // n_columns)
    whole = (max(least, n_columns * size[0]), n_rows * size[1] + 0.5 + 0.18 * len(caption))
    figure, axes = plt.subplots(n_rows, n_columns, figsize=whole, squeeze=False)
    for ax, data in zip(axes.ravel(), panels, strict=False):
        draw(data, ax)
    for ax in axes.ravel()[len(panels) :]:
        ax.axis("off")
    figure.suptitle(title)
    add_caption(figure, caption)
    return figure


@contextmanager
def _settled_layout(figure: Figure) -> Iterator[None]:
    """Work the layout out once and take the engine off, which would work it out twice more for every file."""
    import matplotlib as mpl

    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    # Every file that is written sets the engine anew, and none would mean the one that rc names.
    with mpl.rc_context({"figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)
        yield


_SYMBOLS = re.compile(r"(\$M_[^$]*\$|\$\\mathdefault\{[^$]*\}\$)")
"""The formulas that figures have: those of the responses, and numbers on an axis of logarithms."""


def show_dollars(figure: Figure) -> None:
    """Show the dollars of names as they are: only the formulas of the package are set as formulas."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        if not isinstance(text, Text) or "$" not in text.get_text():
            continue
        parts = _SYMBOLS.split(text.get_text())
        if len(parts) == 1:
            text.set_parse_math(False)
        else:
            plain = (part.replace("$", r"\$") if place % 2 == 0 else part for place, part in enumerate(parts))
            text.set_text("".join(plain))


def save_figure(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as PNG and SVG beside each other and close it.

    Parameters
    ----------
    path
        Without suffix.

    Returns
    -------
    The two files.
    """
    import matplotlib.pyplot as plt

    make_folder(path.parent)
    files = [path.with_name(path.name + suffix) for suffix in (".png", ".svg")]
    metadata: Mapping[str, Mapping[str, Any]] = {".png": {"Software": "blockprofile"}, ".svg": {"Date": None}}
    show_dollars(figure)
    with _settled_layout(figure):
        for file in files:
            with replacing(file) as handle:
                figure.savefig(handle, format=file.suffix[1:], metadata=dict(metadata[file.suffix]))
    plt.close(figure)
    return files
