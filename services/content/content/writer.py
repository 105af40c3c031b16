"""Texts by the configured generator, in bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import timedelta

from chassis.rpc import remaining
from content.domain.languages import primary
from content.usecases.ports import Replaced, Written
from lm.generators import generate_named
from lm.language import detect
from lm.protocols import Candidate, GenerationFailed, Generator, Prompt

TASK = "compose"  # for channels without a wording of their own
_GROUNDED = "template"  # the generator that only knows the languages of its wording
_SHARE = 0.6  # of what is left of the deadline: facts must still be checked, and the choice remembered
_INSTRUCTION = (
    "Write one short text that invites a customer to look at a product, for the channel {channel!r}. "
    "No superlatives, no promises about delivery, discounts, stock or health."
)


class GeneratorWriter:
    """Asks the generator once."""

    def __init__(
        self, generator: Generator, wording: Mapping[str, Collection[str]], timeout: timedelta, texts: int
    ) -> None:
        """`wording`: task → languages the templates know; `texts`: how many candidates are asked for."""
        self._generator, self._wording = generator, wording
        self._timeout, self._texts = timeout.total_seconds(), texts

    async def write(
        self, facts: Mapping[str, str], channel: str, language: str, *, max_chars: int, seed: int
    ) -> Written:
        """Up to the number of texts that are wanted, in the language that is wanted; none, and why."""
        task = channel if channel in self._wording else TASK
        prompt = Prompt(task, language, _INSTRUCTION.format(channel=channel), facts, max_chars)
        try:
            async with asyncio.timeout(min(self._timeout, _SHARE * remaining())):
                made = await generate_named(self._generator, prompt, n=self._texts, seed=seed)
        except GenerationFailed as failure:
            return Written(self._generator.name, (), Replaced("generator", "nothing", str(failure)))
        except TimeoutError:
            reason = f"{self._generator.name} did not answer in time"
            return Written(self._generator.name, (), Replaced("generator", "nothing", reason))
        texts = [(c.text, _per_token(c)) for c in made.candidates if self._speaks(made.engine, task, language, c.text)]
        replaced = None if made.reason is None else Replaced("generator", made.engine, made.reason)
        return Written(made.engine, texts, replaced)

    def _speaks(self, engine: str, task: str, language: str, text: str) -> bool:
        """Whether a text is in the language, as far as that can be told."""
        wanted = primary(language)
        if engine == _GROUNDED:
            return wanted in self._wording[task]
        return {wanted, detect(text)} != {"en", "zh"}


def _per_token(candidate: Candidate) -> float | None:
    if candidate.log_prob is None or not candidate.tokens:
        return None
    return candidate.log_prob / candidate.tokens
