"""A picture in a notebook, or in a file: what spaces, profiles, fronts and comparisons draw of themselves.

How each is drawn is in `blockprofile.plot.show`, which is looked up only when a picture is asked for.
"""

from __future__ import annotations

import base64
import io
import textwrap
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blockprofile.errors import OptionError, one_of
from blockprofile.files import make_folder, replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COLUMNS", "FORMATS", "Picture", "draw", "html_picture"]

FORMATS = ("png", "svg", "pdf")
COLUMNS = {1: 3.5, 2: 7.2}
"""Widths in inches of one column, and of the two of a page, of a paper."""
_LETTERS = 17
"""Of a caption, in an inch, as `blockprofile.plot.style.add_caption` breaks it."""
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": "blockprofile"}, "svg": {"Date": None}, "pdf": {"CreationDate": None},
}  # fmt: skip
_LEAST_FONT, _LEAST_IN_CELLS = 5.5, 3.5
"""Points: words around a picture are not made smaller; words in its cells cannot be kept from it, and are refused."""


class Picture:
    """A drawn figure. A notebook shows it; `save` writes it.

    Parameters
    ----------
    figure
        A figure of matplotlib, laid out anew by whoever writes it.
    """

    def __init__(self, figure: Figure) -> None:
        self.figure = figure

    def save(self, path: str | Path, *, columns: int | None = None) -> Path:
        """Write the picture; the name's ending says how: .png, .svg or .pdf.

        Parameters
        ----------
        columns
            1 or 2: as wide as so many columns of a paper (3.5 or 7.2 inches); left out, as it was drawn.

        Raises
        ------
        OptionError
            If the ending or the number is another, or the words in the picture would be too small to be read.
        """
        file = Path(path)
        form = file.suffix.lower().removeprefix(".")
        if form not in FORMATS:
            raise OptionError(f"a picture cannot be written as {file.name!r}; {one_of(form, FORMATS)}")
        if columns is not None and columns not in COLUMNS:
            raise OptionError(f"columns is {columns}; {one_of(columns, COLUMNS)}")
        make_folder(file.parent, what="the folder")
        data = self._written(form, None if columns is None else COLUMNS[columns])
        with replacing(file) as handle:
            handle.write(data)
        return file

    def _written(self, form: str, width: float | None = None) -> bytes:
        import matplotlib as mpl

        wide, high = map(float, self.figure.get_size_inches())
        buffer, scale = io.BytesIO(), 1.0 if width is None else width / wide
        words = _scale_text(self.figure, scale, wide)
        try:
            self.figure.set_size_inches(wide * scale, high * scale)
            with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "blockprofile"}):
                self.figure.savefig(buffer, format=form, dpi=160 / min(scale, 1.0), metadata=_METADATA[form])
        finally:
            self.figure.set_size_inches(wide, high)
            for text, size, said in words:
                text.set(fontsize=size, text=said)
        return buffer.getvalue()

    def _repr_png_(self) -> bytes:
        return self._written("png")


def _scale_text(figure: Figure, scale: float, wide: float) -> list[tuple[Any, float, str]]:
    """Make all words larger or smaller, and break a caption anew; return them with their sizes and what they said."""
    from matplotlib.text import Text

    if scale == 1.0:
        return []
    words = [
        (text, float(text.get_fontsize()), str(text.get_text()))
        for text in figure.findobj(Text)
        if isinstance(text, Text)
    ]
    inside = {id(text) for ax in figure.axes for text in ax.texts}
    least = min((size * scale for text, size, _ in words if id(text) in inside), default=_LEAST_IN_CELLS)
    if least < _LEAST_IN_CELLS:
        told = f"the words in the picture would be {least:.1f} points high, less than {_LEAST_IN_CELLS:g}"
        raise OptionError(f"{told}; draw one metric alone, or more columns")
    for text, size, said in words:
        smaller = size * scale if id(text) in inside else max(size * scale, min(size, _LEAST_FONT))
        text.set_fontsize(smaller)
        if len(said) > wide * _LETTERS:
            room = int(wide * _LETTERS * scale * size / smaller)
            text.set_text("\n".join(part for line in said.split("\n") for part in textwrap.wrap(line, room)))
    return words


def draw(what: str, thing: object, **how: Any) -> Picture:
    """Draw a space, a profile, a search or a comparison; ``what`` names the function of `blockprofile.plot`."""
    return Picture(getattr(import_module("blockprofile.plot"), what)(thing, **how))


def html_picture(picture: Picture) -> str:
    """Write a picture as HTML that holds it."""
    data = base64.b64encode(picture._repr_png_()).decode()
    return f'<img style="max-width: 100%" src="data:image/png;base64,{data}">'
