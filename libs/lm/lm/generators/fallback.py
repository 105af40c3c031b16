"""A first engine, a second one for when it fails, and the truth about which of them wrote the text."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lm.protocols import Candidate, GenerationFailed, Generator, Prompt

if TYPE_CHECKING:
    from collections.abc import Sequence


class Named(NamedTuple):
    """Texts with what a reply has to say about them."""

    engine: str  # name of the generator that wrote them
    candidates: list[Candidate]  # best first, at least one
    reason: str | None  # why an engine before it was not used; None: it was the first choice


class Fallback:
    """Asks `first`; when that raises GenerationFailed, asks `second`. Any other error is a fault and goes through."""

    def __init__(self, first: Generator, second: Generator) -> None:
        self._first = first
        self._second = second

    @property
    def name(self) -> str:
        """Both engines, for logs; a reply takes the name from `generate_named`."""
        return f"{self._first.name}, else {self._second.name}"

    async def generate(self, prompt: Prompt, *, n: int, seed: int) -> list[Candidate]:
        return (await self.generate_named(prompt, n=n, seed=seed)).candidates

    async def generate_named(self, prompt: Prompt, *, n: int, seed: int) -> Named:
        """Raises GenerationFailed with both reasons when neither engine has a text."""
        try:
            return await generate_named(self._first, prompt, n=n, seed=seed)
        except GenerationFailed as failure:
            reason = str(failure)
        try:
            made = await generate_named(self._second, prompt, n=n, seed=seed)
        except GenerationFailed as failure:
            raise GenerationFailed(_joined([reason, str(failure)])) from failure
        return made._replace(reason=_joined([reason, made.reason]))

    async def aclose(self) -> None:
        for engine in (self._first, self._second):
            close = getattr(engine, "aclose", None)  # a Generator of one's own need not hold anything
            if close is not None:
                await close()


async def generate_named(generator: Generator, prompt: Prompt, *, n: int, seed: int) -> Named:
    """What `generator` writes, with the name of the engine that did: one call for every kind of generator."""
    if isinstance(generator, Fallback):
        return await generator.generate_named(prompt, n=n, seed=seed)
    candidates = await generator.generate(prompt, n=n, seed=seed)
    if not candidates:
        raise GenerationFailed(f"{generator.name}: gave no text")
    return Named(generator.name, candidates, None)


def _joined(reasons: Sequence[str | None]) -> str:
    return "; ".join(reason for reason in reasons if reason)
