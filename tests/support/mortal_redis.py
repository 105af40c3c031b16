"""A Redis that loses what it has acknowledged."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ports import free_port
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry


class Mortal:
    """A Redis on a machine that may crash before its disk has the last writes."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._kept = folder, folder.with_name(f"{folder.name}-kept")
        self.port = free_port()
        self._command = [sys.executable, "-m", "attune_embedded.redis", "--data", str(folder), "--port", str(self.port)]
        self.client = Redis(port=self.port, retry=Retry(ConstantBackoff(0.05), 200))
        self.start()

    def start(self) -> None:
        command = [*self._command, "--parent", str(os.getpid())]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.client.ping()

    def keep(self) -> None:
        """What there is now, a crash leaves."""
        shutil.rmtree(self._kept, ignore_errors=True)
        shutil.copytree(self._folder, self._kept)

    def crash(self) -> None:
        """With its machine; it is there again at once, with what was kept."""
        self.process.kill()
        self.process.wait(10)
        shutil.rmtree(self._folder)
        shutil.copytree(self._kept, self._folder)
        self.start()

    def stop(self) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait(10)
