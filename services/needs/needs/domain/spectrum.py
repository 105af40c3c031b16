"""R_u: what a person did and said lately, as columns, and what is left of all that came before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from needs.domain.past import Past, Tail
from needs.domain.products import UNKNOWN, ProductTable
from needs.domain.state import RING, Rows
from needs.domain.weights import Recency, Times, Weights, moments
from needs.domain.words import KEPT, Text, Words

Vector = NDArray[np.float32]  # (dim,)
Matrix = NDArray[np.float32]  # (n, dim)
_NOBODY = -1  # a text is under no id alone: the newest of all ids are kept


@dataclass(frozen=True, slots=True, eq=False)
class ReadText:
    """A text as the models read it."""

    vector: Vector  # unit length, or zero when no word is known
    words: tuple[tuple[str, float], ...]  # together of unit length


class Spectrum(NamedTuple):
    """R_u as columns, newest first, and what is left of the behaviours before it."""

    now: int  # time of the newest of all behaviours, from which ages are counted; 0 without any
    times: Times
    weights: Weights  # of the kind alone
    recency: Weights  # by time and by attention, in (0, 1]
    effective: Weights  # how much each counts now: weight of the kind × recency
    vectors: Matrix
    places: NDArray[np.int64]  # of the products in the table; UNKNOWN for a text, or for what is not known here
    texts: Sequence[tuple[Text, ReadText] | None]  # None for a product
    kinds: Sequence[int]
    tail: NDArray[np.float64]  # (dim,) faded until now
    tail_scale: float  # how long it would be if all in it pointed the same way, at most: Σ of what fading left of tails

    @property
    def shown(self) -> NDArray[np.bool_]:
        """(n,) which of them are R_u: the newest of each sort, where several pasts were put together."""
        if len(self.texts) <= min(KEPT, RING):
            return np.ones(len(self.texts), dtype=bool)
        words = np.array([text is not None for text in self.texts], dtype=bool)
        return np.where(words, np.cumsum(words) <= KEPT, np.cumsum(~words) <= RING)


def spectrum(row: Rows, words: Words, read: Sequence[ReadText], products: ProductTable, recency: Recency) -> Spectrum:
    """R_u of one row, (), and the texts with their readings, in the order of `words.texts`."""
    return spectrum_of(Past.of(row, words), read, products, recency)


def spectrum_of(past: Past, read: Sequence[ReadText], products: ProductTable, recency: Recency) -> Spectrum:
    """R_u of a past, with the readings of its texts, in their order."""
    texts = past.texts[::-1]  # newest first
    times, weights = past.times.astype(np.int64), past.weights
    places, kinds, ids = products.places(past.products), past.kinds, past.ids
    vectors = products.vectors[places]
    said: list[tuple[Text, ReadText] | None] = [None] * len(places)
    if texts:
        times = np.concatenate([times, [text.at for text in texts]])
        weights = np.concatenate([weights, [text.weight for text in texts]])
        vectors = np.concatenate([vectors, [text.vector for text in reversed(read)]])
        places, kinds = _followed(places, UNKNOWN, len(texts)), _followed(kinds, 0, len(texts))
        ids, said = _followed(ids, _NOBODY, len(texts)), [*said, *zip(texts, reversed(read), strict=True)]
    if (times[1:] > times[:-1]).any():  # a producer was late; or there are texts, or several ids
        order = np.argsort(-times, kind="stable")
        times, weights, ids = times[order], weights[order], ids[order]
        vectors, places, kinds, said = vectors[order], places[order], kinds[order], [said[i] for i in order.tolist()]
    newer, added = moments(times, weights)
    now = max(int(times[0]) if len(times) else 0, *(tail.at for tail in past.tails))
    tail, scale = _left(past.tails, now, times, ids, added, recency)
    faded = recency.by_time(now - times) * recency.by_attention(newer)
    return Spectrum(
        now=now,
        times=times,
        weights=weights,
        recency=faded,
        effective=weights * faded,
        vectors=vectors,
        places=places,
        texts=said,
        kinds=kinds.tolist(),
        tail=tail,
        tail_scale=scale,
    )


def _left(
    tails: Sequence[Tail], now: int, times: Times, ids: NDArray[np.int64], added: Weights, recency: Recency
) -> tuple[NDArray[np.float64], float]:
    """What is left of all tails together, and how long it could be; `added` (n,) is what each behaviour fades by."""
    total, scale = np.zeros(len(tails[0].vector)), 0.0
    for of, tail in enumerate(tails):
        if tail.behaviors:
            fading = _fading(tail, now, added[((ids == of) & (times != tail.at)) | (times > tail.at)], recency)
            total += tail.vector.astype(np.float64) * fading
            scale += fading
    return total, scale


def _followed(column: NDArray[Any], by: int, times: int) -> NDArray[Any]:
    return np.concatenate([column, np.full(times, by, column.dtype)])


def _fading(tail: Tail, now: int, after: Weights, recency: Recency) -> float:
    """What time and the moments after it leave of a tail: those of the ring it left, and whatever else is newer."""
    return float(recency.by_time(np.array(now - tail.at)) * recency.by_attention(after.sum()))
