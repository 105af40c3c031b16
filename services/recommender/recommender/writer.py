"""Recommendation texts by the configured generator, in bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from chassis.rpc import remaining
from lm.generators import generate_named
from lm.protocols import GenerationFailed, Generator, Prompt
from recommender.usecases.ports import Fallback, Written

_SHARE = 0.6  # of what is left of the deadline: the text must still be read and the offers ranked anew
_LONGEST = 400  # characters

TEMPLATES = {
    "recommend": {
        "en": [
            "You looked at {recent}, so {first} should suit you. {second} is worth a look too.",
            "After {recent}, many would choose {first}. If you want something else, try {second}.",
            "For “{said}” we suggest {first}, and as an alternative {second}.",
            "Among our {category}, {first} by {brand} fits you best.",
            "We suggest {first} and {second}.",
            "We suggest {first}.",
        ],
        "zh": [
            "您看过{recent}，{first}应该适合您，{second}也值得一看。",
            "看过{recent}之后，推荐您考虑{first}；想要不同的选择，可以试试{second}。",
            "您在找“{said}”，为您推荐{first}，也可以看看{second}。",
            "在{category}中，{brand}的{first}最适合您。",
            "为您推荐{first}和{second}。",
            "为您推荐{first}。",
        ],
    }
}
_INSTRUCTION = (
    "Write two short sentences in the language {language!r} that recommend products to a customer of a shop. "
    "Name only products and brands that are given among the facts; state no price and no property. Facts: {facts}."
)


class GeneratorWriter:
    """Asks the generator once."""

    def __init__(self, generator: Generator, timeout: timedelta) -> None:
        self._generator, self._timeout = generator, timeout

    async def write(self, facts: Mapping[str, str], language: str, seed: int) -> Written | Fallback:
        """A text, or why there is none."""
        told = "; ".join(f"{name}: {fact}" for name, fact in facts.items())
        prompt = Prompt(
            "recommend", language, _INSTRUCTION.format(language=language, facts=told), facts, max_chars=_LONGEST
        )
        try:
            async with asyncio.timeout(min(self._timeout.total_seconds(), _SHARE * remaining())):
                made = await generate_named(self._generator, prompt, n=1, seed=seed)
        except GenerationFailed as failure:
            return Fallback("generator", "nothing", str(failure))
        except TimeoutError:
            return Fallback("generator", "nothing", f"{self._generator.name} did not answer in time")
        replaced = None if made.reason is None else Fallback("generator", made.engine, made.reason)
        return Written(made.candidates[0].text, made.engine, replaced)
