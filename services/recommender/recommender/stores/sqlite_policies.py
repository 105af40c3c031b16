"""Decisions of shops in the SQLite file of the relations."""

from __future__ import annotations

from collections.abc import Sequence

from recommender.domain.product import Position
from recommender.stores.sqlite_file import SqliteFile
from recommender.usecases.policy import Named, StoredPolicy

_SCHEMA = """
create table if not exists policies (
  kind text not null, tenant text not null, name text not null,
  log text not null, partition integer not null, offset integer not null, record blob,
  primary key (kind, tenant, name)
) without rowid
"""
_SAVE = """
insert into policies values (?, ?, ?, ?, ?, ?, ?)
on conflict (kind, tenant, name) do update
set log = excluded.log, partition = excluded.partition, offset = excluded.offset, record = excluded.record
where not (log = excluded.log and partition = excluded.partition and offset >= excluded.offset)
"""


class SqlitePolicies:
    """One row per decision."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        file.db.execute(_SCHEMA)

    async def load(self) -> list[StoredPolicy]:
        rows = self._file.db.execute("select * from policies order by kind, tenant, name")
        return [StoredPolicy(Named(*row[:3]), Position(*row[3:6]), row[6]) for row in rows]

    async def save(self, rows: Sequence[StoredPolicy]) -> None:
        if not rows:
            return
        async with self._file.writing():
            self._file.db.executemany(_SAVE, [(*row.named, *row.position, row.record) for row in rows])
