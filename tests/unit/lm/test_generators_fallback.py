"""Who wrote the text, and why not the first choice."""

from __future__ import annotations

import pytest

from lm.generators import Fallback, TemplateGenerator, generate_named
from lm.protocols import Candidate, GenerationFailed, Prompt

PROMPT = Prompt("greet", "en", "Greet.", {"name": "Ann"})
GREETS = TemplateGenerator({"greet": {"en": ["Hello {name}"]}})


class Away:
    """An engine that is not there."""

    def __init__(self, name: str = "away") -> None:
        self.name = name
        self.closed = False

    async def generate(self, prompt: Prompt, *, n: int, seed: int) -> list[Candidate]:
        del prompt, n, seed
        raise GenerationFailed(f"{self.name}: nobody home")

    async def aclose(self) -> None:
        self.closed = True


class Broken(Away):
    async def generate(self, prompt: Prompt, *, n: int, seed: int) -> list[Candidate]:
        del prompt, n, seed
        raise ZeroDivisionError


class Silent(Away):
    async def generate(self, prompt: Prompt, *, n: int, seed: int) -> list[Candidate]:
        del prompt, n, seed
        return []


async def test_the_first_engine_writes_when_it_can() -> None:
    made = await Fallback(GREETS, Away()).generate_named(PROMPT, n=1, seed=1)
    assert made == ("template", [Candidate("Hello Ann")], None)


async def test_the_second_engine_writes_when_the_first_is_away_and_the_reason_is_kept() -> None:
    made = await Fallback(Away(), GREETS).generate_named(PROMPT, n=1, seed=1)
    assert made == ("template", [Candidate("Hello Ann")], "away: nobody home")


async def test_a_fallback_is_a_generator_like_any_other() -> None:
    assert await Fallback(Away(), GREETS).generate(PROMPT, n=1, seed=1) == [Candidate("Hello Ann")]
    assert Fallback(Away(), GREETS).name == "away, else template"


async def test_an_engine_without_a_text_is_away_too() -> None:
    made = await generate_named(Fallback(Silent("mute"), GREETS), PROMPT, n=1, seed=1)
    assert made.reason == "mute: gave no text"


async def test_a_chain_of_engines_tells_every_reason() -> None:
    made = await generate_named(Fallback(Away("a"), Fallback(Away("b"), GREETS)), PROMPT, n=1, seed=1)
    assert (made.engine, made.reason) == ("template", "a: nobody home; b: nobody home")


async def test_both_reasons_are_told_when_nobody_writes() -> None:
    with pytest.raises(GenerationFailed, match="a: nobody home; b: nobody home"):
        await Fallback(Away("a"), Away("b")).generate(PROMPT, n=1, seed=1)


async def test_a_fault_is_not_hidden_behind_the_second_engine() -> None:
    with pytest.raises(ZeroDivisionError):
        await Fallback(Broken(), GREETS).generate(PROMPT, n=1, seed=1)


async def test_any_generator_can_be_asked_with_its_name() -> None:
    assert (await generate_named(GREETS, PROMPT, n=1, seed=1)).engine == "template"


async def test_closing_a_fallback_closes_both_engines() -> None:
    first, second = Away(), Away()
    await Fallback(first, second).aclose()
    assert (first.closed, second.closed) == (True, True)
