"""r_{u,t}: what a person needs, derived from what is remembered at the moment it is asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from needs.domain.links import Links
from needs.domain.past import Past
from needs.domain.products import UNKNOWN, ProductTable
from needs.domain.shop_record import ShopRecord
from needs.domain.spectrum import ReadText, Spectrum, Vector, spectrum_of
from needs.domain.state import Rows
from needs.domain.weights import Recency, Weights
from needs.domain.words import Words

MOST_WORDS = 64
_NOTHING = 1e-6  # a sum this short, of vectors of length one, is cancellation and not a direction


class Mode(Enum):
    """How r_{u,t} is made of R_u."""

    ARTICLE = auto()  # plain mean
    WEIGHTED = auto()  # by kind and recency


class Behavior(NamedTuple):
    """One b_{u,t} of R_u."""

    kind: int  # of Kind; 0 for words, and for a question about a product
    product_id: str  # empty for words
    text: str  # empty for products
    at: int  # milliseconds since 1970
    weight: float  # kind × recency, negative for a dislike
    share: float  # of r_{u,t}: weight · cos(e_b, r) / length
    vector: Vector | None  # e_b; None while it is not known


class Need(NamedTuple):
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
    record: ShopRecord = ShopRecord()  # what the shop keeps of the person
    links: Links = Links()  # under which ids they were known before


def need(
    row: Rows, words: Words, read: Sequence[ReadText], products: ProductTable, recency: Recency, mode: Mode
) -> Need:
    """The need of one row, (); of nothing an unknown, empty one."""
    return need_of(Past.of(row, words), read, products, recency, mode)


def need_of(
    past: Past,
    read: Sequence[ReadText],
    products: ProductTable,
    recency: Recency,
    mode: Mode,
    *,
    explained: bool = True,
) -> Need:
    """The need that a past makes; `read` are its texts as the models read them.

    Not `explained`: shares are 0, and there are neither vectors of behaviours nor `session` and `long_term`; for
    readers who only rank by it.
    """
    seen = spectrum_of(past, read, products, recency)
    shown = seen.shown
    counts, tail = _counted(seen, shown, mode)
    total = counts @ seen.vectors + tail
    scale = float(np.abs(counts).sum()) + seen.tail_scale
    length = math.sqrt(total @ total)
    r = total / length if length > _NOTHING * scale else None
    shares: Weights | None = None
    session, long_term, earlier = None, None, 0.0
    if explained:
        shares = np.zeros(len(counts))
        visit = _visit(seen, recency)
        session = _unit(counts[:visit] @ seen.vectors[:visit], scale)
        long_term = _unit(counts[visit:] @ seen.vectors[visit:] + tail, scale)
        if r is not None:
            shares = counts * (seen.vectors @ r) / length
            earlier = float(shares[~shown].sum() + tail @ r / length)
    return Need(
        known=past.behaviors > 0,
        vector=None if r is None else r.astype(np.float32),
        session=session,
        long_term=long_term,
        spectrum=_behaviors(seen, shares, shown, products),
        earlier_share=earlier,
        words=_sparse(seen, products),
        behaviors=past.behaviors,
        last_at=past.last_at,
        blind=_blind(seen, products),
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


def _sparse(seen: Spectrum, products: ProductTable) -> list[tuple[str, float]]:
    """Σ weight · recency of every word of the products and texts."""
    numbers, sums = products.words(seen.places, seen.effective)
    if not any(seen.texts):
        if len(sums) > MOST_WORDS:  # without those that lie below the last one that is told
            heavy = sums >= np.partition(sums, -MOST_WORDS)[-MOST_WORDS]
            numbers, sums = numbers[heavy], sums[heavy]
        return _heaviest(zip(products.texts(numbers), sums.tolist(), strict=True))
    found = dict(zip(products.texts(numbers), sums.tolist(), strict=True))
    for weight, text in zip(seen.effective.tolist(), seen.texts, strict=True):
        for word, share in text[1].words if text is not None else ():
            found[word] = found.get(word, 0.0) + weight * share
    return _heaviest(found.items())


def _heaviest(words: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    heaviest = sorted([(-weight, word) for word, weight in words if weight > 0])[:MOST_WORDS]
    return [(word, -weight) for weight, word in heaviest]


def _behaviors(
    seen: Spectrum, shares: Weights | None, shown: NDArray[np.bool_], products: ProductTable
) -> list[Behavior]:
    """R_u; without `shares` nothing is explained."""
    nothing: Sequence[None] = [None] * len(seen.texts)
    rows = zip(
        seen.kinds,
        seen.places.tolist(),
        seen.texts,
        seen.times.tolist(),
        seen.effective.tolist(),
        [0.0] * len(nothing) if shares is None else shares.tolist(),
        nothing if shares is None else seen.vectors,
        nothing if shares is None else np.any(seen.vectors, axis=1).tolist(),
        shown.tolist(),
        strict=True,
    )
    return [
        Behavior(
            kind,
            products.id(place),
            "" if text is None else text[0].text,
            at,
            weight,
            share,
            vector if told else None,
        )
        for kind, place, text, at, weight, share, vector, told, visible in rows
        if visible and (place != UNKNOWN or text is not None)  # what this process has not heard of cannot be named
    ]


def _blind(seen: Spectrum, products: ProductTable) -> int:
    return products.blind(seen.places) - sum(text is not None for text in seen.texts)
