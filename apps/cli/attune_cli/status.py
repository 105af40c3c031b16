"""`attune status`: what runs, how far it is, what was refused."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from attune_cli import health
from attune_cli.contract import GROUPS
from attune_cli.failures import Refused
from attune_cli.log import Log, reading
from attune_cli.options import Json
from attune_cli.output import print_json, say, table
from attune_cli.services import SERVICES, Services, connected


def status(json: Json = False) -> None:
    """Show the services and how they are, how far the consumers are behind, and how many records were refused.

    Example: attune status

    Exits with 1 when a service is not serving or Kafka is away.
    """
    found = asyncio.run(_status())
    if json:
        print_json(found)
    else:
        _show(found)
    down = [each["service"] for each in found["services"] if each["state"] != "serving"]
    down += [] if found["kafka"]["state"] == "serving" else ["kafka"]
    if down:
        raise Refused(f"{', '.join(down)} not serving: `attune up` starts the platform, DATA/logs says why it stopped")


async def _status() -> dict[str, Any]:
    async with connected() as services:
        states = await asyncio.gather(*(health.of(services, name) for name in SERVICES))
        return {
            "data": str(services.endpoints.data or ""),
            "services": [asdict(state) for state in states],
            "kafka": await _kafka(services),
        }


async def _kafka(services: Services) -> dict[str, Any]:
    bootstrap = services.endpoints.kafka
    try:
        async with reading(services.endpoints.require("kafka")) as log:
            return {"state": "serving", "address": bootstrap, "lag": await _lag(log), "dead": await _dead(log)}
    except (KafkaError, OSError):
        return {"state": "away", "address": bootstrap, "lag": [], "dead": {}}


async def _lag(log: Log) -> list[dict[str, Any]]:
    """Records that a group has not committed, by topic; groups commit once a second."""
    partitions = await log.partitions(list(GROUPS))
    ends, begins = await log.ends(partitions), await log.begins(partitions)
    rows = []
    for group in sorted({group for groups in GROUPS.values() for group in groups}):
        read = [tp for tp in partitions if group in GROUPS[tp.topic]]
        committed = await log.committed(group, read)
        for topic in sorted({tp.topic for tp in read}):
            own = [tp for tp in read if tp.topic == topic]
            behind = sum(ends[tp] - max(committed[tp], begins[tp]) for tp in own)
            rows.append({"group": group, "topic": topic, "records": _total(own, ends), "behind": behind})
    return rows


async def _dead(log: Log) -> dict[str, int]:
    """Records that were refused and are still kept, by topic."""
    partitions = await log.partitions(await log.dead_topics())
    ends, begins = await log.ends(partitions), await log.begins(partitions)
    counts: dict[str, int] = {}
    for tp in partitions:
        counts[tp.topic] = counts.get(tp.topic, 0) + ends[tp] - begins[tp]
    return {topic: count for topic, count in counts.items() if count}


def _total(partitions: Sequence[TopicPartition], ends: dict[TopicPartition, int]) -> int:
    return sum(ends[tp] for tp in partitions)


def _show(found: dict[str, Any]) -> None:
    say(f"data in {found['data']}" if found["data"] else "addresses from the environment")
    rows = [[each["service"], each["state"], each["address"], each["milliseconds"]] for each in found["services"]]
    table(["service", "is", "at", "ms"], [*rows, ["kafka", found["kafka"]["state"], found["kafka"]["address"], 0.0]])
    used = [each for each in found["kafka"]["lag"] if each["records"]]
    if used:
        table(["group", "topic", "records", "behind"], [list(each.values()) for each in used])
    dead = found["kafka"]["dead"]
    say(f"dead letters: {', '.join(f'{topic} {count}' for topic, count in dead.items()) or 'none'}")
    if dead:
        say("see them with `attune dead-letters list`")
