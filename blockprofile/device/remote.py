"""Exported models on another machine: push, run the user's own tool, pull what it wrote; over ssh or adb.

Commands are lists of words, never a line made of names. What the other machine's shell reads (ssh and adb hand it one
line) has every word quoted.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from blockprofile.device.export_manifest import ExportManifest
from blockprofile.errors import OptionError, RunError
from blockprofile.files import make_folder, write_bytes

Transport = Literal["ssh", "adb"]
TRANSPORTS: tuple[Transport, ...] = get_args(Transport)
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@:-]*")
_FOLDER = re.compile(r"[A-Za-z0-9/_.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteTool:
    """Where a tool runs, and its words: ``{model}`` is the model's file there, ``{output}`` the file to pull.

    Without ``{output}``, what the tool prints is kept. ``target`` is ssh's host or adb's serial number.

    Raises
    ------
    OptionError
        If a name could be taken for an option or for anything but a name, or the words lack ``{model}``.
    """

    on: Transport
    target: str
    folder: str
    words: tuple[str, ...]
    ending: str = ".json"

    def __post_init__(self) -> None:
        if self.on == "ssh" and not self.target:
            raise OptionError("--on ssh needs --to, the host")
        if not (_SAFE.fullmatch(self.target) or (self.on == "adb" and not self.target)):
            raise OptionError(
                f"--to {self.target!r} cannot name a host or device; letters, digits and _.@:- are allowed"
            )
        if not _FOLDER.fullmatch(self.folder) or self.folder.startswith("-") or ".." in self.folder.split("/"):
            raise OptionError(f"folder {self.folder!r} is not allowed there; letters, digits and /_.- are, and no '..'")
        if not any("{model}" in word for word in self.words):
            raise OptionError(f"the tool's words {shlex.join(self.words)!r} lack {{model}}, the model's file")
        if not re.fullmatch(r"\.[a-z0-9]+", self.ending):
            raise OptionError(f"ending {self.ending!r} is wrong; such as .json, .csv or .txt")

    @property
    def is_printed(self) -> bool:
        """Whether the profile is what the tool prints."""
        return not any("{output}" in word for word in self.words)

    def shell(self, words: Sequence[str]) -> tuple[str, ...]:
        """Return the command that runs words on the other machine."""
        line = shlex.join(words)
        return ("ssh", "--", self.target, line) if self.on == "ssh" else (*self._adb, "shell", line)

    def push(self, here: str, there: str) -> tuple[str, ...]:
        """Return the command that copies a file to the other machine."""
        return (
            ("scp", "-q", "--", here, f"{self.target}:{there}")
            if self.on == "ssh"
            else (*self._adb, "push", here, there)
        )

    def pull(self, there: str, here: str) -> tuple[str, ...]:
        """Return the command that copies a file from the other machine."""
        return (
            ("scp", "-q", "--", f"{self.target}:{there}", here)
            if self.on == "ssh"
            else (*self._adb, "pull", there, here)
        )

    @property
    def _adb(self) -> tuple[str, ...]:
        return ("adb", "-s", self.target) if self.target else ("adb",)


@dataclass(frozen=True, slots=True)
class Command:
    """A command in words, and the file that what it prints is kept in, if any."""

    words: tuple[str, ...]
    keep: Path | None = None


def plan_commands(models: Path, manifest: ExportManifest, out: Path, tool: RemoteTool) -> list[Command]:
    """List the commands that time every exported model: push, run, pull, and remove what was pushed."""
    commands = [Command(tool.shell(["mkdir", "-p", tool.folder]))]
    for model in manifest.models:
        if not _SAFE.fullmatch(model.name):
            raise OptionError(f"model {model.name!r} cannot be pushed; letters, digits and _.- are allowed in its name")
        there, written = f"{tool.folder}/{model.file}", f"{tool.folder}/{model.name}{tool.ending}"
        here = (out / f"{model.name}{tool.ending}").absolute()
        words = [word.replace("{model}", there).replace("{output}", written) for word in tool.words]
        commands.append(Command(tool.push(str((models / model.file).absolute()), there)))
        commands.append(Command(tool.shell(words), here if tool.is_printed else None))
        if not tool.is_printed:
            commands.append(Command(tool.pull(written, str(here))))
        commands.append(Command(tool.shell(["rm", "-f", there, *([] if tool.is_printed else [written])])))
    return commands


def run_commands(commands: Sequence[Command], out: Path) -> None:
    """Run commands one after another; the first that fails ends it.

    Raises
    ------
    OptionError
        If a program is not installed.
    RunError
        If a command fails, with what it said.
    """
    make_folder(out)
    for command in commands:
        try:
            done = subprocess.run(command.words, capture_output=True, check=False, stdin=subprocess.DEVNULL)
        except FileNotFoundError:
            raise OptionError(f"program {command.words[0]!r} is not installed here") from None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise RunError(f"{shlex.join(command.words)} failed ({done.returncode}): {said[-1] if said else 'no word'}")
        if command.keep is not None:
            write_bytes(command.keep, done.stdout)
