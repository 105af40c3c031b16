"""Tells those who watch a need when it has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta

from needs.domain.identity import Person
from needs.domain.need import Mode, Need
from needs.usecases import Answer


class TooManyWatchers(Exception):
    """This replica already serves as many watchers as it may."""

    field = "user"
    remedy = "end another WatchNeed, ask another replica, or raise ATTUNE_NEEDS_WATCHERS"

    def __init__(self, limit: int) -> None:
        self.value = f"{limit} watchers"
        super().__init__(f"this replica already serves {limit} watchers")


class Bell:
    """Rung for people whose need was written by this process. Holds one event per watcher."""

    def __init__(self, limit: int) -> None:
        self._limit, self._ears = limit, 0
        self._waiting: dict[Person, set[asyncio.Event]] = {}

    def ring(self, people: Collection[Person]) -> None:
        """Wake the watchers of these people."""
        if self._waiting:
            for person in people:
                for event in self._waiting.get(person, ()):
                    event.set()

    @contextmanager
    def hearing(self) -> Iterator[Ear]:
        """Something that is woken whenever the need of somebody it listens to was written; raises TooManyWatchers."""
        if self._ears >= self._limit:
            raise TooManyWatchers(self._limit)
        self._ears += 1
        ear = Ear(self._waiting)
        try:
            yield ear
        finally:
            ear.listen(())
            self._ears -= 1


class Ear:
    """Listens to the people of one watcher."""

    def __init__(self, waiting: dict[Person, set[asyncio.Event]]) -> None:
        self._waiting, self._people = waiting, set[Person]()
        self.rung = asyncio.Event()

    def listen(self, people: Collection[Person]) -> None:
        """To these, and to nobody else any more."""
        for person in self._people.difference(people):
            self._waiting[person].discard(self.rung)
            if not self._waiting[person]:
                del self._waiting[person]
        self._people = set(people)
        for person in self._people:
            self._waiting.setdefault(person, set()).add(self.rung)


class Watch:
    """The need now, and after each change, whichever replica made it."""

    def __init__(self, answer: Answer, bell: Bell, look: timedelta) -> None:
        """`look`: how often a change that another replica wrote is looked for."""
        self._answer, self._bell, self._look = answer, bell, look

    async def __call__(self, person: Person, mode: Mode) -> AsyncIterator[Need]:
        """Until the caller leaves."""
        with self._bell.hearing() as ear:
            ear.listen([person])
            before: bytes | None = None
            while True:
                ear.rung.clear()  # before reading: a write that comes now rings again
                stamp, others = await self._answer.stamp(person)
                if stamp != before:
                    before = stamp
                    ear.listen([person, *others])  # what they do from now on; what they did is read now
                    yield await self._answer.need(person, mode)
                await self._rest(ear.rung)

    async def _rest(self, rung: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self._look.total_seconds()):
                await rung.wait()
        except TimeoutError:
            return
