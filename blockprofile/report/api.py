"""`report`: one self-contained HTML file for a run folder, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from blockprofile.errors import OptionError, RunError, one_of
from blockprofile.report.document import Document
from blockprofile.report.page import write_page
from blockprofile.run import RunFolder

REPORT_NAME = "report.html"

_PAGES = {
    "samples": "blockprofile.report.profile_page:profile_document",
    "profile": "blockprofile.report.profile_page:profile_document",
    "search": "blockprofile.report.search_page:search_document",
    "comparison": "blockprofile.report.comparison_page:comparison_document",
}


def report(run: str | Path, *, metrics: Sequence[str] | None = None, out: str | Path | None = None) -> Path:
    """Write the report of a run: one HTML file that opens from disk and loads nothing.

    Parameters
    ----------
    run
        The folder of a profiled run, of a search, or of a comparison.
    metrics
        Of a profiled run, only these; None is all.
    out
        The file; None is ``report.html`` in the run's folder.

    Raises
    ------
    UserError
        If the folder is no run, is of another kind, lacks what the report is about or one of the metrics.
    DataError
        If its files are damaged, or the page would be larger than 5 MiB even without what stands elsewhere.
    """
    folder = Path(run)
    kind = RunFolder.read(folder).manifest.kind
    if kind not in _PAGES:
        raise RunError(f"{str(folder)!r} is a run of kind {kind!r}, which has no report; {one_of(kind, _PAGES)}")
    module, _, name = _PAGES[kind].partition(":")
    make: Callable[..., Document] = getattr(import_module(module), name)
    if metrics and make.__name__ != "profile_document":
        raise OptionError(f"--metric belongs to the report of a profile; {str(folder)!r} is a {kind}")
    document = make(folder, metrics=metrics) if metrics else make(folder)
    return write_page(document, folder / REPORT_NAME if out is None else Path(out))
