"""The machine that measures: what it is, how busy it is, which of its processors are used, and by whom.

Only one timing runs on a machine at a time; `timing_lock` sees to it across processes.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from blockprofile.errors import OptionError
from blockprofile.numbers import read_number

LOCK_NAME = "blockprofile-timing.lock"
_ON_GPU = {"cuda", "tensorrt"}
"""Beginnings of the names of providers that compute on NVIDIA's GPUs."""


def processor_name() -> str:
    """Name the processor: model, family and what tells it from others of the same name.

    Examples
    --------
    >>> processor_name() != ""
    True
    """
    fields: dict[str, str] = {}
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    name = fields.get("model name") or platform.processor() or platform.machine() or "unknown processor"
    told = [f"{key} {fields[key]}" for key in ("cpu family", "model") if key in fields]
    flags = set(fields.get("flags", "").split())
    widest = next((word for word in ("avx512f", "avx2", "avx") if word in flags), "")
    told += [widest] if widest else []
    told += ["virtual machine"] if "hypervisor" in flags else []
    return f"{name} ({', '.join(told)})" if told else name


def accelerator_name(provider: str) -> str:
    """Name the GPU that a provider computes on, by its driver's tool; empty for the processor's, or where none tells.

    Examples
    --------
    >>> accelerator_name("cpu")
    ''
    """
    if provider.lower().partition("execution")[0] not in _ON_GPU:
        return ""
    return (_ask_driver("name") or ["GPU, whose driver does not tell its name"])[0]


def accelerator_clock_mhz() -> float | None:
    """Return the clock of the first GPU's multiprocessors now, in MHz; None where no driver tells it."""
    told = _ask_driver("clocks.sm")
    return read_number(told[0].removesuffix(" MHz")) if told else None


def _ask_driver(field: str) -> list[str]:
    """Ask NVIDIA's driver for a field of the GPUs, or of the first that CUDA may use; nothing where it is silent."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").partition(",")[0].strip()
    words = [tool, f"--query-gpu={field}", "--format=csv,noheader", *([f"--id={visible}"] if visible else [])]
    try:
        answer = subprocess.run(words, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]


def system_name() -> str:
    """Name the operating system, the Python and the number of processors."""
    count = os.cpu_count() or 1
    return f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {count} processors"


def load_average() -> float | None:
    """Return the load average of the last minute, None where the system does not say."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


@contextmanager
def pinned(processors: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Keep the calling thread, and those it starts, on the given processors; none given means leave it be.

    Yields the processors that are used.

    Raises
    ------
    OptionError
        If one of them may not be used, or the system cannot do it.
    """
    if not processors:
        yield ()
        return
    if not hasattr(os, "sched_setaffinity"):
        raise OptionError(f"processors {list(processors)}: this system cannot pin a process; leave them out")
    allowed = os.sched_getaffinity(0)
    if not set(processors) <= allowed:
        raise OptionError(f"processors {list(processors)} are not all among the usable {sorted(allowed)}")
    os.sched_setaffinity(0, processors)
    try:
        yield processors
    finally:
        os.sched_setaffinity(0, allowed)


@contextmanager
def timing_lock(say: Callable[[str], None]) -> Iterator[None]:
    """Hold the machine's lock on timing; wait for another process that holds it, and say so.

    Where the system has no file locks (Windows), nothing is locked, and that is said.
    """
    try:
        import fcntl
    except ImportError:
        say("this system has no file locks: see to it that nothing else is timed at the same time")
        yield
        return
    path = Path(tempfile.gettempdir()) / LOCK_NAME
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another timing runs on this machine; waiting for it to end ({path})")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
