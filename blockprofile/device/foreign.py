"""Other tools' files into the table of a device: which files, which format, which reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blockprofile.device.csvfile import read_csv_table
from blockprofile.device.export_manifest import MANIFEST_NAME, ExportManifest
from blockprofile.device.formats import TRACE_FORMATS, NodeTime, Trace, find_format, open_profile, read_trace
from blockprofile.device.operator_table import OperatorTable, scale_table
from blockprofile.device.probes import check_resolutions, table_operators
from blockprofile.device.profile_checks import check_made_for, check_whole_unit
from blockprofile.device.profiled import Spread, profiled_table
from blockprofile.device.quantity import check_quantity
from blockprofile.device.tables import TABLE_FORMATS, find_table_format, read_published, table_note
from blockprofile.device.time_units import MS, TimeUnit
from blockprofile.device.whole import is_whole, whole_table
from blockprofile.errors import DataError, OptionError, UnknownNameError, check_choice, one_of
from blockprofile.metric import LATENCY
from blockprofile.space import Space

CSV = "csv"
ESTIMATED = "vela"
FORMATS = (CSV, *TRACE_FORMATS, *TABLE_FORMATS)
_ENDINGS = {".json", ".csv", ".txt", ".log", ".yaml", ".yml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How files are read: their format (None recognises it), unit, an NPU's clock, and what becomes of what is left.

    ``column`` is which of a published file's tables is meant, ``metric`` whether it holds latencies or energies.
    """

    form: str | None = None
    metric: str = LATENCY
    column: str = ""
    unit: TimeUnit = "ms"
    clock_mhz: float | None = None
    spread: Spread | None = None

    def __post_init__(self) -> None:
        if self.form is not None:
            check_choice("format", self.form, FORMATS)
        if self.clock_mhz is not None and not self.clock_mhz > 0:
            raise OptionError(f"the clock is {self.clock_mhz:g} MHz; must be above 0")
        check_quantity(self.metric)
        if self.metric != LATENCY and self.unit != "ms":
            raise OptionError("a time unit has no effect on energies: they are in mJ; leave --time-unit out")


@dataclass(frozen=True, slots=True)
class ForeignTable:
    """A table from other tools' files: its format, and the share of the time that belonged to no one operator."""

    table: OperatorTable
    form: str
    left_share: float = 0.0

    @property
    def is_profile(self) -> bool:
        """Whether the times are those of models that were run, given to operators here."""
        return self.form in TRACE_FORMATS

    @property
    def is_estimated(self) -> bool:
        """Whether the tool runs nothing: it tells what its model of the device takes."""
        return self.form == ESTIMATED

    @property
    def note(self) -> str:
        """What whoever uses a published table should know."""
        return table_note(self.form) if self.form in TABLE_FORMATS else ""


def list_files(paths: Sequence[Path]) -> list[Path]:
    """List files, and of folders the profiles in them.

    Raises
    ------
    UnknownNameError
        If a folder holds none.
    """
    found: list[Path] = []
    for path in paths:
        inside = [path]
        if path.is_dir():
            inside = sorted(f for f in path.iterdir() if f.suffix.lower() in _ENDINGS and f.name != MANIFEST_NAME)
            if not inside:
                raise UnknownNameError(f"folder {str(path)!r} holds no file that ends in {', '.join(sorted(_ENDINGS))}")
        found += inside
    return found


def read_traces(
    paths: Sequence[Path], options: ImportOptions, *, manifest: ExportManifest | None = None
) -> list[Trace]:
    """Read the profiles of models, of those of a manifest where one is given.

    Raises
    ------
    UnknownNameError, DataError, OptionError
        As `blockprofile.device.formats.read_trace`; or if a clock is given and no file is in cycles, or a file's nodes
        and its whole are in different units, and none is named, or it is of another batch or precision than the
        manifest's models; or two files hold the same profile.
    """
    traces = [read_trace(path, form=options.form, clock_mhz=options.clock_mhz) for path in list_files(paths)]
    _check_distinct(traces)
    if options.clock_mhz is not None and find_format(open_profile(traces[0].path)) != "vela":
        raise OptionError("--clock-mhz has no effect here: these files give times, not cycles; leave it out")
    if manifest is not None:
        for trace in traces:
            check_made_for(trace, manifest)
    if options.unit == "ms":
        for trace in traces:
            check_whole_unit(trace)
    return traces


def _check_distinct(traces: Sequence[Trace]) -> None:
    """Refuse a profile that is given twice: its times would count as those of two runs."""
    seen: dict[tuple[NodeTime, ...], Path] = {}
    for trace in traces:
        if trace.nodes and trace.nodes in seen:
            raise DataError(f"{seen[trace.nodes]} and {trace.path} hold the same profile; give one of them")
        seen[trace.nodes] = trace.path


def read_device_table(
    paths: Sequence[Path],
    space: Space,
    options: ImportOptions,
    *,
    resolutions: Sequence[int] = (),
    manifest: ExportManifest | None = None,
    device: str = "",
) -> ForeignTable:
    """Read the table of a device from a CSV file of ours, or from profiles of exported models.

    Parameters
    ----------
    manifest
        That of the models; None where nodes' names say enough.
    device
        The device's name: custom blocks that state their latency on it need no row.

    Raises
    ------
    UnknownNameError, DataError, OptionError
        As the readers.
    """
    files = list_files(paths)
    form = _form_of(files[0], options.form)
    if form == CSV or form in TABLE_FORMATS:
        return _plain_table(files, form, space, options, resolutions=resolutions, manifest=manifest, device=device)
    if options.metric != LATENCY:
        raise OptionError(f"{files[0]} is a profile of {form!r}, which gives times; {options.metric} comes from tables")
    if options.column:
        raise OptionError("--column has no effect here: a profile is of one model; leave it out")
    sizes = resolutions or (manifest.resolutions if manifest and not space.definition.input.searched else ())
    operators = table_operators(space, check_resolutions(space, sizes), metric=f"latency_ms:{device}")
    traces, factor = read_traces(files, options, manifest=manifest), MS[options.unit]
    if is_whole(traces):
        if manifest is None:
            raise OptionError(
                f"{files[0]} has a whole model's time alone; say by --manifest which models were exported"
            )
        if options.spread is not None:
            raise OptionError("--spread has no effect here: these files have no nodes; leave it out")
        return ForeignTable(whole_table(traces, space, manifest, factor=factor), form)
    made, left = profiled_table(traces, space, operators, spread=options.spread, manifest=manifest)
    return ForeignTable(scale_table(made, factor), form, left)


def _form_of(path: Path, wanted: str | None) -> str:
    """Tell the format of a file: the one that is wanted, unless what the file holds is another's."""
    file = open_profile(path)
    found = find_format(file) or find_table_format(file)
    if found is not None and wanted not in {None, found}:
        raise DataError(f"{path} looks like {found!r}, not {wanted!r}; {one_of(str(wanted), FORMATS)}")
    form = found or wanted or (CSV if path.suffix.lower() == ".csv" else None)
    if form is None:
        raise DataError(f"{path} is of no format that is known; {one_of('', FORMATS)}")
    return form


def _plain_table(
    files: Sequence[Path],
    form: str,
    space: Space,
    options: ImportOptions,
    *,
    resolutions: Sequence[int],
    manifest: ExportManifest | None,
    device: str,
) -> ForeignTable:
    """Read a table of operators, ours or another's."""
    _check_plain(options, manifest)
    if form != CSV:
        operators = table_operators(space, check_resolutions(space, resolutions), metric=f"{options.metric}:{device}")
        found = read_published(files, form, space, operators, column=options.column, metric=options.metric)
        return ForeignTable(scale_table(found, MS[options.unit]), form)
    if len(files) > 1:
        raise OptionError(f"{len(files)} files were given, of which {files[0]} is a table of operators; give one")
    if options.column:
        raise OptionError("--column has no effect here: a table of operators has one column of values; leave it out")
    table = read_csv_table(
        files[0], space, resolutions=resolutions, unit=options.unit, device=device, metric=options.metric
    )
    return ForeignTable(table, CSV)


def _check_plain(options: ImportOptions, manifest: ExportManifest | None) -> None:
    given = {"--spread": options.spread, "--clock-mhz": options.clock_mhz, "--manifest": manifest}
    idle = [name for name, value in given.items() if value is not None]
    if idle:
        raise OptionError(f"{idle[0]} has no effect here: a table of operators has times of its own; leave it out")
