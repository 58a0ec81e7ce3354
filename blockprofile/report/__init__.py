"""Reports: one self-contained HTML file per run."""

from blockprofile.face import make_callable
from blockprofile.report.api import REPORT_NAME, report
from blockprofile.report.page import MAX_BYTES, render_page, write_page

__all__ = ["MAX_BYTES", "REPORT_NAME", "render_page", "report", "write_page"]

make_callable(__name__, report)
