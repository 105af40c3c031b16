"""`attune dead-letters`: records that could never succeed as they were, and why."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
import heapq
import json as text
import sys
from collections import Counter
from typing import Annotated

import typer

from attune_cli import letters, resending
from attune_cli.failures import BadInput, NothingFound, Refused
from attune_cli.letters import Letter, Wanted
from attune_cli.log import reading
from attune_cli.marks import marks_of
from attune_cli.options import Json
from attune_cli.output import complain, print_json, say, table
from attune_cli.services import connected

app = typer.Typer(
    help="See the records that could never succeed, learn why, and send them again once the cause is gone.\n\n"
    "Example: attune dead-letters list",
    no_args_is_help=True,
)
_SHOWN = ("field", "value", "remedy")

Topic = Annotated[str, typer.Option("--topic", help="Only of this topic, with or without .dead.")]
Reason = Annotated[str, typer.Option("--reason", help="Only of this reason, such as unknown-product.")]
Service = Annotated[str, typer.Option("--service", help="Only what this service refused.")]
Which = Annotated[list[str] | None, typer.Argument(metavar="[ID|TOPIC]...", help="As `list` prints them.")]


@app.command("list")
def list_(
    topic: Topic = "",
    reason: Reason = "",
    service: Service = "",
    newest: Annotated[int, typer.Option("--newest", min=0, help="How many letters to list below the counts.")] = 20,
    json: Json = False,
) -> None:
    """Count dead letters by topic, service and reason, and list the newest with field, value and remedy.

    Example: attune dead-letters list --topic attune.clickstream.v1

    Exits with 3 when there are none.
    """
    wanted = Wanted([topic] if topic else [], reason, service)
    if not asyncio.run(_print_json(wanted) if json else _print(wanted, newest)):
        raise NothingFound("" if json else "no dead letters")


@app.command()
def show(
    which: Annotated[str, typer.Argument(metavar="ID|TOPIC", help="As `list` prints it.")], json: Json = False
) -> None:
    """Show a dead letter, or all of a topic: headers and value.

    Example: attune dead-letters show attune.clickstream.v1.dead/2/0
    """
    found = asyncio.run(_found(Wanted([which])))
    if not found:
        raise NothingFound(f"{which}: there is no such dead letter: see `attune dead-letters list`")
    if json:
        print_json([letter.described() for letter in found])
        return
    for letter in found:
        table(["header", "value"], sorted(letter.headers.items()), title=letter.id)
        say(f"key: {letters.shown(letter.key)}")
        say(letter.words)


@app.command()
def replay(
    which: Which = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    reason: Reason = "",
    service: Service = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also those that were sent again before.")] = False,
    json: Json = False,
) -> None:
    """Send dead letters again to the topic they came from, once the cause is gone: each one once. They stay listed.

    Example: attune dead-letters replay attune.clickstream.v1 --reason unknown-product

    Exits with 3 when there was nothing to send, and with 1 when something cannot be sent again.
    """
    if bool(which) == every:
        raise BadInput("name letters or topics, or all with --all: see `attune dead-letters list`")
    done = asyncio.run(resending.resend(Wanted(which or [], reason, service), dry_run=dry_run, again=again))
    if json:
        print_json({"sent": 0 if dry_run else done.sent, "would_be_sent": done.sent if dry_run else 0,
                    "skipped": done.skipped, "twice": done.twice, "cut": done.cut})  # fmt: skip
    elif done.found:
        notes = [f"{done.skipped} skipped: sent again before"] if done.skipped else []
        notes += [f"{done.twice} skipped: the same record is there twice"] if done.twice else []
        say("; ".join([f"{done.sent} {'would be sent' if dry_run else 'sent'} again", *notes]))
    for name, size in done.cut.items():
        complain(f"{name}: only a part was kept of {size} bytes")
    if done.cut:
        raise Refused(f"{len(done.cut)} cannot be sent again")
    if not done.sent:
        raise NothingFound("" if json or done.found else "no dead letters")


async def _found(wanted: Wanted) -> list[Letter]:
    async with connected() as services, reading(services.endpoints.require("kafka")) as log:
        return [letter async for letter in wanted.read(log)]


async def _print(wanted: Wanted, newest: int) -> int:
    """Print a table; how many letters there are."""
    counts: Counter[tuple[str, str, str]] = Counter()
    sent: Counter[tuple[str, str, str]] = Counter()
    last: list[tuple[str, str, Letter]] = []
    async with connected() as services, reading(services.endpoints.require("kafka")) as log:
        marks = await marks_of(log, services.endpoints.require("kafka"))
        async for letter in wanted.read(log):
            about = (letter.topic, letter.service, letter.why)
            counts[about] += 1
            sent[about] += marks.has(letter.place, letter.offset)
            heapq.heappush(last, (letter.headers.get("dead-at", ""), letter.id, letter))
            if len(last) > newest:
                heapq.heappop(last)
    if counts:
        rows = [[*about, count, sent[about]] for about, count in sorted(counts.items())]
        table(["topic", "service", "reason", "letters", "sent again"], rows)
    if last:
        table(["id", "reason", "field", "value", "remedy"],
              [[each.id, each.why, *(each.headers.get(f"dead-{name}", "") for name in _SHOWN)]
               for _, _, each in sorted(last, key=lambda entry: entry[:2])])  # fmt: skip
    return counts.total()


async def _print_json(wanted: Wanted) -> int:
    """Print one document, letter by letter; how many there are."""
    count = 0
    async with connected() as services, reading(services.endpoints.require("kafka")) as log:
        marks = await marks_of(log, services.endpoints.require("kafka"))
        async for letter in wanted.read(log):
            told = letter.described() | {"sent_again": marks.has(letter.place, letter.offset)}
            sys.stdout.write((", " if count else "[") + text.dumps(told, ensure_ascii=False))
            count += 1
    sys.stdout.write("]\n" if count else "[]\n")
    return count
