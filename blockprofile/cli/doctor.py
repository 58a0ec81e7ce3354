"""`blockprofile doctor`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from blockprofile.cli.output import JSON_OPTION, note, print_json, print_table, tell

if TYPE_CHECKING:
    from blockprofile.doctor import Diagnosis


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(json: bool = JSON_OPTION) -> None:
    """Say what is installed and what it can use: versions, cores, accelerator, spaces, devices, optional parts.

    Examples
    --------
    blockprofile doctor
    blockprofile doctor --json
    """
    from blockprofile.doctor import diagnose
    from blockprofile.errors import UserError

    found = diagnose()
    if json:
        print_json(asdict(found))
    else:
        _show(found)
    if found.lacking:
        names = " ".join(f"'{each.name}{each.needs}'" for each in found.lacking)
        raise UserError(f"{len(found.lacking)} of the packages are missing or too old: pip install {names}")


def _show(found: Diagnosis) -> None:
    tell(f"blockprofile {found.version}, {found.python}, {found.system}")
    tell(f"content: {found.content}; interpreter: {found.executable}")
    tell(f"cores: {found.usable_cores} may be used of {found.cores} (affinity and cgroup are heeded)")
    tell(f"accelerator: {', '.join(found.accelerators) or 'none that torch can use'}; torch {found.torch or 'missing'}")
    tell(f"{len(found.spaces)} spaces: {', '.join(found.spaces)}")
    tell(f"{len(found.devices)} devices: {', '.join(found.devices)}")
    if found.packages:
        print_table([{"package": p.name, "version": p.version or "missing", "needs": p.needs,
                      "": "" if p.is_enough else "too old" if p.version else "missing"}
                     for p in found.packages])  # fmt: skip
    else:
        note("blockprofile runs from a folder and is not installed, so what it needs is not told: pip install .")
    for extra in found.extras:
        has = ", ".join(f"{p.name} {p.version}" for p in extra.packages if p.version)
        tell(f"extra {extra.name}: {f'installed ({has})' if extra.is_installed else f'not installed; {extra.install}'}")
