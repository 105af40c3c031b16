from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from attune.events.v1.clickstream_pb2 import ClickstreamEvent
from attune.events.v1.query_pb2 import QueryEvent
from attune_cli.log import reading


def _events(kafka: str, topic: str, tenant: str) -> list[Any]:
    message = {"attune.clickstream.v1": ClickstreamEvent, "attune.queries.v1": QueryEvent}[topic]

    async def read() -> Sequence[bytes]:
        async with reading(kafka) as log:
            found = [record async for record in log.records(await log.partitions([topic]))]
        ours = ("content-type", b"application/x-protobuf")  # other tests write JSON to the same topic
        return [record.value for record in found if ours in record.headers]

    found = [message.FromString(value) for value in asyncio.run(read())]
    return [event for event in found if event.tenant == tenant]


def _file(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _row(user: str, second: int, **more: object) -> dict[str, object]:
    at = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)).isoformat()
    return {"user_id": user, "occurred_at": at, "kind": "view", "product_id": f"p{second}", **more}


def test_events_of_all_files_go_out_in_the_order_of_time(on_kafka: Any, alone: Path, kafka: str, tenant: str) -> None:
    one = _file(alone / "one.jsonl", _row("u", 3), _row("u", 1), _row("u", 5))
    two = _file(alone / "two.jsonl", _row("u", 4), _row("u", 2, kind="search", text="kettle"))
    replayed = on_kafka("replay", one, two, "--tenant", tenant, "--limit", "4", "--no-wait", "--json")
    assert replayed.exit_code == 0
    assert json.loads(replayed.stdout)["sent"] == 4
    clicks = _events(kafka, "attune.clickstream.v1", tenant)
    assert [event.product_id for event in clicks] == ["p1", "p3", "p4"]
    assert [event.event_id for event in clicks] == ["one.jsonl:2", "one.jsonl:1", "two.jsonl:1"]
    assert [event.text for event in _events(kafka, "attune.queries.v1", tenant)] == ["kettle"]


def test_sales_in_a_table_are_replayed_with_a_map(on_kafka: Any, alone: Path, kafka: str, tenant: str) -> None:
    sales = alone / "sales.csv"
    sales.write_text(
        "InvoiceNo,StockCode,Quantity,InvoiceDate,CustomerID\n"
        "536365,85123A,6.0,2010-12-01 08:26:00,17850.0\n"
        "C536379,85123A,-1.0,2010-12-01 09:41:00,14527.0\n"
        "536414,22139,56.0,2010-12-01 11:52:00,\n"
        "536415,22139,1e9,2010-12-01 11:53:00,17850.0\n",
        encoding="utf-8",
    )
    maps = ["user_id=CustomerID:int", "product_id=StockCode", "quantity=Quantity", "occurred_at=InvoiceDate"]
    options = [word for each in maps for word in ("--map", each)]
    where = ["--where", r"InvoiceNo=\d+", "--where", "CustomerID=.+"]
    replayed = on_kafka(
        "replay", sales, *options, "--set", "kind=purchase", *where, "--tenant", tenant, "--no-wait", "--json"
    )
    assert replayed.exit_code == 2
    report = json.loads(replayed.stdout)
    assert (report["sent"], report["skipped"]) == (1, 2)
    assert [(bad["line"], bad["field"]) for bad in report["bad"]] == [(5, "quantity")]
    (event,) = _events(kafka, "attune.clickstream.v1", tenant)
    assert (event.user_id, event.product_id, event.quantity) == ("17850", "85123A", 6)
    assert event.occurred_at.ToJsonString() == "2010-12-01T08:26:00Z"


def test_old_events_can_be_moved_to_now_with_their_distances(
    on_kafka: Any, alone: Path, kafka: str, tenant: str
) -> None:
    file = _file(alone / "old.jsonl", _row("u", 0), _row("u", 60))
    before = datetime.now(UTC)
    assert on_kafka("replay", file, "--tenant", tenant, "--as-if-now", "--no-wait").exit_code == 0
    first, last = (event.occurred_at.ToDatetime(UTC) for event in _events(kafka, "attune.clickstream.v1", tenant))
    assert last - first == timedelta(seconds=60)
    assert before <= last <= datetime.now(UTC)


def test_a_speed_keeps_the_distances_of_time(on_kafka: Any, alone: Path, tenant: str) -> None:
    file = _file(alone / "a.jsonl", _row("u", 0), _row("u", 20))
    began = time.monotonic()
    assert on_kafka("replay", file, "--tenant", tenant, "--speed", "60", "--no-wait").exit_code == 0
    assert time.monotonic() - began >= 20 / 60


@pytest.mark.parametrize("speed", ["fast", "0", "-1", "nan"])
def test_a_speed_that_means_nothing_is_refused(on_kafka: Any, alone: Path, speed: str) -> None:
    refused = on_kafka("replay", _file(alone / "a.jsonl", _row("u", 0)), "--speed", speed)
    assert refused.exit_code == 2
    assert f"--speed {speed}: write max" in refused.stderr


def test_an_event_without_a_time_is_a_bad_line(on_kafka: Any, alone: Path, tenant: str) -> None:
    file = _file(alone / "a.jsonl", {"user_id": "u", "kind": "view", "product_id": "p"}, _row("u", 0, kind="stares"))
    replayed = on_kafka("replay", file, "--tenant", tenant, "--no-wait")
    assert replayed.exit_code == 2
    assert f"{file}:1: occurred_at" in replayed.stderr
    assert f"{file}:2: kind = 'stares': send one of view, click" in replayed.stderr
