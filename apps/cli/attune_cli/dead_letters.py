"""`attune dead-letters`: records that could never succeed as they were, and why."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from aiokafka import ConsumerRecord, TopicPartition

from attune_cli.failures import BadInput, NothingFound, Refused
from attune_cli.log import reading, writing
from attune_cli.options import Json
from attune_cli.output import complain, print_json, say, table
from attune_cli.services import connected

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


@app.command("list")
def list_(topic: Topic = "", reason: Reason = "", json: Json = False) -> None:
    """List dead letters with field, value and remedy.

    Example: attune dead-letters list --topic attune.clickstream.v1

    Exits with 3 when there are none.
    """
    letters = asyncio.run(_read(topic, reason))
    if json:
        print_json([_described(letter) for letter in letters])
    elif letters:
        rows = [[letter.id, letter.why, *(letter.headers.get(f"dead-{name}", "") for name in _SHOWN)]
                for letter in letters]  # fmt: skip
        table(["id", "reason", "field", "value", "remedy"], rows)
    if not letters:
        raise NothingFound("" if json else "no dead letters")


@app.command()
def show(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="As `list` prints it.")], json: Json = False
) -> None:
    """Show one dead letter: its headers and its value.

    Example: attune dead-letters show attune.clickstream.v1.dead/2/0
    """
    letter = _chosen(asyncio.run(_read(_topic_of(identifier))), [identifier])[0]
    if json:
        print_json(_described(letter))
        return
    table(["header", "value"], sorted(letter.headers.items()), title=letter.id)
    say(f"key: {_shown(letter.key)}")
    say(_shown(letter.value))


@app.command()
def replay(
    identifiers: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="As `list` prints them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    topic: Topic = "",
    reason: Reason = "",
) -> None:
    """Send dead letters again to the topic they came from, once the cause is gone. They stay listed too.

    Example: attune dead-letters replay --all --reason unknown-product
    """
    if bool(identifiers) == every:
        raise BadInput("name the letters, or all of them with --all: see `attune dead-letters list`")
    for identifier in identifiers or []:
        _topic_of(identifier)
    letters = asyncio.run(_read(topic, reason))
    chosen = letters if every else _chosen(letters, identifiers or [])
    if not chosen:
        raise NothingFound("no dead letters")
    whole = [letter for letter in chosen if "dead-original-bytes" not in letter.headers]
    for letter in chosen:
        if letter not in whole:
            complain(
                f"{letter.id}: only a part of it was kept ({letter.headers['dead-original-bytes']} bytes were sent)"
            )
    asyncio.run(_resend(whole))
    say(f"{len(whole)} sent again")
    if len(whole) < len(chosen):
        raise Refused(f"{len(chosen) - len(whole)} cannot be sent again")


async def _read(topic: str = "", reason: str = "") -> list[Letter]:
    async with connected() as services, reading(services.endpoints.require("kafka")) as log:
        wanted = topic.removesuffix(_SUFFIX) + _SUFFIX
        names = [name for name in await log.dead_topics() if not topic or name == wanted]
        if topic and not names:
            raise BadInput(f"--topic {topic}: there is no {wanted}")
        partitions: list[TopicPartition] = await log.partitions(names)
        letters = [_letter(record) async for record in log.records(partitions)]
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


def _topic_of(identifier: str) -> str:
    found = _ID.fullmatch(identifier)
    if found is None:
        raise BadInput(f"{identifier!r} is no id: write TOPIC.dead/PARTITION/OFFSET, as `list` prints it")
    return found["topic"]


def _chosen(letters: Sequence[Letter], identifiers: Sequence[str]) -> list[Letter]:
    known = {letter.id: letter for letter in letters}
    for identifier in identifiers:
        if identifier not in known:
            raise NothingFound(f"{identifier}: there is no such dead letter: see `attune dead-letters list`")
    return [known[identifier] for identifier in identifiers]


def _shown(value: bytes | None) -> str:
    return "(none)" if value is None else value.decode("utf-8", "backslashreplace")


def _described(letter: Letter) -> dict[str, Any]:
    return {"id": letter.id, "reason": letter.why, "from": letter.source, "key": _shown(letter.key),
            "value": _shown(letter.value), "headers": letter.headers}  # fmt: skip
