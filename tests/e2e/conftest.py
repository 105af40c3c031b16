"""A platform as a user starts it, and the command line as a user types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

READY = 60.0  # seconds a start may take on a loaded machine


class Attune:
    """The `attune` command in a folder of its own, which other terminals of the same user share."""

    def __init__(self, home: Path) -> None:
        self.home = home
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ATTUNE_")}
        self.env = clean | {"XDG_STATE_HOME": str(home / "state"), "NO_COLOR": "1"}

    def __call__(self, *arguments: str, code: int = 0, stdin: str = "") -> str:
        """Standard output and error of a command that must end with `code`."""
        command = [sys.executable, "-m", "attune_cli", *arguments]
        done = subprocess.run(
            command, cwd=self.home, env=self.env, input=stdin, capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == code, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def json(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        command = [sys.executable, "-m", "attune_cli", *arguments, "--json"]
        done = subprocess.run(
            command, cwd=self.home, env=self.env, capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == 0, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    @contextmanager
    def up(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """A platform that answers, stopped as by Ctrl-C."""
        command = [sys.executable, "-m", "attune_cli", "up", "--data", str(self.home / "data"), *options]
        with (self.home / "up.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=self.home, env=self.env, stdout=log, stderr=log)
        try:
            self._wait(process)
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(30)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + READY
        while time.monotonic() < until:
            assert process.poll() is None, (self.home / "up.log").read_text()
            if "attune recommend" in (self.home / "up.log").read_text():  # it says what to try when it is ready
                return
            time.sleep(0.1)
        raise TimeoutError((self.home / "up.log").read_text())

    def record(self) -> dict[str, Any]:
        """What the running platform says of itself."""
        found: dict[str, Any] = json.loads((self.home / "data" / "platform.json").read_text())
        return found


@pytest.fixture(scope="session")
def attune(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attune]:
    """The demo shop, in a folder whose name has a space and Chinese characters."""
    command = Attune(tmp_path_factory.mktemp("my shop 商店"))
    with command.up():
        yield command


@pytest.fixture
def empty(tmp_path: Path) -> Attune:
    """A command whose platform is not started yet."""
    return Attune(tmp_path)
