"""A table of plain values as HTML, for what shows itself in a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

__all__ = ["html_table"]


def html_table(rows: Sequence[Mapping[str, Any]], *, title: str) -> str:
    """Write rows of the same keys as a table under a title; every text is escaped.

    Numbers have five digits; None and NaN are empty.

    Examples
    --------
    >>> html_table([{"a": "<b>"}], title="t")
    '<p>t</p><table><thead><tr><th>a</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    >>> html_table([{"a": 1 / 3, "b": None}], title="t").partition("<tbody>")[2]
    '<tr><td>0.33333</td><td></td></tr></tbody></table>'
    """
    head = "".join(f"<th>{escape(str(name))}</th>" for name in (rows[0] if rows else ()))
    body = "".join(f"<tr>{''.join(f'<td>{escape(_word(v))}</td>' for v in row.values())}</tr>" for row in rows)
    return f"<p>{escape(title)}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _word(value: object) -> str:
    if value is None or value != value:  # noqa: PLR0124 -- NaN
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)
