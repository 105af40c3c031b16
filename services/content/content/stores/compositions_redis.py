"""What was said to whom, in Redis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from content.domain.appeals import Response
from content.domain.composition import Composition, Outcome
from content.domain.customer import Person
from content.stores.away import memory
from content.stores.counting import Counter
from content.stores.names import person_key
from content.stores.together import Together
from content.usecases.ports import Forgotten, Happened, Span

_MOST = 200  # compositions of one person: some weeks of mail and banners
_COLUMNS = {Outcome.IMPRESSION: "shown", Outcome.CLICK: "clicked"}
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Composition).decode

# KEYS: made, order, gone. ARGV: id, composition, its time, lifetime in ms, how many are kept.
_REMEMBER = """
if tonumber(redis.call('GET', KEYS[3]) or '-1') >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
local old = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', tonumber(ARGV[3]) - tonumber(ARGV[4]))
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -tonumber(ARGV[5]) - 1)) do old[#old + 1] = id end
for _, id in ipairs(old) do
  redis.call('HDEL', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
"""
# KEYS: made, order, responses, events, gone. ARGV: when it was asked for, how long that is kept in ms.
# A wish that was granted before changes nothing: what is there came later.
_FORGET = """
if tonumber(redis.call('GET', KEYS[5]) or '-1') >= tonumber(ARGV[1]) then return {0, 0} end
local made, events = redis.call('HLEN', KEYS[1]), redis.call('ZCARD', KEYS[4])
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
redis.call('SET', KEYS[5], ARGV[1], 'PX', ARGV[2])
return {made, events}
"""
_TOGETHER = 500  # people whose responses are written in one round trip


class RedisCompositions:
    """Keys `composition:{t/<tenant>/<digest of the user id>}:<part>`, one slot per person.

    Parts: `made` is composition id → composition, `order` its times, `responses` and `events` as Counter says, `gone`
    when the person asked to be forgotten.

    Invariants: nothing from before `gone` is written after it; all but `gone` ends `lifetime` after the last text.
    """

    def __init__(
        self,
        redis: Redis,
        now: Callable[[], int],
        *,
        lifetime: timedelta,
        forgotten_for: timedelta,
        together: Together | None = None,
    ) -> None:
        """`now`: milliseconds since 1970; `forgotten_for`: how long old events may still come; `together`: shared with
        the stores that are used at the same time.
        """
        self._redis, self._now, self._counter = redis, now, Counter(redis)
        self._together = together or Together(redis)
        self._lifetime, self._forgotten_for = _ms(lifetime), _ms(forgotten_for)
        self._remember, self._forget = redis.register_script(_REMEMBER), redis.register_script(_FORGET)

    async def remember(self, person: Person, composition: Composition) -> bool:
        keys = [person_key(person, part) for part in ("made", "order", "gone")]
        arguments: list[str | bytes | int] = [
            composition.composition_id,
            _encode(composition),
            composition.at,
            self._lifetime,
            _MOST,
        ]
        with memory():
            return bool(await self._together.run(self._remember, keys, arguments))

    async def find(self, wanted: Sequence[tuple[Person, str]]) -> list[Composition | None]:
        with memory():
            async with self._redis.pipeline(transaction=False) as pipe:
                for person, composition_id in wanted:
                    pipe.hget(person_key(person, "made"), composition_id)
                blobs: list[bytes | None] = await pipe.execute()
        return [None if blob is None else _decode(blob) for blob in blobs]

    async def responses(self, person: Person) -> Mapping[str, Response]:
        with memory():
            held: dict[Any, Any] = await self._together.ask("HGETALL", person_key(person, "responses"))
        found: dict[str, Response] = {}
        for key, number in held.items():
            kind, _, rest = key.decode().partition(":")
            outcome, _, appeal = rest.partition(":")
            if kind == "n" and outcome in _COLUMNS:
                before = found.get(appeal, Response())
                found[appeal] = replace(before, **{_COLUMNS[Outcome(outcome)]: int(number)})
        return found

    async def respond(self, span: Span, outcomes: Mapping[Person, Sequence[tuple[Happened, str]]]) -> None:
        people = list(outcomes)
        with memory():
            for start in range(0, len(people), _TOGETHER):
                async with self._redis.pipeline(transaction=False) as pipe:
                    for person in people[start : start + _TOGETHER]:
                        await self._add(pipe, span, person, outcomes[person])
                    await pipe.execute()

    async def _add(self, pipe: Pipeline, span: Span, person: Person, outcomes: Sequence[tuple[Happened, str]]) -> None:
        await self._counter.add(
            pipe,
            person_key(person, "responses"),
            person_key(person, "events"),
            span,
            [(outcome, f"n:{outcome.outcome}:{appeal}") for outcome, appeal in outcomes],
            arrived=self._now(),
            gone=person_key(person, "gone"),
            lifetime_ms=self._lifetime,
        )

    async def forget(self, person: Person, at: int) -> Forgotten:
        keys = [person_key(person, part) for part in ("made", "order", "responses", "events", "gone")]
        with memory():
            made, responses = await self._forget(keys=keys, args=[at, self._forgotten_for])
        return Forgotten(int(made), int(responses))


def _ms(time: timedelta) -> int:
    return time // timedelta(milliseconds=1)
