"""`attune dead-letters`: records that could never succeed as they were, and why."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from aiokafka import ConsumerRecord
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from attune_cli.contract import MESSAGES
from attune_cli.failures import BadInput, NothingFound, Refused
from attune_cli.log import reading, writing
from attune_cli.options import Json
from attune_cli.output import complain, print_json, say, table
from attune_cli.services import connected
from chassis.kafka.decode import PROTOBUF

app = typer.Typer(
    help="See the records that could never succeed, learn why, and send them again once the cause is gone.\n\n"
    "Example: attune dead-letters list",
    no_args_is_help=True,
)
_ID = re.compile(r"(?P<topic>[\w.-]+\.dead)/(?P<partition>\d+)/(?P<offset>\d+)")
_SUFFIX = ".dead"
_SHOWN = ("field", "value", "remedy")

Topic = Annotated[str, typer.Option("--topic", help="Only of this topic, with or without .dead.")]
Reason = Annotated[str, typer.Option("--reason", help="Only of this reason, such as unknown-product.")]


@dataclass(frozen=True, slots=True)
class Letter:
    """A record of a `.dead` topic."""

    id: str  # topic/partition/offset of the letter itself
    key: bytes | None
    value: bytes | None
    headers: dict[str, str]

    @property
    def why(self) -> str:
        return self.headers.get("dead-reason", "")

    @property
    def source(self) -> str:
        """Where it stood: topic/partition/offset."""
        return "/".join(self.headers.get(f"dead-{name}", "?") for name in ("topic", "partition", "offset"))

    @property
    def topic(self) -> str:
        """Where it is sent again."""
        return self.headers.get("dead-topic") or self.id.split("/", 1)[0].removesuffix(_SUFFIX)

    @property
    def words(self) -> str:
        """The value as text: what Protobuf can be read as in the JSON form of the contract, else as it is."""
        message = MESSAGES.get(self.topic)
        if message is not None and self.value is not None and self.headers.get("content-type") in PROTOBUF:
            with suppress(DecodeError):
                return json_format.MessageToJson(
                    message.FromString(self.value), preserving_proto_field_name=True, ensure_ascii=False
                )
        return _shown(self.value)

    def of(self, topic: str) -> bool:
        """Whether it stands in the `.dead` of a topic, named with or without it."""
        return self.id.split("/", 1)[0].removesuffix(_SUFFIX) == topic.removesuffix(_SUFFIX)


@app.command("list")
def list_(
    topic: Topic = "",
    reason: Reason = "",
    newest: Annotated[int, typer.Option("--newest", min=0, help="How many letters to list below the counts.")] = 20,
    json: Json = False,
) -> None:
    """Count dead letters by topic and reason, and list the newest with field, value and remedy.

    Example: attune dead-letters list --topic attune.clickstream.v1

    Exits with 3 when there are none.
    """
    letters = asyncio.run(_read([topic] if topic else [], reason))
    if json:
        print_json([_described(letter) for letter in letters])
    elif letters:
        counts = Counter((letter.topic, letter.why) for letter in letters)
        table(["topic", "reason", "letters"], [[*about, count] for about, count in sorted(counts.items())])
        last = sorted(letters, key=lambda letter: letter.headers.get("dead-at", ""))[-newest:] if newest else []
        rows = [
            [letter.id, letter.why, *(letter.headers.get(f"dead-{name}", "") for name in _SHOWN)] for letter in last
        ]
        if rows:
            table(["id", "reason", "field", "value", "remedy"], rows)
    if not letters:
        raise NothingFound("" if json else "no dead letters")


@app.command()
def show(
    which: Annotated[str, typer.Argument(metavar="ID|TOPIC", help="As `list` prints it.")], json: Json = False
) -> None:
    """Show a dead letter, or all of a topic: headers and value.

    Example: attune dead-letters show attune.clickstream.v1.dead/2/0
    """
    letters = asyncio.run(_find([which]))
    if json:
        print_json([_described(letter) for letter in letters])
        return
    for letter in letters:
        table(["header", "value"], sorted(letter.headers.items()), title=letter.id)
        say(f"key: {_shown(letter.key)}")
        say(letter.words)


@app.command()
def replay(
    which: Annotated[list[str] | None, typer.Argument(metavar="[ID|TOPIC]...", help="As `list` prints them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    reason: Reason = "",
) -> None:
    """Send dead letters again to the topic they came from, once the cause is gone. They stay listed too.

    Example: attune dead-letters replay attune.clickstream.v1 --reason unknown-product
    """
    if bool(which) == every:
        raise BadInput("name letters or topics, or all with --all: see `attune dead-letters list`")
    found = asyncio.run(_read([], "") if every else _find(which or []))
    chosen = [letter for letter in found if not reason or letter.why == reason]
    if not chosen:
        raise NothingFound("no dead letters")
    whole = [letter for letter in chosen if "dead-original-bytes" not in letter.headers]
    for letter in chosen:
        if letter not in whole:
            complain(f"{letter.id}: only a part was kept of {letter.headers['dead-original-bytes']} bytes")
    asyncio.run(_resend(whole))
    say(f"{len(whole)} sent again")
    if len(whole) < len(chosen):
        raise Refused(f"{len(chosen) - len(whole)} cannot be sent again")


async def _find(which: Sequence[str]) -> list[Letter]:
    """The letters of ids and of whole topics; raises NothingFound for one that is not there."""
    places = [_ID.fullmatch(each) for each in which]
    topics = [place["topic"] if place else each for place, each in zip(places, which, strict=True)]
    letters = await _read(list(dict.fromkeys(topics)), "")
    found: dict[str, Letter] = {}
    for place, each, topic in zip(places, which, topics, strict=True):
        chosen = [letter for letter in letters if letter.id == each or (place is None and letter.of(topic))]
        if not chosen:
            raise NothingFound(f"{each}: there is no such dead letter: see `attune dead-letters list`")
        found |= {letter.id: letter for letter in chosen}
    return list(found.values())


async def _read(topics: Sequence[str], reason: str) -> list[Letter]:
    """The letters of these topics (none named: of all), of a reason (empty: of any)."""
    async with connected() as services, reading(services.endpoints.require("kafka")) as log:
        known = await log.dead_topics()
        wanted = [topic.removesuffix(_SUFFIX) + _SUFFIX for topic in topics] or known
        for topic in wanted:
            if topic not in known:
                raise BadInput(f"{topic} does not exist: write an id as `list` prints it, or one of {', '.join(known)}")
        letters = [_letter(record) async for record in log.records(await log.partitions(wanted))]
        return [letter for letter in letters if not reason or letter.why == reason]


async def _resend(letters: Sequence[Letter]) -> None:
    async with connected() as services, writing(services.endpoints.require("kafka")) as producer:
        for letter in letters:
            kept = {name: text for name, text in letter.headers.items() if not name.startswith("dead-")}
            key = None if letter.key is None else letter.key.decode("utf-8", "replace")
            await producer.send_raw(letter.topic, key, letter.value, kept)


def _letter(record: ConsumerRecord) -> Letter:
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers if value is not None}
    return Letter(f"{record.topic}/{record.partition}/{record.offset}", record.key, record.value, headers)


def _shown(value: bytes | None) -> str:
    return "(none)" if value is None else value.decode("utf-8", "backslashreplace")


def _described(letter: Letter) -> dict[str, Any]:
    return {"id": letter.id, "reason": letter.why, "from": letter.source, "key": _shown(letter.key),
            "value": letter.words, "headers": letter.headers}  # fmt: skip
