"""The file of the relations: whose it is, and how its log is written back."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from recommender.stores import sqlite_file
from recommender.stores.sqlite_file import FileInUse, SqliteFile

TABLE = "create table if not exists rows (number integer primary key, text blob)"
ROW = b"x" * 3_000
# Commits ten rows at a time and says how many there are afterwards.
WRITER = """
import asyncio, sys
from pathlib import Path
from recommender.stores.sqlite_file import SqliteFile
async def main():
    file = SqliteFile(Path(sys.argv[1]))
    file.db.execute("create table if not exists rows (number integer primary key, text blob)")
    (count,) = file.db.execute("select count(*) from rows").fetchone()
    while True:
        async with file.writing():
            for number in range(count, count + 10):
                file.db.execute("insert into rows values (?, ?)", (number, b"x" * 3_000))
        count += 10
        print(count, flush=True)
asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "graph.db"


@pytest.fixture
async def file(path: Path) -> AsyncIterator[SqliteFile]:
    made = SqliteFile(path)
    made.db.execute(TABLE)
    yield made
    await made.close()


class Writer:
    """Another process that owns the file."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)

    def rows(self) -> Iterator[int]:
        """How many it has committed, again and again."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith("\n"):  # a killed process may have been about to say more
                yield int(line)

    def kill(self) -> int:
        """By SIGKILL; how many rows it had said last to be there."""
        self._process.send_signal(signal.SIGKILL)
        if self._process.stdout is None or self._process.stdout.closed:
            return 0
        last = max(self.rows(), default=0)
        self._process.stdout.close()
        self._process.wait(10)
        return last


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    made = Writer(path)
    yield made
    made.kill()


def size(path: Path) -> int:
    return path.stat().st_size


async def write(file: SqliteFile, numbers: range) -> None:
    async with file.writing():
        file.db.executemany("insert or replace into rows values (?, ?)", [(number, ROW) for number in numbers])


async def test_the_log_is_written_back_and_begins_anew_while_somebody_writes(path: Path, file: SqliteFile) -> None:
    longest = 0
    for _ in range(200):  # 120 MB
        await write(file, range(200))
        await asyncio.sleep(0)
        longest = max(longest, size(path.with_name("graph.db-wal")))
    assert longest < 60_000_000


async def test_what_was_written_back_lies_in_the_file_itself(path: Path, file: SqliteFile) -> None:
    await write(file, range(2_000))
    until = time.monotonic() + 30
    while size(path) < 6_000_000:
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


async def test_a_write_waits_while_the_writers_are_held_and_requests_go_on(path: Path, file: SqliteFile) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    writing = asyncio.create_task(write(file, range(1)))
    for _ in range(10):
        await asyncio.sleep(0.005)
        assert file.db.execute("select count(*) from rows").fetchone() == (0,)
        assert not writing.done()
    other.execute("commit")
    await writing
    assert file.db.execute("select count(*) from rows").fetchone() == (1,)
    other.close()


async def insert(file: SqliteFile, *numbers: int) -> None:
    async with file.writing():
        for number in numbers:
            file.db.execute("insert into rows values (?, '')", (number,))


async def test_of_a_write_that_fails_nothing_stays(file: SqliteFile) -> None:
    await write(file, range(1))
    with pytest.raises(sqlite3.IntegrityError):
        await insert(file, 1, 0)
    await write(file, range(2, 3))
    assert file.db.execute("select number from rows").fetchall() == [(0,), (2,)]


async def test_a_file_that_another_process_has_open_is_refused(
    path: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    next(writer.rows())
    monkeypatch.setattr(sqlite_file, "_PATIENCE", 0.0)
    with pytest.raises(FileInUse, match=r"another process has .*graph\.db open: end it, or name another file"):
        SqliteFile(path)


async def test_a_file_is_waited_for_while_the_process_before_ends(path: Path, writer: Writer) -> None:
    next(writer.rows())
    opening = asyncio.create_task(asyncio.to_thread(SqliteFile, path))
    await asyncio.sleep(0.2)
    assert not opening.done()
    writer.kill()
    file = await opening
    await file.close()


async def test_a_killed_process_loses_nothing_that_it_committed(path: Path) -> None:
    for kill in range(3):
        writer = Writer(path)
        for rows in writer.rows():
            if rows >= (kill + 1) * 8_000:  # it has written back meanwhile, and may be about to
                break
        said = writer.kill()
        file = SqliteFile(path)
        (count,) = file.db.execute("select count(*) from rows where length(text) = 3000").fetchone()
        assert count >= said
        assert file.db.execute("pragma integrity_check").fetchone() == ("ok",)
        await file.close()


async def test_nothing_is_left_beside_a_file_that_was_closed_but_its_lock(path: Path) -> None:
    file = SqliteFile(path)
    file.db.execute(TABLE)
    await write(file, range(1_500))
    await file.close()
    assert sorted(each.name for each in path.parent.iterdir()) == ["graph.db", "graph.db.lock"]
