"""A service as a process that is killed, at once or at a step of its own, and started again at the same address."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from ports import free_port

from faults.waiting import until

LAUNCHER = Path(__file__).with_name("launcher.py")
_QUICK = {  # an outage of a test is short: waiting as long as for one of production only makes tests slow
    "ATTUNE_RETRY_MOST": "PT0.2S",
    "ATTUNE_COMMIT_INTERVAL": "PT0.2S",
    "ATTUNE_LOG_LEVEL": "INFO",
    "PYTHONUNBUFFERED": "1",
}


class Service:
    """`python -m NAME` with its own folder; on the embedded broker with the shim of that edition.

    Invariants: at most one process at a time; `address` stays the same over restarts.
    """

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str], *, embedded: bool) -> None:
        self.name, self.folder, self._embedded = name, folder, embedded
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.environment = {**os.environ, **_QUICK, **environment, "ATTUNE_GRPC_LISTEN": self.address}
        self.arguments: tuple[str, ...] = ()  # of the launcher, at each start
        self.process: subprocess.Popen[bytes] | None = None
        self._channel = grpc.insecure_channel(
            self.address, [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 100),
                           ("grpc.min_reconnect_backoff_ms", 50), ("grpc.enable_http_proxy", 0)],
        )  # fmt: skip
        self._health = health_pb2_grpc.HealthStub(self._channel)
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def channel(self) -> grpc.Channel:
        """To ask it anything."""
        return self._channel

    @property
    def log(self) -> str:
        """What it said so far."""
        return (self.folder / f"{self.name}.log").read_text(errors="replace")

    def start(self, *arguments: str, ready: bool = True, **changes: str) -> None:
        """`arguments` are those of the launcher; `changes` those of the environment for this process alone."""
        assert self.process is None or self.process.poll() is not None, "it runs"
        told = [self.name, *(["--embedded"] if self._embedded else []), "--parent", str(os.getpid()),
                *self.arguments, *arguments]  # fmt: skip
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(LAUNCHER), *told], env={**self.environment, **changes}, stdout=log, stderr=log
            )
        if ready:
            self.wait_ready()

    def wait_ready(self, seconds: float = 240.0) -> float:
        """Until it says that it serves; how many seconds that took."""
        started = time.monotonic()
        until(self.serves, f"{self.name} to serve; its log ends with\n{self.log[-2000:]}", seconds)
        return time.monotonic() - started

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def killed_itself(self, seconds: float = 60.0) -> None:
        """Wait until the launcher's SIGKILL came at its step."""
        assert self.process is not None
        code = self.process.wait(seconds)
        assert code == -signal.SIGKILL, f"{self.name} ended with {code}:\n{self.log[-2000:]}"

    def stop(self) -> None:
        """SIGTERM, as an orchestrator does; the process must end by itself and without an error."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            code = self.process.wait(90)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            raise
        assert code == 0, f"{self.name} ended with {code}:\n{self.log[-2000:]}"

    def close(self) -> None:
        """End it in any case, if it can by leaving its group, and forget the channel."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(8)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self._channel.close()

    def serves(self) -> bool:
        """What it says of itself at this moment; one that ended is an error."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.log[-3000:]}")
        try:
            reply = self._health.Check(health_pb2.HealthCheckRequest(service=f"attune.{self.name}.v1."
                                       f"{self.name.capitalize()}Service"), timeout=1)  # fmt: skip
        except grpc.RpcError:
            return False
        return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)
