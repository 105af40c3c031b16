"""The language models, as this service uses them."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from lm import lexical
from lm.language import detect
from lm.lexicon.translation import translations
from lm.protocols import Encoder
from lm.static.table import common
from recommender.domain.bag import Bag
from recommender.domain.product import Product, naming, telling
from recommender.domain.vectors import rounded
from recommender.usecases.ports import Read, Translated, Vector

_TOLD = 0.3  # of a word of the description, against one of the name: the name says what a product is
_MEANT = 0.5  # of the description's vector beside the name's: what a thing is for stands there
# What a product is for, or comes with: a descaler for kettles is no kettle. In Chinese behind it, or before 的.
_PURPOSE = re.compile(
    r"(?<=\w) (?<!ready )(?<!perfect )(?<!ideal )(?<!great )(?<!gift )(?<!gifts )(?:for|with|fits|compatible with)"
    r" [^,()\n]+|(?:适用于?|用于|适合)\s?[^\s,，()（）的]+(?=的)|(?<=\S)\s(?:适用于?|用于|适合)\s?[^\s,，()（）的]+",
    re.IGNORECASE,
)
_MEANT_FOR = 0.7  # of a word that stands there alone: the rest of a name may stand behind it
_FEW = 8  # texts that are read at once on the event loop; a thread would cost more than it frees


class TextModels:
    """Vectors by the encoder, words by the lexical tokenizer."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    @property
    def space(self) -> str:
        return self._encoder.space

    @property
    def dim(self) -> int:
        return self._encoder.dim

    def load(self) -> None:
        """Read some words of each language: the dictionaries come now, .3 s, and not while everybody waits for them."""
        for text in ("a steel kettle", "不锈钢水壶"):
            self._texts([text])
            self.translations(text)
            self.joining(text)
            self.is_common(text)

    async def products(self, products: Sequence[Product]) -> list[Read]:
        """e_p and words of each."""
        if not products:
            return []
        return await asyncio.to_thread(self._products, products)

    async def bags(self, products: Sequence[Product]) -> list[Bag]:
        """Words of each."""
        return await asyncio.to_thread(lambda: [bag(product) for product in products])

    async def texts(self, texts: Sequence[str]) -> list[tuple[Vector, Mapping[int, float]]]:
        """Vector and words of each."""
        if len(texts) > _FEW or not self.space.startswith("static"):
            return await asyncio.to_thread(self._texts, texts)
        return self._texts(texts)

    def language(self, text: str) -> str:
        """`en`, `zh` or `und`."""
        return detect(text)

    def names(self, words: Mapping[str, float]) -> Mapping[int, float]:
        """Words → their 32-bit names."""
        return {lexical.index(word): weight for word, weight in words.items() if weight > 0}

    def named(self, text: str) -> Sequence[int]:
        """The words of a text, by their 32-bit names."""
        found: list[int] = lexical.query(text).indices.tolist()
        return found

    def is_common(self, word: str) -> bool:
        """Whether it stands in the vocabulary of the encoder that ships, which holds English words whole."""
        return word in common()

    def translations(self, text: str) -> Sequence[Translated]:
        """By the shop lexicon; several names of one thing share its weight."""
        return [_translated(*found) for found in translations(text)]

    def joining(self, text: str) -> float:
        """The share of words that name nothing, in [0, 1]."""
        return lexical.joining(text)

    def _products(self, products: Sequence[Product]) -> list[Read]:
        vectors = self._encoder.encode([naming(product) for product in products])
        described = [row for row, product in enumerate(products) if telling(product)]
        if described:
            vectors[described] += _MEANT * self._encoder.encode([telling(products[row]) for row in described])
            lengths = np.linalg.norm(vectors[described], axis=1, keepdims=True)
            vectors[described] /= np.where(lengths > 0, lengths, 1.0)
        named = [name_words(product) for product in products]
        bags = [_bag(product, words) for product, words in zip(products, named, strict=True)]
        return list(map(Read, rounded(vectors), bags, named))

    def _texts(self, texts: Sequence[str]) -> list[tuple[Vector, Mapping[int, float]]]:
        if not texts:
            return []
        vectors = self._encoder.encode(texts)
        words = [lexical.query(text) for text in texts]
        return [
            (vector, dict(zip(asked.indices.tolist(), asked.values.tolist(), strict=True)))
            for vector, asked in zip(vectors, words, strict=True)
        ]


@lru_cache(maxsize=8_192)  # more than the lexicon has entries
def _translated(source: str, alternatives: tuple[str, ...]) -> Translated:
    found: Counter[int] = Counter()
    for alternative in alternatives:
        found.update(lexical.query(alternative).indices.tolist())
    shared = {word: count / len(alternatives) for word, count in found.items()}
    return Translated(lexical.query(source).indices.tolist(), MappingProxyType(shared), alternatives)


def bag(product: Product) -> Bag:
    """Words of the name, and more softly of the description."""
    return _bag(product, name_words(product))


def name_words(product: Product) -> dict[str, float]:
    """The words of the name with their weights; those that only tell what it is for count less than what it is."""
    name = naming(product)
    found = lexical.weights(_PURPOSE.sub("", name))
    for word, weight in lexical.weights(" ".join(_PURPOSE.findall(name))).items():
        found.setdefault(word, _MEANT_FOR * weight)
    return found


def _bag(product: Product, named: Mapping[str, float]) -> Bag:
    weights = {lexical.index(word): _TOLD * weight for word, weight in lexical.weights(telling(product)).items()}
    for word, weight in named.items():
        index = lexical.index(word)
        weights[index] = max(weight, weights.get(index, 0.0))
    order = sorted(weights)
    return Bag(np.array(order, dtype=np.uint32), np.array([weights[word] for word in order], dtype=np.float32))
