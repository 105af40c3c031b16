"""The whole platform on one data folder: engines, services, and whoever died started again."""

from __future__ import annotations

import asyncio
import json
import os
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING, Any, Self

import psutil

from attune_embedded import VERSION, files, ledger, logs, ports, ready, running
from attune_embedded.child import Child, StartError
from attune_embedded.endpoints import Endpoints, of_record
from attune_embedded.plan import SERVICES, Plan, bound, health_name, port_names, python
from attune_embedded.supervision import Notice, keep, together, until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_REPLACE_GRACE = timedelta(
    seconds=1
)  # of services whose broker is gone: they end their calls, nothing can be committed


class DataInUseError(Exception):
    """Another platform runs on this data folder."""


class Platform:
    """Start, keep and stop. Use it once, and from a thread that stays: children end with the thread that started them.

    Invariants: the lock of the data folder is held from `start` to the end of `stop`; the ledger names a child before
    anybody waits for it; no service lives through a change of the log, so none takes new offsets for old ones.
    """

    def __init__(
        self,
        data: Path,
        *,
        services: Sequence[str] = SERVICES,
        engines: Mapping[str, str] | None = None,
        partitions: int = 4,
        env: Mapping[str, str] | None = None,
        ready_within: timedelta = timedelta(seconds=60),
        grace: timedelta = timedelta(seconds=10),
        report: Callable[[Notice], None] = lambda _: None,
    ) -> None:
        """`engines` are the settings (`ATTUNE_KAFKA`, `ATTUNE_REDIS_URL`, …) of engines that run elsewhere; without
        them the platform starts embedded ones. What they do not name, vectors or relations, is kept in the data folder.
        `env` is what the processes inherit (by default the environment of this one); `report` is told what happens.

        `ready_within` is the limit for each process on its own, `grace` the time between SIGTERM and SIGKILL.
        """
        self._data = data.absolute()
        self._services = tuple(services)
        self._env = dict(os.environ if env is None else env)
        self._ready_within, self._grace, self._report = ready_within, grace, report
        here = os.getpid()
        self._broker = self._child("broker", python("broker", "--partitions", str(partitions), parent=here))
        self._redis = self._child("redis", python("redis", "--data", str(self._data / "redis"), parent=here))
        self._engines = dict(engines or {})
        self._workers = {name: self._child(name, self._run(name, parent=here)) for name in self._services}
        self._lock: IO[str] | None = None
        self._plan = Plan(self._data, self._services, {})
        self._log: dict[str, Any] = {}  # what the broker announced
        self._record: dict[str, Any] = {}  # what platform.json holds
        self._broker_ready = asyncio.Event()
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def endpoints(self) -> Endpoints:
        """Where everything is; known once `start` returned, and the same until `stop`."""
        return of_record(self._record)

    async def start(self) -> Endpoints:
        """Return when every service is ready.

        Raises:
            DataInUseError: another platform has this data folder.
            StartError: a process ended or was not ready in time; everything is stopped again.
        """
        self._lock = self._take_lock()
        try:
            for name in await asyncio.to_thread(ledger.sweep, self._ledger):
                self._report(Notice(name, "swept", "left by an earlier run"))
            remembered = ports.remember(self._data / "ports.json", port_names(self._services), random.Random())
            self._plan = Plan(self._data, self._services, remembered, self._engines)
            await self._start_engines()
            await together(self._start_service(name) for name in self._services)
            self._publish()
        except BaseException:
            await self.stop()
            raise
        self._keepers = [asyncio.create_task(self._keep(child)) for child in self._children()]
        self._keepers.append(asyncio.create_task(logs.keep_short([child.log for child in self._children()])))
        return self.endpoints

    async def wait(self) -> None:
        """Until `stop` is called, or raise what made it impossible to go on."""
        if self._keepers:
            done, _ = await asyncio.wait(self._keepers, return_when=asyncio.FIRST_EXCEPTION)
            for keeper in done:
                if not keeper.cancelled():
                    keeper.result()

    async def stop(self) -> None:
        """End the services, then the engines. It may be called at any time and more than once."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(worker.stop(self._grace) for worker in self._workers.values()))
        await asyncio.gather(*(engine.stop(self._grace) for engine in (self._broker, self._redis)))
        if self._lock is None:
            return
        self._ledger.unlink(missing_ok=True)
        (self._data / "platform.json").unlink(missing_ok=True)
        with suppress(OSError):
            running.remove(self._env, data=self._data)
        self._lock.close()
        self._lock = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _keep(self, child: Child) -> None:
        revive = {"broker": self._replace_broker, "redis": self._start_redis}
        await keep(child, revive.get(child.name, lambda: self._start_service(child.name)), self._report)

    async def _start_engines(self) -> None:
        if self._engines:
            self._broker_ready.set()
        else:
            await together([self._start_broker(), self._start_redis()])

    async def _start_broker(self) -> None:
        self._report(Notice("broker", "starting"))
        await self._broker.spawn(self._env, arguments=["--port", str(self._plan.ports["kafka"])], listen=True)
        self._remember_children()
        self._log = json.loads(await until(self._broker, self._broker.announcement(), self._ready_within))
        self._report(Notice("broker", "ready", self._log["bootstrap"]))
        self._broker_ready.set()

    async def _replace_broker(self) -> None:
        """A new broker has an empty log at the same address: the services end before it begins, and begin after it."""
        self._broker_ready.clear()
        await asyncio.gather(*(worker.stop(_REPLACE_GRACE) for worker in self._workers.values()))
        await self._start_broker()
        self._publish()

    async def _start_redis(self) -> None:
        self._report(Notice("redis", "starting"))
        port = self._plan.ports["redis"]
        await self._redis.spawn(self._env, arguments=["--port", str(port)])
        self._remember_children()
        answering = await until(self._redis, ready.redis(port), self._ready_within)
        if not ledger.is_or_has(self._redis.pid, answering):
            raise StartError(f"another Redis, process {answering}, answers on port {port}")
        self._report(Notice("redis", "ready", self._plan.redis_url))

    async def _start_service(self, name: str) -> None:
        await self._broker_ready.wait()
        self._report(Notice(name, "starting"))
        worker = self._workers[name]
        await worker.spawn(self._plan.environment(name, inherited=self._env))
        self._remember_children()
        address = self._plan.address(name)
        await until(worker, ready.service(address, name=health_name(name)), self._ready_within)
        self._report(Notice(name, "ready", address))

    def _publish(self) -> None:
        created = psutil.Process().create_time()
        self._record = {
            "version": VERSION,
            "pid": os.getpid(),
            "created": created,
            "started_at": self._record.get("started_at") or datetime.now(UTC).isoformat(timespec="seconds"),
            "data": str(self._data),
            "log": self._log.get("identity", ""),
            "kafka": self._plan.kafka,
            "redis_url": self._plan.redis_url,
            **{name: self._plan.address(name) for name in self._services},
            "metrics": {name: self._plan.address(f"{name}.metrics") for name in self._services},
        }
        files.write(self._data / "platform.json", self._record)
        try:
            running.add(self._env, data=self._data, pid=os.getpid(), created=created)
        except OSError as error:
            self._report(Notice("platform", "failed", f"terminals in other folders will not find it: {error}"))

    def _take_lock(self) -> IO[str]:
        lock = files.try_lock(self._data / "lock")
        if lock is None:
            owner = (self._data / "lock").read_text(encoding="utf-8").strip()
            raise DataInUseError(f"{self._data} is in use by the platform of process {owner or '(unknown)'}")
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return lock

    def _remember_children(self) -> None:
        known = (ledger.entry(each.name, each.pid) for each in self._children() if each.pid is not None)
        ledger.write(self._ledger, [entry for entry in known if entry is not None])

    def _children(self) -> list[Child]:
        engines = () if self._engines else (self._broker, self._redis)
        return [*engines, *self._workers.values()]

    def _run(self, name: str, *, parent: int) -> list[str]:
        """Only the embedded broker needs the shim of `service`."""
        if self._engines:
            return bound(name, self._data, parent=parent)
        return python("service", name, parent=parent)

    def _child(self, name: str, command: Sequence[str]) -> Child:
        return Child(name, command, self._data / "logs" / f"{name}.log")

    @property
    def _ledger(self) -> Path:
        return self._data / "processes.json"
