"""`attune replay`: what happened, again, in the order of time."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
import heapq
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from attune.events.v1.clickstream_pb2 import ClickstreamEvent
from attune_cli import columns, health, reading
from attune_cli.contract import event_message, topic_of
from attune_cli.failures import BadInput
from attune_cli.flow import Flow
from attune_cli.load import Files, Map, Set, Wait, Where, conclude, owned
from attune_cli.log import reading as reading_log
from attune_cli.log import writing
from attune_cli.options import Json, Tenant
from attune_cli.output import progress
from attune_cli.reading import Line, Report
from attune_cli.rows import Rows
from attune_cli.services import connected

_TICK = 0.05  # seconds; events that are due within one are sent together
_BAR_EVERY = 200  # lines
_LONGEST_NAME = 80  # characters of the file's name that go into an event id

Speed = Annotated[str, typer.Option("--speed", metavar="max|N", help="max, or N times real time: 1, 60, …")]
Limit = Annotated[int, typer.Option("--limit", min=0, help="Only the first N in the order of time; 0 is all.")]
AsIfNow = Annotated[
    bool,
    typer.Option("--as-if-now", help="Move all times by the same amount, so that the last event happens now: a need "
                 "fades with time, and beside a click of today old events count for nothing."),
]  # fmt: skip


def replay(
    files: Files,
    maps: Map = None,
    constants: Set = None,
    where: Where = None,
    speed: Speed = "max",
    limit: Limit = 0,
    tenant: Tenant = "",
    as_if_now: AsIfNow = False,
    wait: Wait = True,
    json: Json = False,
) -> None:
    """Send clickstream events and queries of files in the order of time, never faster than they are consumed.

    Example: attune replay events.jsonl --speed 60

    A table: attune replay sales.csv.gz --map user_id=CustomerID:int --map product_id=StockCode --map occurred_at=InvoiceDate --set kind=purchase --limit 20000

    Lines without an event_id get one of file name and line number: replaying again counts nothing twice.
    Bad lines are told with file, line, field, value and remedy; the good ones are sent. Exits with 2 when any was bad.
    """  # noqa: E501 - lines to copy
    factor = _factor(speed)
    how = columns.parse(ClickstreamEvent, maps or [], constants or [], where or [], "und")
    report, seconds = asyncio.run(
        _replay(files, how, factor=factor, limit=limit, tenant=tenant, as_if_now=as_if_now, wait=wait)
    )
    rate = report.good / seconds if seconds else 0.0
    result = {"sent": report.good, "skipped": report.skipped, "bad": report.bad, "seconds": round(seconds, 3),
              "events_per_second": round(rate, 1)}  # fmt: skip
    told = f"{report.good:,} events in {seconds:.1f} s, {rate:,.0f} events/s" + (", read by all" if wait else "")
    conclude(result, report, told, json=json)


async def _replay(
    files: list[str], how: columns.Columns, *, factor: float, limit: int, tenant: str, as_if_now: bool, wait: bool
) -> tuple[Report, float]:
    report = Report()
    lines = _in_order(files, how, report, limit)
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(connected())
        kafka = services.endpoints.require("kafka")
        if wait:
            topics = {topic_of(event_message(line.form.get("kind"))) for line in lines}
            await health.readers_ready(services, topics)
        producer = await stack.enter_async_context(writing(kafka))
        flow = Flow(producer, await stack.enter_async_context(reading_log(kafka)), services, keep_pace=wait)
        bar = stack.enter_context(progress("events", len(lines)))
        clock = _Clock(lines, factor)
        shift = clock.until_now(datetime.now(UTC)) if as_if_now else timedelta()
        for number, line in enumerate(lines, 1):
            await clock.wait_for(line, flow)
            found = reading.record(
                event_message(line.form.get("kind")), line, partial(_complete, tenant=tenant, shift=shift), report
            )
            if found is not None:
                await flow.put(found)
            if number % _BAR_EVERY == 0:
                bar.at(number, f"{number / clock.elapsed():,.0f} events/s")
        await flow.settle()
        return report, clock.elapsed()


class _Clock:
    """When each line is due: `factor` times real time after the first one; infinity is at once."""

    def __init__(self, lines: Sequence[Line], factor: float) -> None:
        moments = [at for at in map(moment, lines) if at is not None]
        self._first: datetime | None = moments[0] if moments else None
        self._last: datetime | None = moments[-1] if moments else None
        self._factor, self._began = factor, time.perf_counter()

    def elapsed(self) -> float:
        """Seconds since the first line."""
        return time.perf_counter() - self._began

    def until_now(self, now: datetime) -> timedelta:
        """What has to be added to all times for the last event to happen now."""
        return timedelta() if self._last is None else now - self._last

    async def wait_for(self, line: Line, flow: Flow) -> None:
        """Send what was put and sleep until the line is due."""
        at = moment(line)
        if math.isinf(self._factor) or at is None or self._first is None:
            return
        early = (at - self._first).total_seconds() / self._factor - self.elapsed()
        if early > _TICK:
            await flow.flush()
            await asyncio.sleep(early)


def _in_order(files: Sequence[str], how: columns.Columns, report: Report, limit: int) -> list[Line]:
    """The lines of all files by time, the first `limit` only; lines without a time come first, to be refused."""
    with ExitStack() as stack:
        sources = [stack.enter_context(Rows(name)) for name in files]
        lines = chain.from_iterable(_read(rows, how, report) for rows in sources)
        return heapq.nsmallest(limit, lines, key=_when) if limit else sorted(lines, key=_when)


def _read(rows: Rows, how: columns.Columns, report: Report) -> Iterator[Line]:
    with progress(f"reading {rows.name}", rows.size) as bar:
        for number, line in enumerate(reading.forms(rows, how, report)):
            if number % _BAR_EVERY == 0:
                bar.at(rows.position())
            yield line


def moment(line: Line) -> datetime | None:
    """When it happened; None when the line does not say it in a way that can be read."""
    try:
        at = datetime.fromisoformat(str(line.form.get("occurred_at")))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _when(line: Line) -> float:
    at = moment(line)
    return -math.inf if at is None else at.timestamp()


def _complete(form: dict[str, Any], line: Line, *, tenant: str, shift: timedelta) -> None:
    owned(form, tenant)
    form.setdefault("event_id", f"{Path(line.name).name[-_LONGEST_NAME:]}:{line.number}")
    at = moment(line)
    if shift and at is not None:
        form["occurred_at"] = (at + shift).isoformat()


def _factor(speed: str) -> float:
    if speed == "max":
        return math.inf
    try:
        factor = float(speed)
    except ValueError:
        factor = 0.0
    if not 0 < factor < math.inf:
        raise BadInput(f"--speed {speed}: write max, or how many times faster than real time: 1, 60")
    return factor
