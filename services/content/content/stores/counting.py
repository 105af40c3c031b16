"""Counting outcomes in Redis, each exactly once."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.commands.core import AsyncScript

from content.stores.names import event_digest
from content.usecases.ports import Happened, Span

_KEPT_EVENTS = 10_000  # digests per counter: a producer that sends again does so within minutes

# KEYS: counts, digests of event ids, when to forget (or the counts again, where nobody can be forgotten), in one slot.
# ARGV: source, life of the log, next offset, arrival, digests kept, lifetime in ms or 0, then per outcome: offset,
# digest of the event id, time, field.
_COUNT = """
local held, from = redis.call('HGET', KEYS[1], 'o:' .. ARGV[1]), 0
if held then
  local log, offset = string.match(held, '^(.*) (%d+)$')
  if log == ARGV[2] then from = tonumber(offset) end
end
if from >= tonumber(ARGV[3]) then return 0 end
local gone = -1
if KEYS[3] ~= KEYS[1] then gone = tonumber(redis.call('GET', KEYS[3]) or '-1') end
local counted, last = 0, tonumber(redis.call('HGET', KEYS[1], 'last') or '0')
for place = 7, #ARGV, 4 do
  local offset, event, at, field = tonumber(ARGV[place]), ARGV[place + 1], tonumber(ARGV[place + 2]), ARGV[place + 3]
  if offset >= from and at > gone and redis.call('ZADD', KEYS[2], 'NX', ARGV[4], event) == 1 then
    redis.call('HINCRBY', KEYS[1], field, 1)
    counted, last = counted + 1, math.max(last, at)
  end
end
if counted > 0 or gone < 0 then
  redis.call('HSET', KEYS[1], 'o:' .. ARGV[1], ARGV[2] .. ' ' .. ARGV[3], 'last', string.format('%.0f', last))
end
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -tonumber(ARGV[5]) - 1)
if tonumber(ARGV[6]) > 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
end
return counted
"""


class Counter:
    """Adds outcomes to the fields of a hash.

    Invariants: field `o:<topic>:<partition>` holds the life of the log and the next offset of what the counts contain,
    and both change in one step; an event whose digest is in the set is in the counts. So a write whose reply was lost,
    and one of a replica that lost the partition meanwhile, can be made again by anyone.
    """

    def __init__(self, redis: Redis) -> None:
        self._script: AsyncScript = redis.register_script(_COUNT)

    async def add(
        self,
        pipe: Pipeline,
        counts: str,
        events: str,
        span: Span,
        outcomes: Sequence[tuple[Happened, str]],
        *,
        arrived: int,
        gone: str | None = None,
        lifetime_ms: int = 0,
    ) -> None:
        """Puts into the pipeline: outcomes with the field of each; what was counted before, or happened before `gone`,
        is passed over.
        """
        arguments: list[str | int | bytes] = [
            f"{span.topic}:{span.partition}", span.log, span.next_offset, arrived, _KEPT_EVENTS, lifetime_ms,
        ]  # fmt: skip
        for outcome, field in outcomes:
            arguments += (outcome.offset, event_digest(outcome.event_id), outcome.at, field)
        await self._script(keys=[counts, events, gone or counts], args=arguments, client=pipe)
