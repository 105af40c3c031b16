"""Relations in one SQLite file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from chassis.kafka import Rewound
from recommender.domain.history import History
from recommender.domain.product import Key, Position
from recommender.stores import history_blob
from recommender.stores.sqlite_file import SqliteFile
from recommender.stores.sqlite_policies import SqlitePolicies
from recommender.usecases.relations import (
    Change,
    Everything,
    Fenced,
    Learnt,
    Made,
    Page,
    Person,
    Span,
    StoredProduct,
    Written,
)

_SCHEMA = """
create table if not exists about (name text primary key, value text not null) without rowid;
create table if not exists offsets (
  log text not null, topic text not null, partition integer not null, next integer not null,
  primary key (log, topic, partition)
) without rowid;
create table if not exists products (
  tenant text not null, place integer not null, id text not null,
  log text, partition integer, offset integer, record blob,
  space text, vector blob, words blob,
  primary key (tenant, place)
);
create index if not exists product_ids on products (tenant, id);
create table if not exists trends (
  tenant text not null, place integer not null, count real not null, primary key (tenant, place)
) without rowid;
create table if not exists people (
  tenant text not null, user text not null, history blob not null, primary key (tenant, user)
);
create table if not exists forgotten (person blob primary key, at integer not null) without rowid;
"""
_SAVE_PRODUCT = """
insert into products values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (tenant, place) do update
set log = excluded.log, partition = excluded.partition, offset = excluded.offset, record = excluded.record,
  space = excluded.space, vector = excluded.vector, words = excluded.words
where excluded.log is not null
and not (log is excluded.log and partition is excluded.partition and offset >= excluded.offset)
"""
_SAVE_TREND = """
insert into trends values (?, ?, ?) on conflict (tenant, place) do update set count = count + excluded.count
"""
_SAVE_OFFSET = """
insert into offsets values (?, ?, ?, ?)
on conflict (log, topic, partition) do update set next = max(next, excluded.next)
"""
_SAVE_FORGOTTEN = """
insert into forgotten values (?, ?) on conflict (person) do update set at = max(at, excluded.at)
"""


class SqliteRelations:
    """One process owns the file, so there is no journal.

    What is read is read at once; a write may wait while the file's own log begins anew, and gives up the event loop
    before it looks at anything.
    """

    shared = False

    def __init__(self, path: Path) -> None:
        """Raises FileInUse."""
        self._file = SqliteFile(path)
        self._db = self._file.db
        self._db.executescript(_SCHEMA)
        columns = [name for _, name, *_ in self._db.execute("pragma table_info(products)")]
        for name, kind in (("space", "text"), ("vector", "blob"), ("words", "blob")):
            if name not in columns:  # of a release before 0.3
                self._db.execute(f"alter table products add column {name} {kind}")
        self.policies = SqlitePolicies(self._file)
        self._wishes = 0  # to be forgotten, since the start: whoever reads and writes is this process

    async def life(self) -> str:
        row = self._db.execute("select value from about where name = 'life'").fetchone()
        return "" if row is None else str(row[0])

    async def begin_life(self, log: str) -> None:
        async with self._file.writing():
            self._db.execute("insert or replace into about values ('life', ?)", (log,))

    async def next_offset(self, log: str, topic: str, partition: int) -> int:
        return self._next(log, topic, partition)

    async def everything(self) -> Everything:
        people = self._db.execute("select tenant, user, history from people")
        return Everything(
            0,
            ((Key(t, name), place) for t, name, place in self._db.execute("select tenant, id, place from products")),
            map(_product, self._db.execute("select * from products order by tenant, place")),
            self._db.execute("select tenant, place, count from trends"),
            ((Person(tenant, user), history_blob.load(blob)) for tenant, user, blob in people),
        )

    async def places(self, keys: Sequence[Key]) -> Mapping[Key, int]:
        async with self._file.writing():
            return {key: self._place(key) for key in keys}

    async def read(self, span: Span, people: Sequence[Person]) -> Page:
        forgotten: dict[Person, int] = {}
        if self._db.execute("select 1 from forgotten limit 1").fetchone():
            for person in people:
                row = self._db.execute("select at from forgotten where person = ?", (_nameless(person),)).fetchone()
                if row is not None:
                    forgotten[person] = row[0]
        return Page(
            self._next(span.log, span.topic, span.partition),
            {person: self._history(person) for person in people},
            forgotten,
            self._wishes,
        )

    async def history(self, person: Person) -> History:
        return self._history(person)

    async def write(self, span: Span | None, learnt: Learnt, base: Page | None = None) -> Written:
        async with self._file.writing():
            self._guard(span, base)
            return Written(0, self._write(span, learnt))

    async def since(self, number: int, known: Collection[int]) -> list[Change]:
        del number, known
        return []

    async def close(self) -> None:
        await self._file.close()

    def _guard(self, span: Span | None, base: Page | None) -> None:
        held = None if span is None else self._next(span.log, span.topic, span.partition)
        if span is not None and held is not None and held < span.begins:
            raise Rewound(held)
        if base is not None and (held not in {None, base.applied} or self._wishes != base.wishes):
            raise Fenced

    def _write(self, span: Span | None, learnt: Learnt) -> dict[Person, History]:
        self._db.executemany(
            _SAVE_PRODUCT,
            [(*(p.key.tenant, p.place, p.key.product_id), *(p.position or (None, None, None)), p.record,
              *(p.made or (None, None, None))) for p in learnt.products],
        )  # fmt: skip
        self._db.executemany(
            "insert or replace into people values (?, ?, ?)",
            [(*person, history_blob.dump(history)) for person, history in learnt.histories.items()],
        )
        self._db.executemany(_SAVE_TREND, [(*place, count) for place, count in learnt.trend.items()])
        removed: dict[Person, History] = {}
        self._wishes += len(learnt.forget)
        for person, at in learnt.forget.items():
            for (blob,) in self._db.execute(
                "delete from people where tenant = ? and user = ? returning history", person
            ).fetchall():
                removed[person] = history_blob.load(blob)
            self._db.execute(_SAVE_FORGOTTEN, (_nameless(person), at))
        if span is not None:
            self._db.execute(_SAVE_OFFSET, (span.log, span.topic, span.partition, span.next_offset))
        return removed

    def _place(self, key: Key) -> int:
        found = self._db.execute("select place from products where tenant = ? and id = ?", key).fetchone()
        if found is None:
            insert = """
                insert into products (tenant, place, id)
                select ?1, coalesce(max(place) + 1, 0), ?2 from products where tenant = ?1 returning place
                """
            found = self._db.execute(insert, key).fetchone()
        return int(found[0])

    def _history(self, person: Person) -> History:
        row = self._db.execute("select history from people where tenant = ? and user = ?", person).fetchone()
        return History() if row is None else history_blob.load(row[0])

    def _next(self, log: str, topic: str, partition: int) -> int:
        row = self._db.execute(
            "select next from offsets where log = ? and topic = ? and partition = ?", (log, topic, partition)
        ).fetchone()
        return 0 if row is None else int(row[0])


def _product(row: tuple[Any, ...]) -> StoredProduct:
    tenant, place, name, log, partition, offset, record, *made = row
    position = None if log is None else Position(log, partition, offset)
    return StoredProduct(Key(tenant, name), place, position, record, made=Made(*made) if made[0] is not None else None)


def _nameless(person: Person) -> bytes:
    """What is kept of someone who wants to be forgotten: enough to know them again, not their name."""
    return blake2b("/".join(person).encode(), digest_size=16).digest()
