"""One batch subscriber over several topics: at least once, in order per partition, partitions side by side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, KafkaError
from faststream.kafka import KafkaBroker, KafkaMessage

from chassis.kafka.dead_letters import DeadLetters
from chassis.kafka.front import Front
from chassis.kafka.identity import Lives
from chassis.kafka.lane import Lane
from chassis.kafka.patience import patiently, regularly
from chassis.kafka.progress import Progress
from chassis.kafka.records import Route, Source
from chassis.kafka.worker import Worker
from chassis.settings import ProcessSettings
from chassis.telemetry import LAG, log

Resume = Callable[[Collection[Source]], Awaitable[Mapping[Source, int]]]
_PATIENCE = 0.25  # seconds a batch waits for a slow partition before the others go on without it
_STALLED = 30.0  # seconds without a poll, or with one slice, after which the process is not ready
_GLANCE = 0.005  # seconds between two looks whether the end is reached
_LOOK = 5.0  # seconds between two looks whether a topic was made anew


class Consumer:
    """Reads co-partitioned topics in one group, so that Range assignment gives a user's topics to one process.

    Invariants: records of a partition are applied in offset order, one slice at a time; an offset is committed only
    after its slice is in the sinks; a partition that is taken away is no longer worked on.
    """

    def __init__(
        self,
        routes: Sequence[Route[Any]],
        *,
        group: str | None,
        name: str,
        resume: Resume | None = None,
        holds: Resume | None = None,
        serves_behind: bool = False,
    ) -> None:
        """`group` None: every replica reads all partitions from the beginning.

        `resume` tells, where a store keeps the applied offsets itself, from which offset each source goes on (Kafka's
        committed offset counts for those it does not name); it is asked at each assignment. `holds` tells what such a
        store holds after every slice; it is asked now and then, and a store that holds less lost its last writes.
        `serves_behind`: the service answers from what it has while its engine is away, so that slices which wait for
        the engine do not make it unready.
        """
        self.name = name
        self._routes = {route.topic: route for route in routes}
        self._group, self._resume, self._holds = group, resume, holds
        self._serves_behind = serves_behind
        self._workers: dict[str, Worker] = {}
        self._lanes: dict[TopicPartition, Lane] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._baseline: asyncio.Task[None] | None = None
        self._prepared = asyncio.Event()
        self._finished = False
        self._regular: list[asyncio.Task[None]] = []

    @property
    def topics(self) -> list[str]:
        return list(self._routes)

    def attach(self, broker: KafkaBroker, settings: ProcessSettings, *, service: str, dead_letters: DeadLetters,
               progress: Progress) -> None:  # fmt: skip
        """Make the FastStream subscriber. Call before the broker starts."""
        self._settings, self._service, self._progress = settings, service, progress
        self._dead_letters = dead_letters
        progress.consumes(self.topics)
        for topic, route in self._routes.items():
            self._workers[topic] = Worker(
                route, service=service, settings=settings, dead_letters=dead_letters, progress=progress
            )
        self._known = Lives(settings.kafka)
        listener = _Listener(self) if self._group is not None else None
        self._front = Front(broker, self.topics, self._group, settings, listener, self._turns)
        self._front.subscriber(self._on_batch)

    async def begin(self) -> None:
        """Call after the broker started."""
        if self._group is None:
            await self.assigned(await self._front.everything())
        every = ((self._settings.commit_interval.total_seconds(), self._commit), (_LOOK, self._look))
        self._regular = [asyncio.create_task(regularly(pause, step)) for pause, step in every]

    async def finish(self) -> None:
        """Stop working and commit what is done. Call before the broker stops."""
        self._finished = True
        for task in (*self._regular, self._baseline):
            if task is not None:
                task.cancel()
        await self.revoked(list(self._lanes))
        await self._known.close()

    def alive(self) -> bool:
        """Whether the loop runs, asks for records, knows what it reads, and no slice is stuck where that matters."""
        now = time.monotonic()
        began = [lane.busy_since for lane in self._lanes.values() if lane.busy_since is not None]
        moving = self._serves_behind or all(now - since < _STALLED for since in began)
        return self._prepared.is_set() and self._front.running and moving and now - self._front.polled_at < _STALLED

    def broken(self) -> bool:
        """Whether its client gave up for good: only a new process helps."""
        return self._front.broken

    async def caught_up(self, within: float) -> bool:
        """Wait until everything that is in the topics now is applied; False after `within` seconds."""
        try:
            async with asyncio.timeout(within):
                await self._prepared.wait()  # before that, nothing at all may be assigned
                ends = await self._front.consumer.end_offsets(list(self._front.consumer.assignment()))
                while not all([await self._is_at(tp, end) for tp, end in ends.items()]):  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(_GLANCE)
        except (TimeoutError, KafkaError, IllegalStateError):
            return False
        return True

    async def _is_at(self, tp: TopicPartition, end: int) -> bool:
        """Whether nothing before `end` is left; a log may end with marks of transactions, which nobody is given."""
        lane = self._lanes.get(tp)
        if lane is None or self._front.in_hand:
            return False
        return lane.applied >= end or (lane.idle and await self._front.consumer.position(tp) >= end)

    async def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Say where each partition starts; a store that keeps offsets itself is asked first.

        The client's own position is not trusted: it may be past records that were fetched before this was asked.
        """
        if self._finished:
            return  # whatever the last rebalance gives us goes to another one at once
        lives = await self._lives()
        lanes: dict[TopicPartition, Lane] = {}
        for tp in partitions:
            source = Source(lives.get(tp.topic, ""), tp.topic, tp.partition)
            lanes[tp] = Lane(source, self._workers[tp.topic], self._progress, partial(self._seek, tp))
        stored = await _asked(self._resume, lanes)
        begins = await patiently(partial(self._front.consumer.beginning_offsets, list(lanes)))
        starts = {tp: await self._place(tp, lane, stored.get(tp), begins[tp]) for tp, lane in lanes.items()}
        # A topic that is made anew and a rebalance may come at once: neither lane goes on beside the other.
        await asyncio.gather(*(self._lanes[tp].stop() for tp in starts if tp in self._lanes))
        ours = self._front.consumer.assignment()
        for tp in starts.keys() & ours:  # at one moment: what was polled before it is left, and read again after it
            self._lanes[tp] = lanes[tp]
            self._front.consumer.seek(tp, starts[tp])
        self._prepared.set()
        for tp in starts.keys() & ours:
            await self._progress.applied(lanes[tp].source, lanes[tp].applied)
        self._baseline = asyncio.create_task(self._commit())  # whoever comes after a crash looks again from here

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Stop working on these; what was not finished comes again at its next owner."""
        lanes = [self._lanes[tp] for tp in partitions if tp in self._lanes]
        await asyncio.gather(*(lane.stop() for lane in lanes))
        await self._commit()
        for tp in partitions:
            self._lanes.pop(tp, None)
            self._committed.pop(tp, None)

    async def _place(self, tp: TopicPartition, lane: Lane, stored: int | None, begin: int) -> int:
        """The offset to start at: where the store says, else Kafka, or where the log begins, if that is later.

        What was stored and not committed comes again: its process may have ended before it wrote the dead letters.
        Who reads everything at each start finds what it refused before.
        """
        committed = None if self._group is None else await patiently(partial(self._committed_of, tp))
        applied = stored if stored is not None else committed or 0
        if 0 < applied < begin:
            self._missed(lane.source, applied, begin)
        start = max(begin, min(applied, committed if committed is not None else applied))
        if start < applied or (self._group is None and self._routes[tp.topic].owner):
            await self._dead_letters.recall(lane.source, start)
        lane.place(applied if stored is not None else start, start)
        return start

    async def _committed_of(self, tp: TopicPartition) -> int | None:
        offset: int | None = await self._front.consumer.committed(tp)
        return offset

    async def _begin_of(self, tp: TopicPartition) -> int:
        begins: Mapping[TopicPartition, int] = await self._front.consumer.beginning_offsets([tp])
        return begins[tp]

    async def _on_batch(self, _message: KafkaMessage) -> None:
        turns, polled = self._front.marked, self._front.polled
        await self._prepared.wait()
        taken = [(tp, await self._take(tp, records, turns.get(tp))) for tp, records in polled.items()]
        started = [(tp, task) for tp, task in taken if task is not None]
        self._front.in_hand = False
        if started:
            await asyncio.wait([task for _, task in started], timeout=_PATIENCE)
        for tp, task in started:
            if not task.done():
                self._front.consumer.pause(tp)
                task.add_done_callback(partial(self._resume_reading, tp))

    async def _take(
        self, tp: TopicPartition, raw: Sequence[ConsumerRecord], turn: int | None
    ) -> asyncio.Task[None] | None:
        """Hand the records to their lane, or leave them: then they are read again."""
        try:
            if tp not in self._lanes and self._group is None:
                await self.assigned([tp])  # a partition that is new
            lane = self._lanes.get(tp)
            if lane is None or turn is None or lane.turn != turn:
                return None  # whoever makes a lane or changes its turn sets the position too
            if raw[0].offset < lane.taken and await self._began_anew(tp, lane):
                return None
            if raw[0].offset > lane.taken > 0:
                await self._look_for_gap(tp, lane, raw[0].offset)
        except Exception as error:  # noqa: BLE001 - the client would go on after records that nobody took
            log.warning("batch left", topic=tp.topic, partition=tp.partition, error=type(error).__name__)
            if turn is not None and (lane := self._lanes.get(tp)) is not None and lane.turn == turn:
                self._seek(tp, raw[0].offset)  # unless somebody set the position meanwhile
            return None
        return lane.take(raw, turn)

    async def _began_anew(self, tp: TopicPartition, lane: Lane) -> bool:
        """Whether the topic was made anew, so that the records at hand are read again under its new life."""
        if (await self._lives()).get(tp.topic, lane.source.log) == lane.source.log:
            return False
        await self._restart([tp])
        return True

    async def _look_for_gap(self, tp: TopicPartition, lane: Lane, offset: int) -> None:
        """Offsets are left out by compaction and transactions; what the log does not begin before is lost."""
        if await self._begin_of(tp) > lane.taken:
            self._missed(lane.source, lane.taken, offset)

    async def _look(self) -> None:
        """Whether a topic was made anew, and whether the store still holds what was written to it."""
        lives = await self._lives()
        anew = [tp for tp, lane in self._lanes.items() if lives.get(tp.topic, lane.source.log) != lane.source.log]
        if anew:
            await self._restart(anew)
        lanes = dict(self._lanes)
        before = {tp: lane.applied for tp, lane in lanes.items()}
        for tp, stored in (await _asked(self._holds, lanes)).items():
            if self._lanes.get(tp) is lanes[tp] and lanes[tp].applied == before[tp] > stored:
                lanes[tp].go_back(stored)

    async def _restart(self, partitions: Collection[TopicPartition]) -> None:
        """Read the new life of a topic from its beginning, or from what the store holds of it."""
        log.warning("topics were made anew", topics=sorted({tp.topic for tp in partitions}))
        await asyncio.gather(*(self._lanes[tp].stop() for tp in partitions))
        await self._front.consumer.seek_to_beginning(*partitions)
        await self.assigned(partitions)

    async def _lives(self) -> Mapping[str, str]:
        lives = await patiently(partial(self._known.of, self.topics))
        self._progress.lives(lives)
        return lives

    def _missed(self, source: Source, first: int, after: int) -> None:
        log.error("records were deleted before they were read", topic=source.topic, partition=source.partition,
                  first=first, after=after)  # fmt: skip
        self._progress.missed(source, first, after)

    def _turns(self) -> dict[TopicPartition, int | None]:
        return {tp: lane.turn for tp, lane in self._lanes.items()}

    def _seek(self, tp: TopicPartition, offset: int) -> None:
        self._committed.pop(tp, None)
        if tp in self._front.consumer.assignment():
            self._front.consumer.seek(tp, offset)

    def _resume_reading(self, tp: TopicPartition, _finished: asyncio.Task[None]) -> None:
        consumer = self._front.subscriber.consumer
        if consumer is not None and tp in consumer.assignment():
            consumer.resume(tp)

    async def _commit(self) -> None:
        done = {tp: lane.done for tp, lane in self._lanes.items() if lane.done != self._committed.get(tp)}
        try:
            for tp, offset in done.items():
                highwater = self._front.consumer.highwater(tp)
                if highwater is not None:
                    LAG.labels(self._service, tp.topic, tp.partition).set(max(0, highwater - offset))
            if not done or self._group is None:
                return
            await self._front.consumer.commit(done)
            self._committed |= done
        except (KafkaError, AssertionError) as error:
            log.warning("commit failed; the records come again", consumer=self.name, error=type(error).__name__)


async def _asked(store: Resume | None, lanes: Mapping[TopicPartition, Lane]) -> Mapping[TopicPartition, int]:
    """What a store that keeps offsets itself says of each."""
    if store is None or not lanes:
        return {}
    found = await store([lane.source for lane in lanes.values()])
    return {TopicPartition(source.topic, source.partition): offset for source, offset in found.items()}


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    def __init__(self, owner: Consumer) -> None:
        self._owner = owner

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        await self._owner.revoked(list(revoked))

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        await self._owner.assigned(list(assigned))
