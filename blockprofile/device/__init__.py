"""Lookup tables of devices: measured here, published, or read from a file; and how additive they are."""

from blockprofile.device.audit import Audit, audit_table
from blockprofile.device.audit_file import NETWORK_UNITS, NetworkUnit, audit_times, read_times
from blockprofile.device.audit_report import repair_card, write_audit
from blockprofile.device.compare import Comparison, compare_devices
from blockprofile.device.csvfile import read_csv_table, write_template
from blockprofile.device.export import export_networks, export_operators
from blockprofile.device.export_manifest import ExportManifest, read_manifest
from blockprofile.device.export_settings import FILE_KINDS, LAYOUTS, PRECISIONS, ExportSettings
from blockprofile.device.folder import check_name
from blockprofile.device.foreign import ImportOptions, read_device_table, read_traces
from blockprofile.device.imported import TimedOn, write_imported
from blockprofile.device.machine import processor_name
from blockprofile.device.measure import MeasuredTable, measure_table
from blockprofile.device.onnx_graph import Layer, onnx_model
from blockprofile.device.operator_table import check_plausible
from blockprofile.device.plan import cover_archs, plan_archs
from blockprofile.device.profiled import SPREADS
from blockprofile.device.quantity import check_quantity, in_unit_of
from blockprofile.device.quantize import read_images
from blockprofile.device.remote import TRANSPORTS, RemoteTool, plan_commands, run_commands
from blockprofile.device.residuals import depth_rows, unit_rows
from blockprofile.device.rounds import Plan
from blockprofile.device.runtime import CLOCKS, RUNTIMES, Runtime, Settings, make_runtime
from blockprofile.device.session import accelerator_of
from blockprofile.device.solved import LEAST_SOLVED, SolvedTable, solve_times, write_solved
from blockprofile.device.time_units import MS, TIME_UNITS
from blockprofile.device.timings import read_timings
from blockprofile.device.whole import write_network_times

__all__ = [
    "CLOCKS",
    "FILE_KINDS",
    "LAYOUTS",
    "LEAST_SOLVED",
    "MS",
    "NETWORK_UNITS",
    "PRECISIONS",
    "RUNTIMES",
    "SPREADS",
    "TIME_UNITS",
    "TRANSPORTS",
    "Audit",
    "Comparison",
    "ExportManifest",
    "ExportSettings",
    "ImportOptions",
    "Layer",
    "MeasuredTable",
    "NetworkUnit",
    "Plan",
    "RemoteTool",
    "Runtime",
    "Settings",
    "SolvedTable",
    "TimedOn",
    "accelerator_of",
    "audit_table",
    "audit_times",
    "check_name",
    "check_plausible",
    "check_quantity",
    "compare_devices",
    "cover_archs",
    "depth_rows",
    "export_networks",
    "export_operators",
    "in_unit_of",
    "make_runtime",
    "measure_table",
    "onnx_model",
    "plan_archs",
    "plan_commands",
    "processor_name",
    "read_csv_table",
    "read_device_table",
    "read_images",
    "read_manifest",
    "read_times",
    "read_timings",
    "read_traces",
    "repair_card",
    "run_commands",
    "solve_times",
    "unit_rows",
    "write_audit",
    "write_imported",
    "write_network_times",
    "write_solved",
    "write_template",
]
