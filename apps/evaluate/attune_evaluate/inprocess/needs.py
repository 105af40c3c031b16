"""Needs without a service: behaviours folded, and needs made of them, by the domain of `needs`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from attune_evaluate.dataset import Act
from chassis.kafka import Position, Record
from lm.protocols import Encoder
from needs import decoding
from needs.domain.fold import fold
from needs.domain.identity import names
from needs.domain.need import Mode, need
from needs.domain.products import ProductTable
from needs.domain.state import Behaviors, Rows, row_type
from needs.domain.weights import Kind, KindWeights, Recency
from needs.domain.words import Words
from recommender.usecases.ports import Behavior, NeedView
from recommender.usecases.relations import Person

_NO_STARS = float("nan")


class NeedsInProcess:
    """The `Needs` port of the recommender, of one shop."""

    def __init__(self, encoder: Encoder) -> None:
        self._table, self._recency, self._weights = ProductTable(encoder.dim), Recency(), KindWeights()
        self._space, self._decode = encoder.space, decoding.products(encoder.space)
        self._people: dict[str, int] = {}
        self._rows: Rows = np.zeros(1, row_type(encoder.dim))  # the last one stays empty: it is who is not known

    def stock(self, records: Sequence[Record]) -> None:
        """Take products as `attune.product-vectors.v1` tells them."""
        for record in records:
            self._table.put(self._decode(record))

    def remember(self, tenant: str, acts: Sequence[Act]) -> None:
        """Fold what people did, in its order; acts towards unknown products are passed over, as the service does."""
        products = self._table.names_of([tenant] * len(acts), [act.product for act in acts])
        known = [act for act, product in zip(acts, products.tolist(), strict=True) if product]
        new = [user for user in dict.fromkeys(act.user for act in known) if user not in self._people]
        first, empty = len(self._people), self._rows[-1:]
        self._people |= {user: first + number for number, user in enumerate(new)}
        self._rows = np.concatenate([self._rows[:first], np.repeat(empty, len(new) + 1)])
        kinds = np.array([Kind[act.kind.upper()] for act in known], dtype=np.uint8)
        stars = np.array([_NO_STARS if act.rating is None else act.rating for act in known], dtype=np.float64)
        batch = Behaviors(
            offsets=np.arange(len(known)),
            people=np.array([self._people[act.user] for act in known], dtype=np.int64),
            products=products[products != 0],
            kinds=kinds,
            times=np.array([act.at for act in known], dtype=np.int64),
            weights=self._weights.of(kinds, stars),
            events=names(f"{act.user} {act.product} {act.at} {number}" for number, act in enumerate(known)),
        )
        fold(self._rows, batch, self._table, self._recency)

    async def need(self, person: Person, at_least: Sequence[Position], *, article: bool, whole: bool) -> NeedView:
        """As `recommender.clients` reads it off the wire."""
        del at_least, whole
        row = self._rows[self._people.get(person.user, -1)]
        found = need(row, Words(), [], self._table, self._recency, Mode.ARTICLE if article else Mode.WEIGHTED)
        return NeedView(
            found.known,
            found.vector,
            self._space,
            [Behavior(b.product_id, b.text, b.weight) for b in found.spectrum],
            {word: float(np.float32(weight)) for word, weight in found.words},
            found.language,
            stale=False,
            by=["needs"],
        )
