"""People in Redis: one slot per partition, every write guarded by the offsets of the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from hashlib import blake2b

from redis.asyncio import Redis

from chassis.kafka import Rewound
from needs.domain.identity import Person, name
from needs.domain.links import Links
from needs.domain.state import Rows, decode_row, decode_rows, encode_rows, row_type
from needs.stores.codec import (
    Guard,
    decode_guard,
    decode_links,
    decode_record,
    decode_words,
    encode_guard,
    encode_links,
    encode_record,
    encode_words,
)
from needs.stores.connection import Connection, Connections, connection, outages
from needs.stores.reads import Reads
from needs.stores.wire import Command
from needs.usecases import Changes, Memory, Page, Span, Wanted

_TRIES = 20  # two owners of a partition exist for seconds; each write of one fails at most once per write of the other
_STATE, _WORDS, _RECORD, _LINKS = "", "w:", "p:", "l:"
_COLLECTIONS = {
    "redis need": _STATE,
    "redis need words": _WORDS,
    "redis need shop record": _RECORD,
    "redis need links": _LINKS,
}


class Contended(TimeoutError):
    """Other processes kept writing the partition. An outage, not a fault of the records: it is tried again."""


class PartitionsChanged(Exception):
    """The log has another number of partitions than what is remembered was laid out for."""


class RedisNeedStore:
    """Keys: `need:{<partition>}:t/<tenant>/<user>` is the row; `w:`, `p:` and `l:` before `t/` are the words, the
    shop's record and the ids someone had before; `need:{<partition>}:#off` is the guard, `#shops` the tenants that have
    records there, `#gone` who wanted to be forgotten, as hashes, by the time of the wish; it ends by itself when the
    last wish has grown old. What stands before `t/` cannot come from a user, so no user's key is another's.

    Invariants: the guard holds, per topic, the life of the log and the next offset of what the rows contain; both
    change in one transaction that watches the guard, and a write by anyone touches the guard.
    """

    def __init__(self, redis: Redis, *, dim: int, space: str, forgotten_for: timedelta) -> None:
        """`space` names the vectors of dimension `dim`; `forgotten_for` is how long old events may still come."""
        self._redis, self._connections = redis, Connections(redis)
        self._reads = Reads(self._connections)
        self._row, self._space = row_type(dim), name(space)
        self._forgotten_for = forgotten_for

    async def lay_out(self, partitions: int) -> None:
        """Remember for how many partitions the keys are made; raises PartitionsChanged when it was another number."""
        with outages():
            await self._redis.set("need:#partitions", partitions, nx=True)
        held = int((await self._reads.get("need:#partitions"))[0] or 0)
        if held != partitions:
            raise PartitionsChanged(
                f"the log has {partitions} partitions, but needs are laid out for {held}: "
                f"delete the keys need:* and replay the log from its beginning"
            )

    async def applied(self, log: str, topic: str, partition: int) -> int | None:
        """The next offset of a topic in this life of the log; None: nothing of it was applied."""
        held = decode_guard((await self._reads.get(_guard_key(partition)))[0]).get(topic)
        return held[1] if held is not None and held[0] == log else None

    async def update(self, span: Span, wanted: Wanted, decide: Callable[[Page], Changes]) -> set[Person]:
        """See NeedStore. Two round trips, three where there are people who wanted to be forgotten.

        What was read is as of the moment the guard was watched.
        """
        async with connection(self._connections) as redis:
            for _ in range(_TRIES):
                guard, page = await self._page(redis, span, wanted)
                if page.applied >= span.next_offset or page.applied < span.begins:
                    await redis.together(("UNWATCH",))
                    if page.applied < span.begins:
                        raise Rewound(page.applied)
                    return set()
                changes = decide(page)
                guard[span.topic] = (span.log, span.next_offset)
                if await redis.transaction(*self._commands(span.partition, guard, changes)) is not None:
                    return changes.people
        raise Contended(f"partition {span.partition} was written by others {_TRIES} times in a row")

    async def read(self, partition: int, person: Person) -> Memory:
        """All that is remembered of one person, in one round trip."""
        keys = [_key(partition, kind, person) for kind in (_STATE, _WORDS, _RECORD, _LINKS)]
        row, words, record, links = await self._reads.get(*keys)
        return Memory(
            decode_row(row, self._row, self._space), decode_words(words), decode_record(record), decode_links(links)
        )

    async def links(self, partition: int, person: Person) -> Links:
        """The ids someone had before."""
        return decode_links((await self._reads.get(_key(partition, _LINKS, person)))[0])

    async def stamp(self, partition: int, person: Person) -> tuple[bytes, Links]:
        """The row, the words and the links themselves."""
        blobs = await self._reads.get(*(_key(partition, kind, person) for kind in (_STATE, _WORDS, _LINKS)))
        return b"|".join(blob or b"" for blob in blobs), decode_links(blobs[-1])

    async def forget(self, partition: int, person: Person, at: int, links: Links) -> Mapping[str, int] | None:
        """See NeedStore. Touches the guard, so that a batch that has read the person already must read again."""
        async with connection(self._connections) as redis:
            for _ in range(_TRIES):
                _, (guard, held) = await redis.together(
                    ("WATCH", _guard_key(partition)),
                    ("MGET", _guard_key(partition), _key(partition, _LINKS, person)),
                )
                if decode_links(held) != links:
                    await redis.together(("UNWATCH",))
                    return None
                removals = [("UNLINK", _key(partition, kind, person)) for kind in _COLLECTIONS.values()]
                done = await redis.transaction(
                    *removals,
                    *self._gone(partition, {person: at}),
                    ("SET", _guard_key(partition), guard or encode_guard({})),
                )
                if done is not None:
                    return dict(zip(_COLLECTIONS, done, strict=False))
        raise Contended(f"partition {partition} was written by others {_TRIES} times in a row")

    async def _page(self, redis: Connection, span: Span, wanted: Wanted) -> tuple[Guard, Page]:
        people, p = wanted.people, span.partition
        keys = [_key(p, _STATE, person) for person in people] if wanted.rows else []
        keys += [_key(p, _WORDS, person) for person in wanted.words_of]
        keys += [_key(p, _LINKS, person) for person in wanted.links_of]
        _, shops, gone, (guard_blob, *blobs) = await redis.together(
            ("WATCH", _guard_key(p)),
            ("SMEMBERS", _shops_key(p)) if wanted.shops else ("PING",),
            ("ZCARD", _gone_key(p)),
            ("MGET", _guard_key(p), *keys),
        )
        rows, rest = (blobs[: len(people)], blobs[len(people) :]) if wanted.rows else ([], blobs)
        words, links = rest[: len(wanted.words_of)], rest[len(wanted.words_of) :]
        guard = decode_guard(guard_blob)
        log, applied = guard.get(span.topic, (span.log, 0))
        return guard, Page(
            applied=applied if log == span.log else 0,  # a new life of the log starts anew
            rows=self._rows(rows),
            words={person: decode_words(blob) for person, blob in zip(wanted.words_of, words, strict=True)},
            links={person: decode_links(blob) for person, blob in zip(wanted.links_of, links, strict=True)},
            forgotten=await self._forgotten(redis, p, people) if gone and people else {},
            shops=[shop.decode() for shop in shops] if wanted.shops else (),
        )

    async def _forgotten(self, redis: Connection, partition: int, people: Sequence[Person]) -> dict[Person, int]:
        """Who of them wanted to be forgotten, and when; as of the moment the guard was watched, like all of a page."""
        (scores,) = await redis.together(("ZMSCORE", _gone_key(partition), *map(_nameless, people)))
        return {person: int(float(at)) for person, at in zip(people, scores, strict=True) if at is not None}

    def _commands(self, partition: int, guard: Guard, changes: Changes) -> list[Command]:
        pairs: list[bytes | str] = [_guard_key(partition), encode_guard(guard)]
        removed: list[str] = []
        if changes.rows is not None:
            people, rows = changes.rows
            for person, blob in zip(people, encode_rows(rows), strict=True):
                pairs += (_key(partition, _STATE, person), blob)
        for person, words in changes.words.items():
            pairs += (_key(partition, _WORDS, person), encode_words(words))
        for person, links in changes.links.items():
            pairs += (_key(partition, _LINKS, person), encode_links(links))
        for person, record in changes.records.items():
            if record is None:
                removed.append(_key(partition, _RECORD, person))
            else:
                pairs += (_key(partition, _RECORD, person), encode_record(record))
        removed += [_key(partition, kind, person) for person in changes.forget for kind in _COLLECTIONS.values()]
        shops = {person.tenant for person, record in changes.records.items() if record is not None}
        commands: list[Command] = [("MSET", *pairs)]
        commands += [("SADD", _shops_key(partition), *shops)] if shops else []
        commands += [("UNLINK", *removed)] if removed else []
        return commands + (self._gone(partition, changes.forget) if changes.forget else [])

    def _gone(self, partition: int, wishes: Mapping[Person, int]) -> list[Command]:
        """Remember who wanted to be forgotten, the latest wish of each, and no longer than old events may come.

        A newer wish removes those that are too old by its own time; without one, the last of them end with their key.
        """
        key, pairs = _gone_key(partition), [part for person, at in wishes.items() for part in (at, _nameless(person))]
        lifetime = int(self._forgotten_for.total_seconds() * 1000)
        return [
            ("ZADD", key, "GT", *pairs),
            ("ZREMRANGEBYSCORE", key, 0, max(wishes.values()) - lifetime),
            ("PEXPIRE", key, lifetime),
        ]

    def _rows(self, blobs: Sequence[bytes | None]) -> Rows:
        return decode_rows(blobs, self._row, self._space)


def _guard_key(partition: int) -> str:
    return f"need:{{{partition}}}:#off"


def _gone_key(partition: int) -> str:
    return f"need:{{{partition}}}:#gone"


def _nameless(person: Person) -> bytes:
    """What is kept of someone who wants to be forgotten: enough to know them again, not their name."""
    return blake2b("/".join(person).encode(), digest_size=16).digest()


def _shops_key(partition: int) -> str:
    return f"need:{{{partition}}}:#shops"


def _key(partition: int, kind: str, person: Person) -> str:
    return f"need:{{{partition}}}:{kind}t/{person.tenant}/{person.user}"
