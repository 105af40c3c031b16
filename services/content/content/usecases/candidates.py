"""Candidates: the shop's templates filled for a product, and what the generator writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from content.domain.candidate import Candidate
from content.domain.composition import shortened
from content.domain.gaps import Template, Unfilled
from content.domain.languages import primary, tag, value
from content.domain.likelihood import cosine
from content.domain.product import Product
from content.domain.record import Record
from content.domain.statements import Phrases, statements
from content.usecases.ports import Reader, Replaced, Writer

TEMPLATE = "template"  # what made a text of the shop's own template
_FOREIGN_TITLE = 0.5  # share of the language in a text whose product is only named in another one


@dataclass(slots=True)
class Found:
    """Texts that could be said, before any is checked."""

    texts: list[Candidate] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)  # why there are not more
    replaced: list[Replaced] = field(default_factory=list)


class Candidates:
    """Gathers texts for one product, channel and language."""

    def __init__(self, writer: Writer, reader: Reader, phrases: Phrases, limits: Mapping[str, int]) -> None:
        """`limits`: channel → the longest text it can show, in characters."""
        self._writer, self._reader = writer, reader
        self._phrases, self._limits = phrases, limits

    async def of(
        self,
        templates: Sequence[Template],
        record: Record,
        channel: str,
        language: str,
        need: Mapping[str, float],
        seed: int,
    ) -> Found:
        """`templates`: those of the channel. A generator that is away is told in `replaced`."""
        found = Found()
        limit = self._limits.get(channel, 0)
        for template in _nearest(templates, language):
            filled = record.fill(template)
            if isinstance(filled, Unfilled):
                found.reasons.append(f"template {template.template_id!r}: {filled}")
                continue
            found.texts.append(
                Candidate(
                    filled.text, template.template_id, TEMPLATE, template.template_id, template.appeal, filled.own,
                    max_chars=_least(limit, template.max_chars),
                )
            )  # fmt: skip
        await self._generate(found, record.product, channel, language, need, seed)
        return found

    async def _generate(
        self, found: Found, product: Product, channel: str, language: str, need: Mapping[str, float], seed: int
    ) -> None:
        limit = self._limits.get(channel, 0)
        told = statements(product, language, self._phrases, lambda phrase: cosine(self._reader.words(phrase), need))
        written = await self._writer.write(told, channel, language, max_chars=limit, seed=seed)
        variant = shortened(f"generated:{written.made_by}")
        own = 1.0 if value(product.title, language) else _FOREIGN_TITLE
        known = {candidate.text for candidate in found.texts}
        found.texts += [
            Candidate(text, variant, written.made_by, own_language=own, log_prob=log_prob, max_chars=limit)
            for text, log_prob in written.texts
            if text not in known
        ]
        if written.replaced is not None:
            found.replaced.append(written.replaced)
            found.reasons.append(f"generator: {written.replaced.reason}")


def _nearest(templates: Sequence[Template], language: str) -> list[Template]:
    """Those of the language: with the very tag if there are any (`zh-Hant`), else all of its family (`zh`)."""
    family = [template for template in templates if primary(template.language) == primary(language)]
    exact = [template for template in family if tag(template.language) == tag(language)]
    return exact or family


def _least(*limits: int) -> int:
    return min((limit for limit in limits if limit), default=0)
