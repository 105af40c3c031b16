"""The engines of the embedded edition as processes that can be killed and started again at the same addresses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from ports import free_port
from redis import Redis
from redis.exceptions import RedisError

from faults.waiting import until

_SECONDS = 15.0


class EmbeddedEngines:
    """A broker and a Redis, each a process of its own, with what they keep in `folder`.

    The broker's log ends with its process: started again it is another life of the log, at the same address.
    """

    edition = "embedded"
    session_timeout = "PT2S"  # the broker waits this long, less a second, for a member that died

    def __init__(self, folder: Path, *, partitions: int = 4) -> None:
        self.folder, self.partitions, self.life = folder, partitions, 0
        self._kafka_port, self._redis_port = free_port(), free_port()
        self.kafka = f"127.0.0.1:{self._kafka_port}"
        self.redis_url = f"redis://127.0.0.1:{self._redis_port}/0"
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self.start_again("kafka")
        self.start_again("redis")

    def environment(self) -> dict[str, str]:
        """What a service must be told of its engines, but for its own folders."""
        return {"ATTUNE_KAFKA": self.kafka, "ATTUNE_REDIS_URL": self.redis_url}

    def stores(self, folder: Path) -> dict[str, str]:
        """Where a service of its own folder keeps vectors and relations."""
        place = quote(str(folder))
        return {"ATTUNE_QDRANT_URL": f"edge://{place}/qdrant", "ATTUNE_GRAPH_URL": f"sqlite://{place}/graph.db"}

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """End an engine without a warning."""
        process = self.processes.pop(name)
        process.send_signal(number)
        process.wait(_SECONDS)
        if process.stdout is not None:
            process.stdout.close()

    def signal(self, name: str, number: signal.Signals) -> None:
        """SIGSTOP and SIGCONT: an engine that does not answer, and does again."""
        self.processes[name].send_signal(number)

    def start_again(self, name: str) -> None:
        """Returns when it answers."""
        if name == "kafka":
            self.processes[name] = self._python("broker", "--partitions", str(self.partitions),
                                                "--port", str(self._kafka_port))  # fmt: skip
            stdout = self.processes[name].stdout
            assert stdout is not None
            assert json.loads(stdout.readline())["bootstrap"]
            self.life += 1
        else:
            self.processes[name] = self._python("redis", "--data", str(self.redis_folder),
                                                "--port", str(self._redis_port))  # fmt: skip
            until(lambda: _answers(self.redis_url), "Redis", _SECONDS)

    @property
    def redis_folder(self) -> Path:
        """Holds the append-only file."""
        return self.folder / "redis"

    def stop(self) -> None:
        """End both; what they kept stays."""
        for name in list(self.processes):
            self.signal(name, signal.SIGCONT)
            self.kill(name, signal.SIGTERM)

    def _python(self, module: str, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-m", f"attune_embedded.{module}", *arguments, "--parent", str(os.getpid())]
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{module}.log").open("a") as log:
            return subprocess.Popen(
                command, stdout=subprocess.PIPE if module == "broker" else log, stderr=log, text=True,
                env={**os.environ, **(env or {})},
            )  # fmt: skip


def _answers(url: str) -> bool:
    with Redis.from_url(url) as redis:
        try:
            return bool(redis.ping())
        except (RedisError, OSError):
            return False
