"""Plays the demo's story for one shopper and tells what each event changed, and when that could be read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from attune.content.v1 import content_pb2 as content
from attune.recommender.v1 import recommender_pb2 as recommender
from attune_cli import changes
from attune_cli.changes import Before, Change
from attune_cli.failures import Failure
from attune_cli.output import say
from attune_cli.services import Services
from attune_cli.shopper import Acknowledged, Shopper
from attune_demo.story import Ask, Step, person, story
from chassis.kafka import Producer


async def play(services: Services, producer: Producer) -> int:
    """Tell the story for a person nobody has used; how many of the expected changes did not happen."""
    shopper = Shopper(services, producer, tenant="", user=f"story-{time.time_ns() // 1_000_000}")
    known = await shopper.introduce(person(shopper.ref.user_id))
    await shopper.need(known.watermarks)
    say(f"\nThe story of {shopper.ref.user_id}. Times are from Kafka's acknowledgement of an event, or from a call, to "
        "the first reply that holds the change.", style="bold")  # fmt: skip
    telling = _Telling(shopper)
    failed = 0
    for number, step in enumerate(story(), 1):
        say(f"\n{number}. {step['say']['en']}\n   {step['say']['zh']}", style="bold")
        try:
            found = await telling.step(step)
        except Failure as failure:
            found = [Change(each["of"], 0.0, [], [str(failure)]) for each in step["expect"]] or [
                Change("reply", 0.0, [], [str(failure)])
            ]
        failed += sum(bool(change.missing) for change in found)
        for change in found:
            _tell(change)
    await shopper.take_back([step["rule"]["rule_id"] for step in story() if "rule" in step])
    say(f"\n{'Every expected change happened.' if not failed else f'{failed} expected changes did not happen.'}",
        style="bold green" if not failed else "bold red")  # fmt: skip
    return failed


class _Telling:
    """One telling; remembers the compositions of its steps by their ids."""

    def __init__(self, shopper: Shopper) -> None:
        self._shopper = shopper
        self._written: dict[str, content.Composition] = {}

    async def step(self, step: Step) -> list[Change]:
        """Do what a step does and look for what it expects."""
        expected: list[dict[str, Any]] = [dict(each) for each in step["expect"]]
        if (act := self._act(step)) is not None:
            return await self._event(act, expected)
        if "outcome" in step:
            return await self._outcome(step["outcome"]["of"], step["outcome"]["kind"], expected)
        if "ask" in step:
            return await self._ask(step["ask"], expected)
        began = time.perf_counter()
        if "compose" in step:
            written = await self._shopper.compose(**step["compose"])
            self._written[step["id"]] = written
            return [changes.text(written, _since(began), each) for each in expected]
        look = step["recommend"]
        offers = await self._shopper.offers(k=look["k"], language=look["language"])
        nothing = [] if offers.recommendations else ["nothing is offered"]
        return [Change("recommendation", _since(began), changes.offer_lines(offers), nothing)]

    def _act(self, step: Step) -> Callable[[], Awaitable[Acknowledged]] | None:
        """What a step produces; None: it asks for something instead."""
        if "event" in step:
            return partial(self._shopper.act, step["event"]["value"])
        if "sign_in" in step:
            return partial(self._shopper.sign_in, step["sign_in"]["value"])
        return partial(self._shopper.decide, step["rule"]) if "rule" in step else None

    async def _event(
        self, act: Callable[[], Awaitable[Acknowledged]], expected: Sequence[dict[str, Any]]
    ) -> list[Change]:
        before = Before((await self._shopper.need()).need, await self._shopper.offers())
        sent = await act()
        ways = {"need": changes.need, "recommendation": changes.recommendation}
        looks = (ways[each["of"]](self._shopper, sent, before, each) for each in expected)
        return list(await asyncio.gather(*looks))

    async def _ask(self, question: Ask, expected: Sequence[dict[str, Any]]) -> list[Change]:
        before = Before((await self._shopper.need()).need, recommender.RecommendResponse())
        began = time.perf_counter()
        given = await self._shopper.ask(**question)
        late, asked = _since(began), Acknowledged(time.perf_counter(), [])
        return [
            await changes.need(self._shopper, asked, before, each)
            if each["of"] == "need"
            else changes.answer(given, late, each)
            for each in expected
        ]

    async def _outcome(self, of: str, kind: str, expected: Sequence[dict[str, Any]]) -> list[Change]:
        if of not in self._written:
            return [Change("experiment", 0.0, [], [f"the step {of} wrote no text"])]
        written = self._written[of]
        arm = await self._shopper.arm(written.experiment_id, written.variant_id)
        before = Before((await self._shopper.need()).need, recommender.RecommendResponse(), arm)
        reference = {name: getattr(written, name) for name in ("composition_id", "experiment_id", "variant_id")}
        reference["propensity"] = written.propensity
        sent: Acknowledged = await self._shopper.act(
            {"kind": kind, "product_id": written.product_id, "content": reference, "surface": written.channel}
        )
        return [await changes.experiment(self._shopper, sent, before, written, each) for each in expected]


def _tell(change: Change) -> None:
    first, *others = [*change.lines, ""] if change.lines else [""]
    say(f"   {change.of:<14} {change.milliseconds:7.1f} ms  {first}")
    for line in filter(None, others):
        say(f"{'':30}{line}")
    for line in change.missing:
        say(f"{'':18}NOT AS EXPECTED: {line}", style="red")


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
