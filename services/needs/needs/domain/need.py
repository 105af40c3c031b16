"""R_u and r_{u,t}: what a person needs, derived from what is remembered at the moment it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from needs.domain.products import Product, ProductTable
from needs.domain.shop_record import ShopRecord
from needs.domain.state import RING, Rows
from needs.domain.weights import Recency, Times, Weights
from needs.domain.words import Text, Words

Vector = NDArray[np.float32]  # (dim,)
Matrix = NDArray[np.float32]  # (n, dim)
MOST_WORDS = 64
_NOTHING = 1e-6  # a sum this short, of vectors of length one, is cancellation and not a direction


class Mode(Enum):
    """How r_{u,t} is made of R_u."""

    ARTICLE = auto()  # plain mean
    WEIGHTED = auto()  # by kind and recency


@dataclass(frozen=True, slots=True, eq=False)
class ReadText:
    """A text as the models read it."""

    vector: Vector  # unit length, or zero when no word is known
    words: tuple[tuple[str, float], ...]  # together of unit length


@dataclass(frozen=True, slots=True, eq=False)
class Behavior:
    """One b_{u,t} of R_u."""

    kind: int  # of Kind; 0 for words
    product_id: str  # empty for words
    text: str  # empty for products
    at: int  # milliseconds since 1970
    weight: float  # kind × recency, negative for a dislike
    vector: Vector | None  # e_b; None while it is not known


@dataclass(frozen=True, slots=True, eq=False)
class Need:
    """What a person needs. Recency is measured from the person's own newest behaviour, not from today: whoever comes
    back after a year is met where they left, and the same log gives the same need whenever it is read.
    """

    known: bool
    vector: Vector | None  # r_{u,t}, unit length; None while nothing has a vector
    spectrum: Sequence[Behavior]  # R_u, newest first
    words: Sequence[tuple[str, float]]  # sparse need, heaviest first, each above 0
    behaviors: int
    last_at: int  # milliseconds since 1970; 0: never
    blind: int  # behaviours of the ring that do not count in `vector`, because their product's vector is not known here
    language: str = ""  # BCP 47, as in the profile; empty: nothing tells it
    record: ShopRecord = field(default_factory=ShopRecord)  # what the shop keeps of the person


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """R_u as columns, newest first."""

    now: int  # time of the newest of all behaviours, from which ages are counted; 0 without any
    times: Times
    weights: Weights  # of the kind alone
    recency: Weights  # by time and by attention, in (0, 1]
    vectors: Matrix
    products: Sequence[Product | None]  # None for a text, or for a product that is not known here
    texts: Sequence[tuple[Text, ReadText] | None]  # None for a product
    kinds: Sequence[int]

    @property
    def effective(self) -> Weights:
        """How much each counts now."""
        return self.weights * self.recency


def spectrum(row: Rows, words: Words, read: Sequence[ReadText], products: ProductTable, recency: Recency) -> Spectrum:
    """R_u of one row, (), and the texts with their readings, in the order of `words.texts`."""
    ring, given = min(int(row["kept"]), RING), len(words.texts)
    order_of_log = (int(row["kept"]) - 1 - np.arange(ring)) % RING  # newest first
    places = products.places(row["products"][order_of_log])
    times = np.concatenate([row["times"][order_of_log], [text.at for text in reversed(words.texts)]]).astype(np.int64)
    weights = np.concatenate(
        [row["weights"][order_of_log], [text.weight for text in reversed(words.texts)]], dtype=np.float64
    )
    order = np.argsort(-times, kind="stable")
    times, weights = times[order], weights[order]
    newer = np.cumsum(np.abs(weights)) - np.abs(weights)
    now = max(int(times[0]) if len(times) else 0, int(row["tail_at"]))
    texts = [None] * ring + list(reversed(list(zip(words.texts, read, strict=True))))
    vectors = np.concatenate([products.vectors[places], _stacked([r.vector for r in reversed(read)], products)])
    found = [products.at(place) for place in places.tolist()] + [None] * given
    kinds = row["kinds"][order_of_log].tolist() + [0] * given
    places_in_order = order.tolist()
    return Spectrum(
        now=now,
        times=times,
        weights=weights,
        recency=recency.by_time(now - times) * recency.by_attention(newer),
        vectors=vectors[order],
        products=[found[i] for i in places_in_order],
        texts=[texts[i] for i in places_in_order],
        kinds=[kinds[i] for i in places_in_order],
    )


def need(
    row: Rows, words: Words, read: Sequence[ReadText], products: ProductTable, recency: Recency, mode: Mode
) -> Need:
    """The need of one person; of nothing an unknown, empty one."""
    seen = spectrum(row, words, read, products, recency)
    behaviors = int(row["kept"]) + words.asked
    return Need(
        known=behaviors > 0,
        vector=_mean(seen) if mode is Mode.ARTICLE else _weighted(row, seen, recency),
        spectrum=_behaviors(seen),
        words=_sparse(seen),
        behaviors=behaviors,
        last_at=max(int(row["last_at"]), *(text.at for text in words.texts), 0),
        blind=_blind(seen),
    )


def _mean(seen: Spectrum) -> Vector | None:
    """r_{u,t} = mean of the vectors of R_u, the article's base case: every behaviour counts alike."""
    return _unit(seen.vectors.sum(axis=0, dtype=np.float64), float(len(seen.vectors)))


def _weighted(row: Rows, seen: Spectrum, recency: Recency) -> Vector | None:
    """r_{u,t} = Σ weight · recency · e_b over R_u, and the tail, faded by all that came after it."""
    faded = recency.by_time(np.array(seen.now - int(row["tail_at"]))) * recency.by_attention(np.abs(seen.weights).sum())
    total = seen.effective @ seen.vectors + row["tail"].astype(np.float64) * faded
    return _unit(total, float(np.abs(seen.effective).sum() + faded))


def _unit(total: NDArray[np.float64], scale: float) -> Vector | None:
    length = float(np.linalg.norm(total))
    return (total / length).astype(np.float32) if length > _NOTHING * scale else None


def _sparse(seen: Spectrum) -> list[tuple[str, float]]:
    """Σ weight · recency of every word of the products and texts."""
    found: dict[str, float] = {}
    for weight, product, text in zip(seen.effective.tolist(), seen.products, seen.texts, strict=True):
        words = text[1].words if text is not None else product.words if product is not None else ()
        for word, share in words:
            found[word] = found.get(word, 0.0) + weight * share
    wanted = [(word, weight) for word, weight in found.items() if weight > 0]
    return sorted(wanted, key=lambda pair: (-pair[1], pair[0]))[:MOST_WORDS]


def _behaviors(seen: Spectrum) -> list[Behavior]:
    return [
        Behavior(
            kind=seen.kinds[i],
            product_id=product.product_id if product is not None else "",
            text=text[0].text if text is not None else "",
            at=at,
            weight=weight,
            vector=seen.vectors[i] if seen.vectors[i].any() else None,
        )
        for i, (product, text, at, weight) in enumerate(
            zip(seen.products, seen.texts, seen.times.tolist(), seen.effective.tolist(), strict=True)
        )
        if product is not None or text is not None  # a product this process has not heard of cannot be named
    ]


def _blind(seen: Spectrum) -> int:
    pairs = zip(seen.products, seen.texts, strict=True)
    return sum(text is None and (product is None or product.vector is None) for product, text in pairs)


def _stacked(vectors: Sequence[Vector], products: ProductTable) -> Matrix:
    return np.stack(vectors) if vectors else np.zeros((0, products.vectors.shape[1]), dtype=np.float32)
