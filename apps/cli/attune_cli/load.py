"""`attune load`: what the shop knows, from files."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Annotated, Any, Literal

import typer
from google.protobuf.message import Message

from attune_cli import columns, health, reading
from attune_cli.contract import LOADABLE, key_field, topic_of
from attune_cli.failures import BadInput, NothingFound
from attune_cli.flow import CHUNK_RECORDS, Flow
from attune_cli.log import reading as reading_log
from attune_cli.log import writing
from attune_cli.options import Json, Tenant
from attune_cli.output import Bar, print_json, progress, say
from attune_cli.reading import Line, Report
from attune_cli.rows import Rows
from attune_cli.services import connected

Kind = Literal["catalog", "users", "knowledge", "templates"]
Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE...", help=".jsonl, .csv, .tsv or .yaml, also .gz; - is JSONL on stdin."),
]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN", help="Fill a field from a column (`user_id=CustomerID:int`), or from "
                 "several (`category={area}/{sort}`). May be repeated."),
]  # fmt: skip
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Fill a field with a constant. May be repeated."),
]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="COLUMN=PATTERN", help="Only rows whose whole cell matches. May be repeated."),
]
FileLanguage = Annotated[
    str, typer.Option("--language", help="Language of mapped texts that name none (`title` is `title.en`).")
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Keep pace with the consumers and wait for them.")]
Unique = Annotated[bool, typer.Option("--unique", help="Of rows with the same key take the last one only.")]


def load(
    kind: Annotated[Kind, typer.Argument(help="What the lines are.")],
    files: Files,
    maps: Map = None,
    constants: Set = None,
    where: Where = None,
    language: FileLanguage = "en",
    tenant: Tenant = "",
    unique: Unique = False,
    wait: Wait = True,
    json: Json = False,
) -> None:
    """Load products, people, knowledge or templates. Lines are JSON in the contract's form, or rows with mapped columns.

    Example: attune load catalog products.jsonl

    A table: attune load catalog items.csv.gz --map product_id=sku --map title=name --map price.amount=price --set price.currency=GBP

    Fields may be paths: title.zh, price.amount, attributes.material, relations.goes_with.

    Bad lines are told with file, line, field, value and remedy; the good ones are loaded. Exits with 2 when any was bad.
    """  # noqa: E501 - lines to copy
    message = LOADABLE[kind]
    how = columns.parse(message, maps or [], constants or [], where or [], language)
    report, seconds = asyncio.run(_load(message, files, how, tenant=tenant, unique=unique, wait=wait))
    result = {"loaded": report.good, "skipped": report.skipped, "bad": report.bad, "seconds": round(seconds, 3)}
    conclude(result, report, f"{report.good:,} of {kind} loaded in {seconds:.1f} s" + (", read by all" if wait else ""),
             json=json)  # fmt: skip


def conclude(result: dict[str, Any], report: Report, told: str, *, json: bool) -> None:
    """Say what became of the lines; raises BadInput when any was bad and NothingFound when there was none."""
    if json:
        print_json(result)
    else:
        say(told + (f", {report.skipped:,} skipped by --where" if report.skipped else ""))
    if report.bad:
        raise BadInput(f"{len(report.bad):,} bad lines were left out; the good ones were sent")
    if not report.good:
        raise NothingFound("no line to send: are the files empty, or is --where too narrow?")


async def _load(
    message: type[Message], files: list[str], how: columns.Columns, *, tenant: str, unique: bool, wait: bool
) -> tuple[Report, float]:
    report, began = Report(), time.perf_counter()
    async with AsyncExitStack() as stack:
        sources = [stack.enter_context(Rows(name)) for name in files]
        services = await stack.enter_async_context(connected())
        kafka = services.endpoints.require("kafka")
        if wait:
            await health.readers_ready(services, [topic_of(message)])
        producer = await stack.enter_async_context(writing(kafka))
        flow = Flow(producer, await stack.enter_async_context(reading_log(kafka)), services, keep_pace=wait)
        for rows in sources:
            bar = stack.enter_context(progress(rows.name, rows.size))
            lines: Iterator[Line] = reading.forms(rows, how, report)
            for line in _last_ones(lines, key_field(message)) if unique else lines:
                found = reading.record(message, line, lambda form, _: owned(form, tenant), report)
                if found is not None:
                    await flow.put(found)
                pace(report, bar, rows)
        await flow.settle()
    return report, time.perf_counter() - began


def owned(form: dict[str, Any], tenant: str) -> None:
    """Give a record that names no shop the one of the command."""
    if tenant:
        form.setdefault("tenant", tenant)


def pace(report: Report, bar: Bar, rows: Rows) -> None:
    """Move the bar now and then."""
    if (report.good + len(report.bad)) % (CHUNK_RECORDS // 10) == 0:
        bar.at(rows.position(), f"{report.good:,} good")


def _last_ones(lines: Iterator[Line], key: str) -> list[Line]:
    found: dict[str, Line] = {}
    for line in lines:
        name = str(line.form.get(key))
        found.pop(name, None)
        found[name] = line
    return list(found.values())
