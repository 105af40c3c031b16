"""What is remembered of a person → what their need is made of: as it is, as it was, and as it would be.

Someone who has signed in has several pasts, one under each id. They are put together when a need is asked for, and
nothing is written, so that nothing is merged twice, what comes late under an old id counts too, and it can be undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from needs.domain.identity import Names
from needs.domain.state import RING, Rows
from needs.domain.weights import Kind, Kinds, TextKind, Times, Weights
from needs.domain.words import KEPT, Text, Words

# Places of a ring by kept % RING: that of the newest behaviour first.
_NEWEST_FIRST = [(kept - 1 - np.arange(RING)) % RING for kept in range(RING)]


class Tail(NamedTuple):
    """What has left a ring, as one faded sum."""

    vector: NDArray[np.float16]  # (dim,)
    at: int  # its newest time, milliseconds since 1970; 0: nothing has left
    behaviors: int  # how many it is the sum of


class Past(NamedTuple):
    """Behaviours (n,), newest first as the log had them, and texts, oldest first."""

    products: Names
    times: Times
    weights: Weights
    kinds: Kinds
    ids: NDArray[np.int64]  # under which of the ids each was done, from 0
    texts: tuple[Text, ...]
    tails: tuple[Tail, ...]  # one an id
    behaviors: int  # ever, texts included
    last_at: int
    incomplete: bool = (
        False  # what has left the ring cannot be told apart, so that some of the moment asked for is missing
    )
    simulated: bool = False

    @classmethod
    def of(cls, row: Rows, words: Words) -> Past:
        """Of one row, ()."""
        kept = int(row["kept"])
        ring = min(kept, RING)
        newest_first = _NEWEST_FIRST[kept % RING][:ring]
        return cls(
            products=row["products"][newest_first],
            times=row["times"][newest_first],
            weights=row["weights"][newest_first].astype(np.float64),
            kinds=row["kinds"][newest_first],
            ids=np.zeros(ring, dtype=np.int64),
            texts=words.texts,
            tails=(Tail(row["tail"], int(row["tail_at"]), kept - ring),),
            behaviors=kept + words.asked - int(row["counts"][Kind.ASKED]),  # a question about a product is one
            last_at=max(int(row["last_at"]), *(text.at for text in words.texts), 0),
        )

    @classmethod
    def together(cls, pasts: Sequence[Past]) -> Past:
        """Of one person under several ids. Of the texts the newest stay, as many as of one id."""
        texts = sorted((text for past in pasts for text in past.texts), key=lambda text: text.at)
        return cls(
            products=np.concatenate([past.products for past in pasts]),
            times=np.concatenate([past.times for past in pasts]),
            weights=np.concatenate([past.weights for past in pasts]),
            kinds=np.concatenate([past.kinds for past in pasts]),
            ids=np.repeat(np.arange(len(pasts)), [len(past.times) for past in pasts]),
            texts=tuple(texts[-KEPT:]),
            tails=tuple(tail for past in pasts for tail in past.tails),
            behaviors=sum(past.behaviors for past in pasts),
            last_at=max(past.last_at for past in pasts),
        )

    def until(self, at: int) -> Past:
        """As it was at this moment. A tail that holds something newer is left out: it cannot be taken apart."""
        then = self.times <= at
        texts = tuple(text for text in self.texts if text.at <= at)
        tails = tuple(tail if tail.at <= at else Tail(np.zeros_like(tail.vector), 0, 0) for tail in self.tails)
        later_words = sum(text.at > at and text.kind is not TextKind.REVIEW for text in self.texts)
        later = int((~then & (self.kinds != Kind.ASKED)).sum()) + later_words
        lost = sum(tail.behaviors for tail in self.tails) - sum(tail.behaviors for tail in tails)
        pushed = any(tail.behaviors and not then[self.ids == of].all() for of, tail in enumerate(self.tails))
        return self._replace(
            products=self.products[then],
            times=self.times[then],
            weights=self.weights[then],
            kinds=self.kinds[then],
            ids=self.ids[then],
            texts=texts,
            tails=tails,
            behaviors=max(0, self.behaviors - later - lost),
            last_at=max(
                int(self.times[then].max(initial=0)), *(text.at for text in texts), *(tail.at for tail in tails), 0
            ),
            incomplete=lost > 0 or pushed or (len(self.texts) == KEPT and len(texts) < KEPT),
        )

    def after(self, products: Names, kinds: Kinds, weights: Weights, at: int) -> Past:
        """As it would be if these were done too, in this order, at this moment or after the last behaviour."""
        if not len(products):
            return self
        at = max(at, self.last_at)
        return self._replace(
            products=np.concatenate([products[::-1], self.products]),
            times=np.concatenate([np.full(len(products), at), self.times]),
            weights=np.concatenate([weights[::-1], self.weights]),
            kinds=np.concatenate([kinds[::-1], self.kinds]),
            ids=np.concatenate([np.zeros(len(products), dtype=np.int64), self.ids]),
            behaviors=self.behaviors + len(products),
            last_at=at,
            simulated=True,
        )
