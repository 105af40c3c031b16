"""No child outlives its parent, not even one that is killed with SIGKILL."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.5
_GRACE_SECONDS = 5.0  # between SIGTERM and the hard end of an orphan


def bind(parent: int) -> None:
    """Send this process SIGTERM when `parent` ends; end it hard if it is still there after a grace.

    Linux tells at once, elsewhere a thread looks twice a second. On Linux the signal comes already when the *thread*
    that started this process ends, so start children from a thread that stays.
    """
    told = _ask_kernel()
    _refuse_orphanhood(parent)
    threading.Thread(target=_watch, args=(parent, told), name="parent", daemon=True).start()


def replace(parent: int | None, command: list[str]) -> NoReturn:
    """Become `command`, bound to `parent` when there is one.

    Where the kernel cannot bind it, this process stays in between and passes signals on.
    """
    if parent is None:
        os.execv(command[0], command)  # noqa: S606 - a path that we looked up, no shell
    if _ask_kernel():
        _refuse_orphanhood(parent)
        os.execv(command[0], command)  # noqa: S606 - the same; the death signal survives exec
    sys.exit(stand_between(parent, command))


def stand_between(parent: int, command: Sequence[str]) -> int:
    """Run `command` as a child until it or `parent` ends; the exit code of the child."""
    child = subprocess.Popen(command)  # noqa: S603 - the same
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: child.send_signal(received))
    while True:
        try:
            return child.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                return _end(child)


def _end(child: subprocess.Popen[bytes]) -> int:
    child.terminate()
    try:
        return child.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def _ask_kernel() -> bool:
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) == 0)


def _refuse_orphanhood(parent: int) -> None:
    """The parent may have ended before the kernel was asked."""
    if os.getppid() != parent:
        raise SystemExit(f"the parent {parent} has ended")


def _watch(parent: int, told: bool) -> None:  # noqa: FBT001 - the argument of a thread
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    if not told:
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)
