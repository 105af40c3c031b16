"""A SQLite file that one process owns, whose log is written back beside the event loop."""

from __future__ import annotations

import asyncio
import fcntl
import sqlite3
import time
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from chassis.telemetry import log

_PATIENCE, _GLANCE = 5.0, 0.05  # seconds that the process before has to close the file; between two looks
_READERS = 0.5  # seconds that the log waits for somebody who reads before it goes on as it is
_ROWS = 1_000  # changes after which the log is written back: some 4 MB
_LOG = 4_096  # pages of the log, 16 MB, from which on it begins anew
_HELD = 0.002  # seconds until a write tries again while the log begins anew
_FIRST = "pragma user_version = 0"  # writes a page, also where it changes nothing


class FileInUse(OSError):
    """Another process has the file open."""


class SqliteFile:
    """In WAL mode: what is committed survives the end of the process, and a power cut but perhaps for the last second.

    SQLite would write its log back into the file within the commit that made it long, and wait for the disk there:
    nobody is answered meanwhile. So that is done in a thread over a second connection. It takes what was
    committed so far and keeps no writer waiting; only when the log has grown long, what was written meanwhile is taken
    with the writers held, so that the log begins anew and does not grow for as long as somebody writes.
    """

    def __init__(self, path: Path) -> None:
        """Raises FileInUse."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _own(path)
        self.db = _connect(path)
        self.db.executescript("pragma journal_mode = wal; pragma wal_autocheckpoint = 0;")
        self._beside = _connect(path, timeout=_READERS)
        self._thread = ThreadPoolExecutor(1, "relations")
        self._writing_back = Future[None]()
        self._writing_back.set_result(None)
        self._held = False  # the thread wants to be the only one who writes
        self._changes = 0  # rows that had been changed when it was last written back

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """All that is executed inside is committed at once, or nothing of it. Nothing may be awaited there."""
        while self._held or not self._begin():  # noqa: ASYNC110 - SQLite tells nobody
            await asyncio.sleep(_HELD)
        try:
            yield
            self.db.execute("commit")
        except BaseException:
            if self.db.in_transaction:  # a commit that finds no room may have ended it
                self.db.execute("rollback")
            raise
        self._consider()

    async def close(self) -> None:
        """The last connection takes the rest of the log into the file."""
        await asyncio.to_thread(self._thread.shutdown)
        self._beside.close()
        self.db.close()
        self._lock.close()

    def _begin(self) -> bool:
        """Whether nobody holds the writers."""
        try:
            self.db.execute("begin immediate")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                return False
            raise
        return True

    def _consider(self) -> None:
        """Begin to write back where much was committed since."""
        if self.db.total_changes - self._changes >= _ROWS and self._writing_back.done():
            self._changes = self.db.total_changes
            self._writing_back = self._thread.submit(self._write_back)

    def _write_back(self) -> None:
        try:
            _, pages, _ = self._beside.execute("pragma wal_checkpoint(passive)").fetchone()
            if pages >= _LOG:
                self._begin_anew()
        except sqlite3.Error as error:  # such as a full disk: the log grows until there is room
            log.warning("the log of the relations could not be written back", error=str(error))

    def _begin_anew(self) -> None:
        self._held = True  # one who writes all the time would never let us in between
        try:
            self._beside.execute("pragma wal_checkpoint(restart)")
            self._beside.execute(_FIRST)  # who writes first into a new log waits for the disk: better here
        finally:
            self._held = False


def _connect(path: Path, timeout: float = 0.0) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
    db.execute("pragma synchronous = normal")
    return db


def _own(path: Path) -> IO[bytes]:
    """A lock that ends with the process, however it ends. SQLite's own would keep out our second connection too."""
    file = path.with_name(path.name + ".lock").open("wb")
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < until:
                time.sleep(_GLANCE)
                continue
            file.close()
            raise FileInUse(f"another process has {path} open: end it, or name another file") from None
        return file
