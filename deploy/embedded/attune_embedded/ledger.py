"""Which processes belong to a data folder, so that what a killed platform left behind can be ended safely."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import psutil

from attune_embedded import files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SAME_START = 2.0  # seconds; start times move a little when the clock of the machine is set
_MARKS = ("attune_embedded", "attune_servers", "redis-server")  # one is in the command line of each child
_GONE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    pid: int
    created: float  # seconds since 1970; with it a reused process id is told from ours


def entry(name: str, pid: int) -> Entry | None:
    """None when the process has ended already."""
    try:
        return Entry(name, pid, psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def write(path: Path, entries: Sequence[Entry]) -> None:
    files.write(path, [asdict(each) for each in entries])


def read(path: Path) -> list[Entry]:
    known = files.read(path)
    try:
        return [Entry(str(each["name"]), int(each["pid"]), float(each["created"])) for each in known or ()]
    except (TypeError, KeyError, ValueError):
        return []


def alive(pid: int, created: float) -> bool:
    """Whether that very process still runs."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created) < _SAME_START and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def names_running(record: object) -> bool:
    """Whether a record of ours, read from a file, names a process (`pid`, `created`) that still runs."""
    if not isinstance(record, dict):
        return False
    try:
        return alive(int(record["pid"]), float(record["created"]))
    except (KeyError, TypeError, ValueError):
        return False


def is_or_has(parent: int | None, pid: int) -> bool:
    """Whether `pid` is `parent` or its child, as where a process stays between us and an engine."""
    if pid == parent:
        return True
    try:
        return psutil.Process(pid).ppid() == parent
    except psutil.NoSuchProcess:
        return False


def sweep(path: Path) -> list[str]:
    """End what an earlier platform left: its names. Only call it with the lock of the data folder held."""
    left = [process for process in map(_ours, read(path)) if process is not None]
    for _, process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs([process for _, process in left], timeout=_GONE_SECONDS)
    path.unlink(missing_ok=True)
    return [name for name, _ in left]


def _ours(known: Entry) -> tuple[str, psutil.Process] | None:
    if not alive(known.pid, known.created):
        return None
    try:
        process = psutil.Process(known.pid)
        command = " ".join(process.cmdline())
    except psutil.Error:
        return None
    return (known.name, process) if any(mark in command for mark in _MARKS) else None
