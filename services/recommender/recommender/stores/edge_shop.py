"""One shop's index on disk: which of its generations answers, and how the next one is built beside it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chassis.disk import require_room
from chassis.telemetry import log
from recommender.domain.shop import Entry, Shop
from recommender.stores import edge_frames as frames
from recommender.stores.edge_points import points, tell, tell_all_of
from recommender.stores.edge_process import EdgeProcess, IndexGone

# Seconds between two pieces that are read out of the shop where an index answers meanwhile: a tenth of the event loop.
_PAUSE = 0.01
# Points that may have been written since the last building: that part of all, within these bounds. They are compared
# one by one, .06 ms a thousand, and the holes they leave in the graph cost recall (`benchmarks/index.py`); a building
# takes .4 to .7 ms of CPU a product. With hundreds of searches and five writes a second both come to about a twentieth
# of a core at 100,000 products.
_PART, _FEWEST, _MOST = 0.05, 1_000, 20_000
# A catalogue that is being read in would begin a building as soon as the last one has ended, each of what the next one
# builds again: on the way only a shop that has doubled is built, and whatever came when it has come to rest.
_CALM, _TRICKLE = 5.0, 0.1  # seconds in which no more than that part of what begins a building may come
_COMPLETE = "complete"  # a file in the folder of a generation


class EdgeShop:
    """Nothing here is the truth: every point can be made again from the shop.

    Invariants: the generation that answers has every write of this process; while another one is built, `_missed` are
    the places of what was written meanwhile, which the new one is told before it answers; `_recent` holds what was
    written last and may not stand in the shop yet, where a building would not find it; `_late` are the places whose
    points came after the building of the generation that answers, also those of earlier processes. A generation without
    the file `complete` was never finished and is removed at the next start.
    """

    def __init__(self, folder: Path, dim: int, look: Callable[[], Shop], unsorted: int) -> None:
        """`look` gives the shop as it is now; `unsorted`: products that may be late, 0: as many as usual."""
        self._folder, self._dim, self._look, self._unsorted = folder, dim, look, unsorted
        self._opening: asyncio.Task[None] | None = None
        self._serving: EdgeProcess | None = None
        self._building: asyncio.Task[None] | None = None
        self._missed: set[int] | None = None
        self._recent: dict[int, Entry | None] = {}
        self._indexed, self._late = 0, set[int]()
        self._generation = 0
        self._asked: NDArray[np.float32] = np.zeros(dim, dtype=np.float32)  # the last vector

    @property
    def opened(self) -> bool:
        """Whether it takes writes; before, it is enough to note them."""
        return self._opening is not None and self._opening.done()

    async def open(self) -> None:
        """Take up the last complete generation and bring it up to the shop; once, however many ask for it."""
        self._opening = self._opening or asyncio.create_task(self._open())
        await asyncio.shield(self._opening)

    async def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        complete = sorted((f for f in self._folder.iterdir() if (f / _COMPLETE).exists()), key=lambda f: int(f.name))
        for other in self._folder.iterdir():
            if other not in complete[-1:]:
                shutil.rmtree(other)
        if complete:
            self._generation = int(complete[-1].name)
            try:
                serving = await EdgeProcess.start(complete[-1], self._dim)
                await self._catch_up(serving)
                while unseen := self._unseen():  # noted while this was opened
                    await tell(serving, unseen)
                    if unseen == self._unseen():
                        break
                self._serving = serving
            except IndexGone:
                log.warning("an index cannot be read and is built anew", folder=str(complete[-1]))
                shutil.rmtree(complete[-1])
        self.consider()

    @property
    def ready(self) -> bool:
        """Whether it answers."""
        return self._serving is not None

    def consider(self) -> None:
        """Begin to build where a search would take long otherwise."""
        much = len(self._late) > (self._unsorted or self._many)
        if self._building is None and (self._serving is None or much):
            self._building = asyncio.create_task(self._build())

    @property
    def _many(self) -> float:
        return min(max(_FEWEST, _PART * self._indexed), _MOST)

    async def built(self) -> None:
        """Return when nothing is being built."""
        while self._building is not None:
            await asyncio.wait([self._building])

    async def put(self, entries: Mapping[int, Entry]) -> None:
        """Write products by place."""
        self.note(entries)
        self._late |= entries.keys()
        if self._serving is not None and entries:
            await self._guarded(self._serving.put(list(entries), *points(entries)))
        self.consider()

    async def drop(self, places: Sequence[int]) -> None:
        """Remove products."""
        self.note(dict.fromkeys(places))
        self._late.difference_update(places)
        if self._serving is not None and places:
            await self._guarded(self._serving.drop(places))

    async def near(self, vector: NDArray[np.float32], k: int, narrow: frames.Narrow | None) -> NDArray[np.int64]:
        """Places of about the nearest; raises IndexGone."""
        if self._serving is None:
            raise IndexGone("no index answers yet")
        self._asked = vector
        try:
            return await self._serving.near(vector, k, narrow)
        except (IndexGone, ConnectionError) as gone:
            self._lost()
            raise IndexGone(str(gone)) from None

    async def close(self) -> None:
        for task in (self._opening, self._building):
            if task is not None and not task.done():
                task.cancel()
                await asyncio.wait([task])
        if self._serving is not None:
            await self._serving.close()

    def note(self, changes: Mapping[int, Entry | None]) -> None:
        """Remember what its shop may not show yet."""
        if self._missed is not None:
            self._missed |= changes.keys()
        self._recent = self._unseen() | dict(changes)

    def _unseen(self) -> dict[int, Entry | None]:
        shop = self._look()
        return {place: entry for place, entry in self._recent.items() if not _shows(shop, place, entry)}

    async def _guarded(self, writing: Any) -> None:
        try:
            await writing
        except ConnectionError:
            self._lost()

    def _lost(self) -> None:
        """The process that answered is gone: another one is built from the shop."""
        if self._serving is not None and not self._serving.alive:
            log.error("the process of an index has ended, and it is built anew", folder=str(self._folder))
            self._serving = None
            self.consider()

    async def _calm(self) -> None:
        """Return when a building is worth its time."""
        while self._serving is not None and not self._unsorted and len(self._late) <= self._indexed:
            before = len(self._late)
            await _rest()
            if len(self._late) - before <= _TRICKLE * self._many:
                return

    async def _build(self) -> None:
        """The next generation, beside requests and writes."""
        folder = self._folder / str(self._generation + 1)
        builder: EdgeProcess | None = None
        try:
            await self._calm()
            self._missed = set(self._unseen())
            await _remove(folder)
            require_room(self._folder)
            builder = await EdgeProcess.start(folder, self._dim, build=True)
            places = self._look().all()
            await self._tell(builder, places)
            require_room(self._folder)
            await builder.build()
            await builder.close()
            (folder / _COMPLETE).touch()
            serving = await EdgeProcess.start(folder, self._dim)
            late = set[int]()
            await self._answers(serving)  # it has read its files
            while self._missed:  # from an empty look to the change nothing waits
                missed, self._missed = self._missed, set()
                late |= missed
                unseen = self._unseen()
                await self._tell(serving, np.array(sorted(missed - unseen.keys()), dtype=np.int64))
                await tell(serving, {place: unseen[place] for place in missed & unseen.keys()})
                await self._answers(serving)
            before, self._serving = self._serving, serving
            self._indexed, self._late, self._generation = len(places), late, self._generation + 1
            if before is not None:
                await before.close()
            await _remove(self._folder / str(self._generation - 1))
        except OSError as error:  # also a full disk
            log.error("an index could not be built; it is tried again when more was written", error=str(error))
            self._late.clear()
        except asyncio.CancelledError:
            if builder is not None:
                builder.kill()
            raise
        finally:
            self._missed, self._building = None, None
        if self._late:
            self.consider()  # a shop that is being read in has grown much meanwhile

    async def _answers(self, process: EdgeProcess) -> None:
        """Return when a process has done what it was told, and has answered what was asked last."""
        await process.near(self._asked, 1, None)

    async def _tell(self, process: EdgeProcess, places: NDArray[np.int64]) -> None:
        await tell_all_of(process, self._look, places, _PAUSE if self.ready else 0)

    async def _catch_up(self, process: EdgeProcess) -> None:
        shop = self._look()
        held, stamps, late = await process.held()
        known = held < len(shop.ids)
        there = np.zeros(len(shop.ids), dtype=bool)
        at = held[known]
        there[at] = shop.facts.columns.there[at] & (stamps[known] == shop.facts.stamps(at))
        superfluous = np.concatenate([held[~known], at[~shop.facts.columns.there[at]]])
        if len(superfluous):
            await process.drop(superfluous.tolist())
        missing = shop.all()
        missing = missing[~there[missing]]
        await self._tell(process, missing)
        self._indexed, self._late = len(held), {*held[late].tolist(), *missing.tolist()}


async def _remove(folder: Path) -> None:
    """The files of a large index are gigabytes, and a disk takes its time to let them go."""
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _rest() -> None:
    await asyncio.sleep(_CALM)


def _shows(shop: Shop, place: int, entry: Entry | None) -> bool:
    if entry is None:
        return not shop.has(place)
    position = shop.facts.position(place)
    return position is not None and not entry.position.follows(position)
