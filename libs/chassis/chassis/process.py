"""The life of a service process: start in order, run, stop without losing anything."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import anyio.lowlevel
from faststream.kafka import KafkaBroker

from chassis import garbage
from chassis.kafka.consumer import Consumer
from chassis.kafka.dead_letters import DeadLetters
from chassis.kafka.patience import until_there
from chassis.kafka.producer import Producer
from chassis.kafka.progress import Progress
from chassis.rpc.server import GrpcServer
from chassis.settings import ProcessSettings, load
from chassis.telemetry import configure, log, serve_metrics

__all__ = ["load", "run"]

# Seconds that a thread which reads texts may keep the event loop waiting whenever it wants to go on; Python's own 5 ms
# add up, because each look into a file gives the thread another turn.
_TURN = 0.0005
_LOOK = 0.25  # seconds between two looks at the consumers
Step = Callable[[], Awaitable[None]]


async def run(
    *,
    name: str,
    settings: ProcessSettings,
    server: GrpcServer,
    consumers: Sequence[Consumer] = (),
    producer: Producer | None = None,
    progress: Progress,
    background: Sequence[Step] = (),
    close: Sequence[Step] = (),
) -> None:
    """Serve until SIGTERM or SIGINT; `close` runs last, in its order. Logs the address it listens on."""
    configure(name, settings.log_level)
    await anyio.lowlevel.checkpoint()  # the first one loads a part of anyio, 10 ms, and would do so between requests
    garbage.begin()
    sys.setswitchinterval(_TURN)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        for step in reversed(close):
            stack.push_async_callback(step)
        serve_metrics(settings.metrics_listen)
        for consumer in consumers:  # before anybody asks: what was not read yet must not count as read
            progress.consumes(consumer.topics)
        await server.start(name)
        stack.push_async_callback(server.stop, settings.stop_grace.total_seconds())
        log.info("listening", address=server.address)
        waiting = asyncio.create_task(until_there(settings.kafka, [t for c in consumers for t in c.topics]))
        if not await _unless(stopping, waiting):
            return
        starting = _start(name, settings, consumers, producer or Producer(settings.kafka), progress, stack)
        if not await _unless(stopping, asyncio.create_task(starting)):
            return
        tasks = [asyncio.create_task(_forever(step)) for step in (*background, garbage.regularly)]
        stack.callback(lambda: [task.cancel() for task in tasks])
        watching = asyncio.create_task(_watch(server, consumers))
        whole = not await _unless(stopping, watching)
        log.info("stopping")
        await server.ready(ready=False)
    if not whole:
        raise SystemExit(1)  # whoever keeps this process alive starts another one


async def _unless(stopping: asyncio.Event, work: asyncio.Task[None]) -> bool:
    """Whether the work ended before we were told to stop."""
    told = asyncio.create_task(stopping.wait())
    await asyncio.wait([told, work], return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not work.done():
        work.cancel()
        await asyncio.wait([work])
        return False
    await work
    return True


async def _start(
    name: str,
    settings: ProcessSettings,
    consumers: Sequence[Consumer],
    producer: Producer,
    progress: Progress,
    stack: AsyncExitStack,
) -> None:
    grace = settings.stop_grace.total_seconds()
    stack.push_async_callback(_within, grace, producer.stop)
    await producer.start()
    broker = KafkaBroker(
        settings.kafka,
        client_id=f"attune-{name}",
        logger=None,  # FastStream would write two lines per message
        apply_types=False,  # it would look for what to inject, in a thread, for every batch; there is nothing
        allow_auto_create_topics=False,  # it would make topics of one partition
        graceful_timeout=settings.stop_grace.total_seconds(),
    )
    dead_letters = DeadLetters(producer, service=name, max_bytes=settings.max_record_bytes)
    for consumer in consumers:
        consumer.attach(broker, settings, service=name, dead_letters=dead_letters, progress=progress)
    stack.push_async_callback(_within, grace, broker.stop)
    await broker.start()
    for consumer in consumers:
        stack.push_async_callback(_within, grace, consumer.finish)
        await consumer.begin()


async def _watch(server: GrpcServer, consumers: Sequence[Consumer]) -> None:
    """Tell whether requests should come here; returns when a consumer will not come back."""
    before: bool | None = None
    while not (broken := [consumer.name for consumer in consumers if consumer.broken()]):
        now = all(consumer.alive() for consumer in consumers)
        if now is not before:
            await server.ready(ready=now)
            log.info("ready" if now else "not ready", waiting=[c.name for c in consumers if not c.alive()])
            before = now
        await asyncio.sleep(_LOOK)
    log.error("the client of Kafka gave up: this process ends, so that a new one begins", consumers=broken)


async def _within(seconds: float, step: Step) -> None:
    """An engine that is away must not keep a process from ending: what is not said now is said again later."""
    try:
        async with asyncio.timeout(seconds):
            await step()
    except (Exception, asyncio.CancelledError) as error:  # the other steps must still be taken
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # a client may also pass on the end of a task of its own
            raise
        log.warning("left without a farewell", step=step.__qualname__, error=type(error).__name__)


async def _forever(step: Step) -> None:
    """Background work that fails is told and begun again."""
    while True:
        try:
            await step()
        except Exception as error:  # noqa: BLE001 - it must not end in silence
            log.error("background work failed", exc_info=error)
        else:
            return
        await asyncio.sleep(1)
