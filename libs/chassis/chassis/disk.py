"""Room on a disk, for engines that write into mapped files: where it runs out, their process ends with SIGBUS."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

_LEAST = 64 * 2**20  # bytes: qdrant-edge grows its log and its pages by 32 MiB, and may begin one of each at once


def require_room(folder: Path) -> None:
    """Raises OSError where too little is left to write: an outage, which ends when somebody makes room."""
    free = shutil.disk_usage(folder).free
    if free < _LEAST:
        raise OSError(errno.ENOSPC, f"{free >> 20} MiB left on the disk, write from {_LEAST >> 20} on", str(folder))
