"""R_u and r_{u,t}: what a person needs, derived from what is remembered at the moment it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from needs.domain.links import Links
from needs.domain.past import Past, Tail
from needs.domain.products import Product, ProductTable
from needs.domain.shop_record import ShopRecord
from needs.domain.state import RING, Rows
from needs.domain.weights import Recency, Times, Weights, moments
from needs.domain.words import KEPT, Text, Words

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

    kind: int  # of Kind; 0 for words, and for a question about a product
    product_id: str  # empty for words
    text: str  # empty for products
    at: int  # milliseconds since 1970
    weight: float  # kind × recency, negative for a dislike
    share: float  # of r_{u,t}: weight · cos(e_b, r) / length
    vector: Vector | None  # e_b; None while it is not known


@dataclass(frozen=True, slots=True, eq=False)
class Need:
    """What a person needs. Recency is measured from the person's own newest behaviour, not from today: whoever comes
    back after a year is met where they left, and the same log gives the same need whenever it is read.
    """

    known: bool
    vector: Vector | None  # r_{u,t}, unit length; None while nothing has a vector
    session: Vector | None  # of the last visit alone, unit length
    long_term: Vector | None  # of all before it, unit length
    spectrum: Sequence[Behavior]  # R_u, newest first
    earlier_share: float  # of r_{u,t}, by what R_u holds no more; this and the shares of R_u add up to 1
    words: Sequence[tuple[str, float]]  # sparse need, heaviest first, each above 0
    behaviors: int
    last_at: int  # milliseconds since 1970; 0: never
    blind: int  # behaviours of the ring that do not count in `vector`, because their product's vector is not known here
    incomplete: bool = False
    simulated: bool = False
    language: str = ""  # BCP 47, as in the profile; empty: nothing tells it
    record: ShopRecord = field(default_factory=ShopRecord)  # what the shop keeps of the person
    links: Links = field(default_factory=Links)  # under which ids they were known before


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """R_u as columns, newest first, and what is left of the behaviours before it."""

    now: int  # time of the newest of all behaviours, from which ages are counted; 0 without any
    times: Times
    weights: Weights  # of the kind alone
    recency: Weights  # by time and by attention, in (0, 1]
    vectors: Matrix
    products: Sequence[Product | None]  # None for a text, or for a product that is not known here
    texts: Sequence[tuple[Text, ReadText] | None]  # None for a product
    kinds: Sequence[int]
    tail: NDArray[np.float64]  # (dim,) faded until now
    tail_scale: float  # how long it would be if all in it pointed the same way, at most: Σ of what fading left of tails

    @property
    def effective(self) -> Weights:
        """How much each counts now."""
        return self.weights * self.recency

    @property
    def shown(self) -> NDArray[np.bool_]:
        """(n,) which of them are R_u: the newest of each sort, where several pasts were put together."""
        words = np.array([text is not None for text in self.texts], dtype=bool)
        return np.where(words, np.cumsum(words) <= KEPT, np.cumsum(~words) <= RING)


def spectrum(row: Rows, words: Words, read: Sequence[ReadText], products: ProductTable, recency: Recency) -> Spectrum:
    """R_u of one row, (), and the texts with their readings, in the order of `words.texts`."""
    return spectrum_of(Past.of(row, words), read, products, recency)


def spectrum_of(past: Past, read: Sequence[ReadText], products: ProductTable, recency: Recency) -> Spectrum:
    """R_u of a past, with the readings of its texts, in their order."""
    texts = past.texts[::-1]  # newest first
    times = np.concatenate([past.times, [text.at for text in texts]]).astype(np.int64)
    weights = np.concatenate([past.weights, [text.weight for text in texts]])
    order = np.argsort(-times, kind="stable")
    times, weights = times[order], weights[order]
    newer, added = moments(times, weights)
    now = max(int(times[0]) if len(times) else 0, *(tail.at for tail in past.tails))
    places = products.places(past.products)
    vectors = np.concatenate([products.vectors[places], _stacked([r.vector for r in reversed(read)], products)])
    said = [None] * len(places) + list(zip(texts, reversed(read), strict=True))
    found = [products.at(place) for place in places.tolist()] + [None] * len(texts)
    kinds = past.kinds.tolist() + [0] * len(texts)
    places_in_order = order.tolist()
    ids = np.concatenate([past.ids, np.full(len(texts), -1)])[order]
    own = [((ids == of) & (times != tail.at)) | (times > tail.at) for of, tail in enumerate(past.tails)]
    fading = [_fading(tail, now, added[after], recency) for tail, after in zip(past.tails, own, strict=True)]
    return Spectrum(
        now=now,
        times=times,
        weights=weights,
        recency=recency.by_time(now - times) * recency.by_attention(newer),
        vectors=vectors[order],
        products=[found[i] for i in places_in_order],
        texts=[said[i] for i in places_in_order],
        kinds=[kinds[i] for i in places_in_order],
        tail=np.sum([tail.vector.astype(np.float64) * by for tail, by in zip(past.tails, fading, strict=True)], axis=0),
        tail_scale=sum(fading),
    )


def _fading(tail: Tail, now: int, after: Weights, recency: Recency) -> float:
    """What time and the moments after it leave of a tail: those of the ring it left, and whatever else is newer."""
    return float(recency.by_time(np.array(now - tail.at)) * recency.by_attention(after.sum()))


def need(
    row: Rows, words: Words, read: Sequence[ReadText], products: ProductTable, recency: Recency, mode: Mode
) -> Need:
    """The need of one row, (); of nothing an unknown, empty one."""
    return need_of(Past.of(row, words), read, products, recency, mode)


def need_of(past: Past, read: Sequence[ReadText], products: ProductTable, recency: Recency, mode: Mode) -> Need:
    """The need that a past makes; `read` are its texts as the models read them."""
    seen = spectrum_of(past, read, products, recency)
    shown = seen.shown
    counts, tail = _counted(seen, shown, mode)
    visit = _visit(seen, recency)
    total = counts @ seen.vectors + tail
    scale = float(np.abs(counts).sum()) + seen.tail_scale
    length = float(np.linalg.norm(total))
    r = total / length if length > _NOTHING * scale else None
    shares = counts * (seen.vectors @ r) / length if r is not None else np.zeros(len(counts))
    return Need(
        known=past.behaviors > 0,
        vector=None if r is None else r.astype(np.float32),
        session=_unit(counts[:visit] @ seen.vectors[:visit], scale),
        long_term=_unit(counts[visit:] @ seen.vectors[visit:] + tail, scale),
        spectrum=_behaviors(seen, shares, shown),
        earlier_share=0.0 if r is None else float(shares[~shown].sum() + tail @ r / length),
        words=_sparse(seen),
        behaviors=past.behaviors,
        last_at=past.last_at,
        blind=_blind(seen),
        incomplete=past.incomplete,
        simulated=past.simulated,
    )


def _counted(seen: Spectrum, shown: NDArray[np.bool_], mode: Mode) -> tuple[Weights, NDArray[np.float64]]:
    """By how much each e_b is multiplied in the sum that r_{u,t} is, and what of the tail is added.

    Article: r_{u,t} = mean of the vectors of R_u, every behaviour counts alike, what has left R_u not at all.
    Weighted: r_{u,t} = Σ weight · recency · e_b, and the tail, faded by all that came after it.
    """
    if mode is Mode.ARTICLE:
        return shown.astype(np.float64), np.zeros_like(seen.tail)
    return seen.effective, seen.tail


def _visit(seen: Spectrum, recency: Recency) -> int:
    """How many of the newest belong to the last visit: those before the first pause that is too long for one."""
    pauses = np.flatnonzero(seen.times[:-1] - seen.times[1:] > recency.longest_pause)
    return int(pauses[0]) + 1 if len(pauses) else len(seen.times)


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


def _behaviors(seen: Spectrum, shares: Weights, shown: NDArray[np.bool_]) -> list[Behavior]:
    counts, parts, visible = seen.effective.tolist(), shares.tolist(), shown.tolist()
    return [
        Behavior(
            kind=seen.kinds[i],
            product_id=product.product_id if product is not None else "",
            text=text[0].text if text is not None else "",
            at=at,
            weight=counts[i],
            share=parts[i],
            vector=seen.vectors[i] if seen.vectors[i].any() else None,
        )
        for i, (product, text, at) in enumerate(zip(seen.products, seen.texts, seen.times.tolist(), strict=True))
        if visible[i]
        and (product is not None or text is not None)  # a product this process has not heard of cannot be named
    ]


def _blind(seen: Spectrum) -> int:
    pairs = zip(seen.products, seen.texts, strict=True)
    return sum(text is None and (product is None or product.vector is None) for product, text in pairs)


def _stacked(vectors: Sequence[Vector], products: ProductTable) -> Matrix:
    return np.stack(vectors) if vectors else np.zeros((0, products.vectors.shape[1]), dtype=np.float32)
