"""`attune up`: the whole platform on this machine, until Ctrl-C."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from contextlib import AsyncExitStack
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

import typer

from attune_cli import demo, story
from attune_cli.engines import Edition, elsewhere, of_production
from attune_cli.failures import BadInput, Refused
from attune_cli.flow import Flow
from attune_cli.log import reading, writing
from attune_cli.output import remark, say, table
from attune_cli.services import SERVICES, connected
from attune_embedded import files as locks
from attune_embedded.endpoints import Endpoints
from attune_embedded.platform import Platform
from attune_embedded.supervision import Notice
from chassis.kafka.identity import Lives

_CATALOG = "attune.catalog.v1"
# Java servers answer their first requests slowly, and services wait for them.
_PATIENCE = {False: timedelta(minutes=1), True: timedelta(minutes=3)}
_OWN = "platform"  # beside the folders of the servers: what the services themselves keep
_SERVERS = "servers"  # inside the folder of the embedded edition: the other edition
_TRY = """
Try, in another terminal:
  attune recommend tea-lover-1 --explain
  attune need tea-lover-1
  attune search "绿茶"
  attune ask "How do I return an item?"
  attune compose tea-lover-1 --product kettle-steep-temp --channel push"""
_TRY_EMPTY = """
Try, in another terminal:
  attune status
  attune load catalog FILE --help
  attune replay FILE --help"""
_TRY_NEW = """
or begin with somebody new:
  attune send view --user maria --product gaiwan-plain-130 --wait
  attune recommend maria
  attune status"""
_END = "\nCtrl-C stops everything; what was learnt stays in {data}."


def up(
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", show_default=False,
                    help="Folder of all state: .attune, or .attune/servers for real servers.")] = None,
    engines: Annotated[Edition, typer.Option("--engines", help="embedded: nothing to install. servers: real Kafka, "
                       "Neo4j and Redis: those that ATTUNE_KAFKA and so on name, those of `make servers`, or our "
                       "own.")] = Edition.EMBEDDED,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin with an empty folder: forget what is there.")] = False,
    demo_shop: Annotated[bool, typer.Option("--demo/--no-demo", help="Load the demo shop, once.")] = True,
    with_story: Annotated[bool, typer.Option("--story", help="Tell a story in two languages: each event of one shopper "
                          "and what it changed.")] = False,
    exit_after_story: Annotated[bool, typer.Option("--exit-after-story", help="Stop after the story; exits with 1 when "
                                "an expected change did not happen.")] = False,
) -> None:  # fmt: skip
    """Start the whole platform on this machine: engines, the four services, the demo shop; stays until Ctrl-C.

    Example: attune up --story

    No server, no Docker, no key. On the engines of production: attune up --engines servers

    Several platforms run side by side on folders of their own: attune up --data DIR
    """
    if (with_story or exit_after_story) and not demo_shop:
        raise BadInput("--story plays in the demo shop: leave --no-demo out")
    real = engines is Edition.SERVERS
    data = data or Path(".attune", _SERVERS if real else "")
    if fresh:
        _forget_all(data, real=real)
    try:
        failed = asyncio.run(_up(data, real=real, demo_shop=demo_shop, story_too=with_story or exit_after_story,
                                 leave=exit_after_story))  # fmt: skip
    except (asyncio.CancelledError, KeyboardInterrupt):
        failed = 0
    if failed and exit_after_story:
        raise Refused(f"{failed} expected changes of the story did not happen")


async def _up(data: Path, *, real: bool, demo_shop: bool, story_too: bool, leave: bool) -> int:
    """How many changes of the story did not happen."""
    work = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, lambda: work and work.cancel())
    began = time.perf_counter()
    async with AsyncExitStack() as stack:
        settings = await of_production(data, stack, _tell, short_lived=leave) if real else {}
        own = data / _OWN if real else data
        platform = Platform(own, engines=settings, ready_within=_PATIENCE[real], report=_tell)
        remark(f"starting on {own}; logs are in {own / 'logs'}")
        endpoints = await platform.start()
        stack.push_async_callback(_stop, platform)
        say(f"ready after {time.perf_counter() - began:.1f} s", style="bold green")
        shop = own / await _life(endpoints.kafka) if real else own  # another catalogue is another shop
        await asyncio.to_thread(shop.mkdir, parents=True, exist_ok=True)
        failed = await _feed(endpoints, shop, story_too=story_too) if demo_shop else 0
        if leave:
            return failed
        table(["part", "at"], [["kafka", endpoints.kafka], ["redis", endpoints.redis_url],
                               ["relations", settings.get("ATTUNE_GRAPH_URL", f"SQLite in {own}")],
                               ["vectors", settings.get("ATTUNE_QDRANT_URL", f"qdrant-edge in {own}")],
                               *([name, endpoints.require(name)] for name in SERVICES)])  # fmt: skip
        say(_TRY + _TRY_NEW if demo_shop else _TRY_EMPTY)
        say(_END.format(data=data))
        await platform.wait()
    return failed


async def _life(kafka: str) -> str:
    """A folder's name for the life of the catalogue that this log holds."""
    lives = Lives(kafka)
    try:
        life = (await lives.of([_CATALOG])).get(_CATALOG, "")
    finally:
        await lives.close()
    return blake2b(life.encode(), digest_size=8).hexdigest()


async def _feed(endpoints: Endpoints, data: Path, *, story_too: bool) -> int:
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(connected(endpoints))
        producer = await stack.enter_async_context(writing(endpoints.kafka))
        log = await stack.enter_async_context(reading(endpoints.kafka))
        began = time.perf_counter()
        if await demo.load(Flow(producer, log, services), data):
            remark(f"in {time.perf_counter() - began:.1f} s")
        return await story.play(services, producer) if story_too else 0


async def _stop(platform: Platform) -> None:
    remark("stopping")
    await platform.stop()


def _forget_all(data: Path, *, real: bool) -> None:
    if real and elsewhere(data, os.environ):
        raise Refused(
            "--fresh: these engines were started elsewhere: stop them, remove their data, and leave --fresh out"
        )
    if real:
        _forget(data / _OWN)
    _forget(data)


def _forget(data: Path) -> None:
    """Remove what a platform left in a folder; refuses a folder that is in use or was not made by one."""
    if not data.exists():
        return
    if any(data.iterdir()) and not (data / "lock").exists():
        raise BadInput(f"--fresh: {data} was not made by `attune up`: remove it yourself, or name another --data")
    lock = locks.try_lock(data / "lock")
    if lock is None:
        raise Refused(f"{data} is in use by a running platform: stop it first")
    with lock:
        for entry in data.iterdir():
            if entry.name in {"lock", _SERVERS}:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def _tell(notice: Notice) -> None:
    remark(f"{notice.process} {notice.event} {notice.detail}".rstrip())
