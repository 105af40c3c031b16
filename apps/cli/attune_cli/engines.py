"""On which engines `attune up` runs: embedded ones, or those of production."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from enum import StrEnum
from pathlib import Path

from attune_cli.failures import BadInput, Refused
from attune_cli.output import remark
from attune_embedded.supervision import Notice
from attune_servers import Servers, running, topics
from attune_servers.keeping import keep
from attune_servers.present import ServerUnavailableError

_MUST = ("ATTUNE_KAFKA", "ATTUNE_REDIS_URL")
_GRAPH_URL = "ATTUNE_GRAPH_URL"
_GRAPH = (_GRAPH_URL, "ATTUNE_NEO4J_USER", "ATTUNE_NEO4J_PASSWORD")  # together: one server's password is not another's
_NAMES = (*_MUST, *_GRAPH, "ATTUNE_QDRANT_URL")
_OR = "or let ATTUNE_KAFKA and ATTUNE_REDIS_URL name engines that run, such as those of `docker compose up`"


class Edition(StrEnum):
    EMBEDDED = "embedded"
    SERVERS = "servers"


def named(env: Mapping[str, str]) -> dict[str, str]:
    """What the environment says of engines; user and password of Neo4j only with the URL that they belong to.

    Raises:
        BadInput: it names Kafka or Redis, but not both.
    """
    found = {name: env[name] for name in _NAMES if env.get(name) and (name not in _GRAPH or env.get(_GRAPH_URL))}
    absent = [name for name in _MUST if name not in found]
    if len(absent) == 1:
        raise BadInput(f"{absent[0]} is not set: name both engines, {' and '.join(_MUST)}, or none to start our own")
    return found


def elsewhere(data: Path, env: Mapping[str, str]) -> bool:
    """Whether engines are used that somebody else started."""
    return "ATTUNE_KAFKA" in named(env) or bool(running.find(data))


async def of_production(
    data: Path, stack: AsyncExitStack, report: Callable[[Notice], None], *, short_lived: bool
) -> dict[str, str]:
    """The settings of engines that answer and have the topics of the contract; not empty.

    Those that the environment names; else the servers that run on `data`, as by `make servers`; else servers that are
    started here, kept alive, and stopped by `stack`.

    Raises:
        BadInput: the environment names half of them.
        Refused: there are none, and none can be started.
    """
    settings = named(os.environ)
    if "ATTUNE_KAFKA" in settings:
        remark(f"engines of the environment: Kafka at {settings['ATTUNE_KAFKA']}")
    elif found := running.find(data):
        remark(f"engines that run on {data}")
        settings = over(found, settings)
    else:
        ours = Servers(data, neo4j=_GRAPH_URL not in settings, short_lived=short_lived)
        settings = over(await _started(ours, stack, report), settings)
    await topics.make(settings["ATTUNE_KAFKA"], partitions=4)
    return settings


def over(ours: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    """Our engines, but those that the environment names: a Neo4j of theirs gets no user and no password of ours."""
    kept = {name: value for name, value in ours.items() if _GRAPH_URL not in theirs or name not in _GRAPH}
    return kept | dict(theirs)


async def _started(servers: Servers, stack: AsyncExitStack, report: Callable[[Notice], None]) -> dict[str, str]:
    folder = servers.folder
    remark(f"starting {', '.join(servers.names)} on {folder}; logs are in {folder / 'logs'}")
    try:
        await servers.start()
    except ServerUnavailableError as error:
        raise Refused(f"{error}, {_OR}") from error
    stack.push_async_callback(servers.stop)
    running.publish(servers)
    stack.callback(running.withdraw, folder)
    for name, version in servers.versions.items():
        report(Notice(name, "ready", version))
    keeper = asyncio.create_task(keep(servers, report))
    stack.push_async_callback(_cancelled, keeper)
    return servers.environment()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
