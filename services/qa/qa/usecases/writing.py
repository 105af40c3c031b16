"""Words for an answer: the configured generator, checked against its sources; else the template."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence

from lm.generators.fallback import generate_named
from lm.protocols import GenerationFailed, Generator, Prompt
from qa.domain.wording import INSTRUCTION, numbers_not_in
from qa.usecases.ports import Fallback

MAX_CHARS = 2_000
_SHARE = 0.6  # of the time that is left for a generator; the rest is for the template and the way back


class Writer:
    """Writes from facts alone."""

    def __init__(self, generator: Generator, template: Generator, left: Callable[[], float] = lambda: math.inf) -> None:
        """`template` states facts and nothing else: it is used when the generator fails, invents, or is too slow.

        `left`: seconds for which the one who asked still waits.
        """
        self._generator, self._template, self._left = generator, template, left

    async def write(
        self, task: str, language: str, facts: Mapping[str, str], sources: Sequence[str]
    ) -> tuple[str, str, tuple[Fallback, ...]]:
        """The text, the engine that made it, and why it was not the first choice.

        A text that states a number which neither the sources nor the facts hold is an invention and is not used.
        """
        prompt = Prompt(task, language, INSTRUCTION, facts, MAX_CHARS)
        seconds = self._left() * _SHARE
        try:
            async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                named = await generate_named(self._generator, prompt, n=1, seed=0)
        except GenerationFailed as failure:
            return await self._plainly(prompt, str(failure))
        except TimeoutError:
            return await self._plainly(prompt, f"{self._generator.name}: no text within {seconds:.1f} s")
        text = named.candidates[0].text
        if invented := numbers_not_in(text, [*sources, *facts.values(), "1 2"]):
            return await self._plainly(prompt, f"the text stated numbers of no source: {len(invented)}")
        reasons = (Fallback("generator", named.engine, named.reason),) if named.reason else ()
        return text, named.engine, reasons

    async def _plainly(self, prompt: Prompt, reason: str) -> tuple[str, str, tuple[Fallback, ...]]:
        plain = Prompt(
            prompt.task, prompt.language, prompt.instruction, prompt.facts
        )  # templates may be as long as the facts
        named = await generate_named(self._template, plain, n=1, seed=0)
        return named.candidates[0].text, named.engine, (Fallback("generator", named.engine, reason),)
