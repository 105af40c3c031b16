"""Relations in Neo4j, shared by all replicas."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from hashlib import blake2b
from itertools import groupby
from typing import Any

from neo4j import AsyncManagedTransaction

from chassis.kafka import Rewound
from recommender.breaker import Breaker
from recommender.domain.history import History
from recommender.domain.product import Key, Position
from recommender.stores import change_blob, history_blob
from recommender.stores import neo4j_queries as queries
from recommender.stores.neo4j_connection import Neo4j, Row, run
from recommender.usecases.relations import (
    Behind,
    Change,
    Everything,
    Fenced,
    Learnt,
    Page,
    Person,
    RelationsAway,
    Span,
    StoredProduct,
    Written,
)

_LOAD = 600.0  # seconds for reading everything
_CHANGES = 100  # per look into the journal: about 2 MB at most
_NOWHERE = Span("", "", -1, 0)


class Neo4jRelations:
    """Products, people and the journal in one graph database.

    Writers hold the lock of one node, `Head`, from the first statement of their transaction to its end. So writes have
    an order, the order has numbers, and what a transaction compares (offset, wishes to be forgotten) is still true when
    it ends. The driver may run a transaction twice: it compares again.
    """

    shared = True

    def __init__(self, neo4j: Neo4j, patience: timedelta) -> None:
        """`patience`: of someone who waits for a recommendation, which can be made without."""
        self._neo4j, self._patience = neo4j, patience.total_seconds()
        self._breaker = Breaker(3, timedelta(seconds=1))

    async def life(self) -> str:
        return str((await self._head(_NOWHERE))["life"])

    async def begin_life(self, log: str) -> None:
        async def work(tx: AsyncManagedTransaction) -> None:
            await run(tx, queries.LIFE, life=log)

        await self._neo4j.transaction(work)

    async def next_offset(self, log: str, topic: str, partition: int) -> int:
        return int((await self._head(Span(log, topic, partition, 0)))["next"])

    async def everything(self) -> Everything:
        """Writers wait meanwhile: without that, what is read would be of several moments."""

        async def work(tx: AsyncManagedTransaction) -> tuple[Row, list[Row], list[Row]]:
            head = await _lock(tx, _NOWHERE)
            return head, await run(tx, queries.PRODUCTS), await run(tx, queries.PEOPLE)

        head, products, people = await self._neo4j.transaction(work, _LOAD)
        return Everything(
            head["number"],
            [(Key(row["tenant"], row["id"]), row["place"]) for row in products],
            [_product(row) for row in products],
            [(row["tenant"], row["place"], row["trend"]) for row in products if row["trend"]],
            [(Person(row["tenant"], row["user"]), history_blob.load(row["history"])) for row in people],
        )

    async def places(self, keys: Sequence[Key]) -> Mapping[Key, int]:
        async def work(tx: AsyncManagedTransaction) -> dict[Key, int]:
            head = await _lock(tx, _NOWHERE)
            rows = await run(tx, queries.PLACES, rows=[list(key) for key in keys])
            found = {Key(row["tenant"], row["id"]): int(row["place"]) for row in rows}
            new = [key for key in keys if key not in found]
            made: dict[Key, int] = {}
            for tenant, group in groupby(sorted(new, key=lambda key: key.tenant), key=lambda key: key.tenant):
                (room,) = await run(tx, queries.ROOM, tenant=tenant)
                made |= {key: room["places"] + index for index, key in enumerate(group)}
                rows_made = [[key.product_id, place] for key, place in made.items() if key.tenant == tenant]
                await run(tx, queries.SAVE_PLACES, tenant=tenant, rows=rows_made)
            if made:
                await run(tx, queries.TELL, number=head["number"] + 1, body=change_blob.dump_places(made))
            return found | made

        return await self._neo4j.transaction(work)

    async def history(self, person: Person) -> History:
        if self._breaker.open():
            raise RelationsAway("Neo4j failed a moment ago and is left alone for now")
        try:
            rows = await self._neo4j.look(queries.PERSON, self._patience, **person._asdict())
        except RelationsAway:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return history_blob.load(rows[0]["history"]) if rows else History()

    async def read(self, span: Span, people: Sequence[Person]) -> Page:
        async def work(tx: AsyncManagedTransaction) -> Page:
            # The head first: what is written between the two is seen in the people, and fences the write.
            (head,) = await run(tx, queries.HEAD, **_source(span))
            rows = await run(tx, queries.PAGE, rows=[[*p, _nameless(p)] for p in people]) if people else []
            histories, forgotten = {}, {}
            for row in rows:
                person = Person(row["tenant"], row["user"])
                histories[person] = History() if row["history"] is None else history_blob.load(row["history"])
                if row["forgotten"] is not None:
                    forgotten[person] = row["forgotten"]
            return Page(head["next"], histories, forgotten, head["wishes"])

        return await self._neo4j.transaction(work)

    async def write(self, span: Span | None, learnt: Learnt, base: Page | None = None) -> Written:
        async def work(tx: AsyncManagedTransaction) -> Written:
            head = await _lock(tx, span or _NOWHERE)
            if span is not None and head["next"] < span.begins:
                raise Rewound(head["next"])
            if base is not None and head["wishes"] != base.wishes:
                raise Fenced
            if base is not None and span is not None and head["next"] != base.applied:
                raise Fenced
            written = await _write(tx, head["number"] + 1, learnt)
            if span is not None and span.next_offset > head["next"]:
                await run(tx, queries.SAVE_OFFSET, next=span.next_offset, **_source(span))
            return written

        return await self._neo4j.transaction(work)

    async def since(self, number: int, known: Collection[int]) -> list[Change]:
        rows = await self._neo4j.look(queries.SINCE, after=number, known=list(known), most=_CHANGES + 1)
        if number and (not rows or rows[0]["number"] != number):
            raise Behind
        new = [row for row in rows if row["number"] > number]
        if new and new[0]["number"] != number + 1:
            raise Behind
        return [
            Change(row["number"]) if row["body"] is None else change_blob.load(row["number"], row["body"])
            for row in new
        ]

    async def close(self) -> None:
        await self._neo4j.close()

    async def _head(self, span: Span) -> Row:
        (head,) = await self._neo4j.look(queries.HEAD, **_source(span))
        return head


async def _lock(tx: AsyncManagedTransaction, span: Span) -> Row:
    await run(tx, queries.LOCK)
    (head,) = await run(tx, queries.HEAD, **_source(span))  # read after the lock is held, hence on its own
    return head


async def _write(tx: AsyncManagedTransaction, number: int, learnt: Learnt) -> Written:
    if learnt.products:
        rows = [_row(product) for product in sorted(learnt.products, key=lambda p: p.key) if product.position]
        await run(tx, queries.SAVE_PRODUCTS, rows=rows)
    if learnt.histories:
        people = [[*person, history_blob.dump(h)] for person, h in sorted(learnt.histories.items())]
        await run(tx, queries.SAVE_PEOPLE, rows=people)
    removed: dict[Person, History] = {}
    if learnt.forget:
        wanted = [[*person, _nameless(person), at] for person, at in sorted(learnt.forget.items())]
        for row in await run(tx, queries.FORGET, rows=wanted):
            removed[Person(row["tenant"], row["user"])] = history_blob.load(row["history"])
        await run(tx, queries.WISHED, wishes=len(wanted))
    met = {tenant: list(meetings) for tenant, meetings in learnt.met.items()}
    for person, history in removed.items():
        met.setdefault(person.tenant, []).extend(history.undone())
    counts = dict.fromkeys(_touched(learnt, met), 0.0) | dict(learnt.trend)
    if not counts:
        return Written(0, removed)
    trends = [[*place, count] for place, count in sorted(counts.items())]
    await run(tx, queries.SAVE_TRENDS, rows=trends, number=number)
    body = change_blob.dump(learnt.products, met, learnt.trend)
    await run(tx, queries.TELL, number=number, body=body)
    return Written(number, removed)


def _touched(learnt: Learnt, met: Mapping[str, Sequence[Any]]) -> set[tuple[str, int]]:
    """Places whose relations change."""
    found = {(row.key.tenant, row.place) for row in learnt.products}
    found |= {(tenant, place) for tenant, places in learnt.linked.items() for place in places}
    for tenant, meetings in met.items():
        for meeting in meetings:
            found.update((tenant, place) for place in (meeting.place, *meeting.before, *meeting.wished))
    return found


def _row(product: StoredProduct) -> dict[str, Any]:
    log, partition, offset = product.position or (None, None, None)
    at = {"log": log, "partition": partition, "offset": offset}
    return {"tenant": product.key.tenant, "id": product.key.product_id, "record": product.record, **at}


def _product(row: Row) -> StoredProduct:
    position = None if row["log"] is None else Position(row["log"], row["partition"], row["offset"])
    return StoredProduct(Key(row["tenant"], row["id"]), row["place"], position, row["record"])


def _source(span: Span) -> dict[str, Any]:
    return {"log": span.log, "topic": span.topic, "partition": span.partition}


def _nameless(person: Person) -> bytes:
    """What is kept of someone who wants to be forgotten: enough to know them again, not their name."""
    return blake2b("/".join(person).encode(), digest_size=16).digest()
