"""Lookup tables of devices: measured here, published, or read from a file; and how additive they are."""

from blockprofile.device.audit import Audit, audit_table
from blockprofile.device.compare import Comparison, compare_devices
from blockprofile.device.csvfile import read_csv_table, write_template
from blockprofile.device.measure import MeasuredTable, measure_table
from blockprofile.device.rounds import Plan
from blockprofile.device.runtime import RUNTIMES, Runtime, Settings, make_runtime

__all__ = [
    "RUNTIMES",
    "Audit",
    "Comparison",
    "MeasuredTable",
    "Plan",
    "Runtime",
    "Settings",
    "audit_table",
    "compare_devices",
    "make_runtime",
    "measure_table",
    "read_csv_table",
    "write_template",
]
