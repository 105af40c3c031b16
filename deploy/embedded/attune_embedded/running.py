"""The list of platforms that this user runs, newest last, by which other terminals find them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from attune_embedded import files, ledger

if TYPE_CHECKING:
    from collections.abc import Mapping


def path(env: Mapping[str, str]) -> Path:
    """$XDG_STATE_HOME, or else ~/.local/state, then attune/running.json."""
    state = env.get("XDG_STATE_HOME") or str(Path(env.get("HOME") or Path.home()) / ".local" / "state")
    return Path(state) / "attune" / "running.json"


def add(env: Mapping[str, str], *, data: Path, pid: int, created: float) -> None:
    """Put a platform at the end; those that have ended are dropped."""
    _change(env, data, [{"data": str(data), "pid": pid, "created": created}])


def remove(env: Mapping[str, str], *, data: Path) -> None:
    _change(env, data, [])


def newest_first(env: Mapping[str, str]) -> list[Path]:
    """Data folders of the platforms that run."""
    return [Path(each["data"]) for each in reversed(_alive(path(env)))]


def _change(env: Mapping[str, str], data: Path, new: list[dict[str, Any]]) -> None:
    file = path(env)
    with files.locked(file.with_suffix(".lock")):
        others = [each for each in _alive(file) if each["data"] != str(data)]
        files.write(file, others + new)


def _alive(file: Path) -> list[dict[str, Any]]:
    known = files.read(file)
    if not isinstance(known, list):
        return []
    return [each for each in known if ledger.names_running(each) and "data" in each]
