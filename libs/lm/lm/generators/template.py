"""Texts with gaps, filled from the prompt's facts: says nothing new, and so nothing wrong."""

from __future__ import annotations

import random
from string import Formatter
from typing import TYPE_CHECKING

from lm.protocols import Candidate, GenerationFailed, Prompt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class TemplateGenerator:
    """Task → language → texts with `{gaps}`; a brace that is meant is doubled, as in `str.format`.

    A text may be used when each gap is filled by a fact that is not blank, and the result fits `max_chars` code points.
    The longest language tag with such texts gives the words: `zh-Hant-TW`, then `zh-Hant`, then `zh`. English stands in
    only where the task has no text at all in the customer's language: a missing fact is no reason to change that.
    """

    name = "template"

    def __init__(self, templates: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        """Raises ValueError for a text whose braces do not match, or whose gap is more than a name."""
        self._texts: dict[str, dict[str, tuple[str, ...]]] = {
            task: {
                _tag(language): tuple(_checked(text, task) for text in texts) for language, texts in by_language.items()
            }
            for task, by_language in templates.items()
        }

    async def generate(self, prompt: Prompt, *, n: int, seed: int) -> list[Candidate]:
        """Up to n different texts, chosen by `seed`; equally good, so their order is chance too."""
        if n < 1:
            raise ValueError(f"n is {n}; ask for at least one text")
        usable = self._usable(prompt)
        return [Candidate(text) for text in random.Random(seed).sample(usable, min(n, len(usable)))]

    async def aclose(self) -> None:
        """Nothing is held."""

    def _usable(self, prompt: Prompt) -> list[str]:
        by_language = self._texts.get(prompt.task)
        if not by_language:
            raise GenerationFailed(f"template: no texts for the task {prompt.task!r}; there are {sorted(self._texts)}")
        tags = [tag for tag in _broader(_tag(prompt.language)) if by_language.get(tag)] or ["en"]
        facts = {name: value.strip() for name, value in prompt.facts.items() if value.strip()}
        for tag in tags:
            filled = [text.format_map(facts) for text in by_language.get(tag, ()) if _gaps(text) <= facts.keys()]
            fitting = [text for text in filled if not prompt.max_chars or len(text) <= prompt.max_chars]
            if fitting:
                return list(dict.fromkeys(fitting))
        raise GenerationFailed(
            self._why_none(prompt, [text for tag in tags for text in by_language.get(tag, ())], facts)
        )

    @staticmethod
    def _why_none(prompt: Prompt, texts: list[str], facts: Mapping[str, str]) -> str:
        start = f"template: no text of the task {prompt.task!r} can be used:"
        if not texts:
            return f"{start} none is in {prompt.language!r} or in English"
        missing = [_gaps(text) - facts.keys() for text in texts]
        if all(missing):
            nearest = min(missing, key=len)
            return f"{start} the nearest one needs the facts {sorted(nearest)}"
        return f"{start} those whose facts are known are longer than {prompt.max_chars} characters"


def _tag(language: str) -> str:
    return language.strip().replace("_", "-").lower()


def _broader(tag: str) -> Iterator[str]:
    """`zh-hant-tw` → itself, `zh-hant`, `zh` (lookup of RFC 4647, section 3.4)."""
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]


def _gaps(text: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(text) if field is not None}


def _checked(text: str, task: str) -> str:
    try:
        parts = [part for part in Formatter().parse(text) if part[1] is not None]
    except ValueError as error:
        raise ValueError(f"template {text!r} of task {task!r}: {error}; double a brace that is meant") from error
    for _, field, form, conversion in parts:
        if not (field or "").isidentifier() or form or conversion:
            raise ValueError(f"template {text!r} of task {task!r}: a gap is one name in braces, such as {{title}}")
    return text
