"""Questions about one product: which one, which of its attributes, in which words."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from lm.lexical import words
from qa.domain.answer import Answer, Citation, Outcome
from qa.domain.library import Library
from qa.domain.products import Product, aspect, label, spoken
from qa.domain.score import Score, Term
from qa.usecases.ports import Fallback, Question
from qa.usecases.texts import Texts
from qa.usecases.writing import Writer

SURE = 0.55  # cosine between what is asked and an attribute from which on it is meant; unrelated ones stay below .4
_POINTS = re.compile(r"\b(it|this|that|they|these|those)\b|它|这个|这款|那个|那款", re.IGNORECASE)

Made = tuple[Answer, tuple[str, ...], tuple[Fallback, ...]]


class ProductFacts:
    """Answers with what a product's record states, and with nothing else."""

    def __init__(self, library: Library, texts: Texts, writer: Writer) -> None:
        self._library, self._texts, self._writer = library, texts, writer

    async def answer(self, question: Question, language: str, lately: Sequence[str]) -> Made | None:
        """None when no product or no attribute is meant. `lately`: products that `it` may stand for, nearest first."""
        meant = self._meant(question, lately)
        if meant is None:
            return None
        product, rest = meant
        fact = await self._fact(product, rest)
        if fact is None:
            return None
        name, cosine = fact
        title, value = product.title(language), spoken(product.facts[name], language)
        facts = {"title": title, "attribute": label(name, language), "value": value}
        text, by, reasons = await self._writer.write("qa.fact", language, facts, [title, value])
        score = Score((Term("sim(q,attribute).dense", cosine, 1.0),))
        cited = Citation(product.product_id, product.product_id, label(name, language), "catalogue", language, score)
        answer = Answer(text, language, Outcome.GENERATED, cosine, (cited,), (product.product_id,))
        return answer, (by,), reasons

    def _meant(self, question: Question, lately: Sequence[str]) -> tuple[Product, str] | None:
        book = self._library.book(question.tenant)
        named = book.named_in(question.text)
        if named is not None:
            return named
        if _POINTS.search(question.text):
            product = next((found for each in lately if (found := book.get(each)) is not None), None)
            return None if product is None else (product, question.text)
        return None

    async def _fact(self, product: Product, rest: str) -> tuple[str, float] | None:
        names = list(product.facts)
        if not names or not words(rest):
            return None
        stands_for = [text for name in names for text in aspect(name, product.facts[name])]
        vectors = await self._texts.read([" ".join(words_of(rest)), *stands_for])
        cosines = (vectors[1:] @ vectors[0]).reshape(-1, 2).max(axis=1)
        best = int(np.argmax(cosines))
        return (names[best], min(1.0, float(cosines[best]))) if cosines[best] >= SURE else None


_ASKING = re.compile(
    r"\b(is|are|was|does|do|can|could|the|a|an|what|how|i|you|of|it|this|that|in)\b|[?？。]|请问|可以|能|吗|呢|是|的|放|这个|这款|它",
    re.IGNORECASE,
)


def words_of(rest: str) -> list[str]:
    """What is asked of the product, without the words that only ask; all of it when nothing else is left."""
    return _ASKING.sub(" ", rest).split() or rest.split()
