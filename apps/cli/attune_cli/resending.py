"""Sends dead letters to the topics they came from, each one once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from attune_cli.letters import Letter, Wanted
from attune_cli.log import reading, writing
from attune_cli.marks import Marks, marks_of
from attune_cli.services import connected
from chassis.kafka import Producer

_TOGETHER = 1_000  # letters between two saves of the marks
_REMEMBERED = 100_000  # source positions; a service that was killed writes the same letter again within one batch
_KEPT = ("dead-attempts",)  # so that a record which fails again says how often it did
BY = "replayed-from"  # header of what is sent again: the id of its letter


@dataclass(slots=True)
class Done:
    """What became of the letters."""

    sent: int = 0
    skipped: int = 0  # were sent again before
    twice: int = 0  # letters of a record that has another letter
    cut: dict[str, str] = field(default_factory=dict)  # id → bytes it had: only a part was kept

    @property
    def found(self) -> int:
        return self.sent + self.skipped + self.twice + len(self.cut)


async def resend(wanted: Wanted, *, dry_run: bool, again: bool) -> Done:
    """Send what is wanted and was not sent again before; `again`: that too; `dry_run`: only count."""
    done, seen = Done(), OrderedDict[str, None]()
    waiting, doubles = list[Letter](), list[Letter]()
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(connected())
        kafka = services.endpoints.require("kafka")
        letters = await stack.enter_async_context(reading(kafka))
        marks = await marks_of(letters, kafka)
        producer = await stack.enter_async_context(writing(kafka))
        async for letter in wanted.read(letters):
            met = _met(letter, seen)
            if not again and marks.has(letter.place, letter.offset):
                done.skipped += 1
            elif letter.cut:
                done.cut[letter.id] = letter.headers["dead-original-bytes"]
            elif met:
                done.twice += 1
                doubles.append(letter)
            else:
                waiting.append(letter)
                done.sent += 1
            if len(waiting) == _TOGETHER and not dry_run:
                await _send(waiting, doubles, producer, marks)
                waiting, doubles = [], []
        if not dry_run:
            await _send(waiting, doubles, producer, marks)
    return done


def _met(letter: Letter, seen: OrderedDict[str, None]) -> bool:
    """Whether a letter of the same record, refused by the same service, was met before."""
    name = f"{letter.headers.get('dead-log')} {letter.source} {letter.service}"
    if "?" in letter.source or name not in seen:
        seen[name] = None
        if len(seen) > _REMEMBERED:
            seen.popitem(last=False)
        return False
    return True


async def _send(letters: Sequence[Letter], doubles: Sequence[Letter], producer: Producer, marks: Marks) -> None:
    """Letters of one key in their order, the others side by side; `doubles` are only marked.

    Marked is what Kafka acknowledged, also when it refused another letter or the command was interrupted: the rest is
    sent next time.
    """
    by_key: dict[tuple[str, bytes | None], list[Letter]] = {}
    for letter in letters:
        by_key.setdefault((letter.topic, letter.key), []).append(letter)
    sent: list[Letter] = []
    try:
        jobs = (_send_in_order(same, producer, sent) for same in by_key.values())
        failures = [each for each in await asyncio.gather(*jobs, return_exceptions=True) if each is not None]
        if failures:
            raise failures[0]
        sent += doubles
    finally:
        for letter in sent:
            marks.add(letter.place, letter.offset)
        await marks.save()


async def _send_in_order(letters: Sequence[Letter], producer: Producer, sent: list[Letter]) -> None:
    """What Kafka acknowledges is put into `sent`; after a refusal no other one of this key is sent."""
    for letter in letters:
        kept = {name: text for name, text in letter.headers.items() if name in _KEPT or not name.startswith("dead-")}
        key = None if letter.key is None else letter.key.decode("utf-8", "replace")
        await producer.send_raw(letter.topic, key, letter.value, {**kept, BY: letter.id})
        sent.append(letter)
