"""What people chose next, and what every product that could have been offered then looked like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attune_evaluate.dataset import Act, Dataset
from attune_evaluate.inprocess.house import TENANT, House
from attune_evaluate.protocols import chance
from attune_evaluate.recommending import Progress
from recommender.domain.allowed import Allowed
from recommender.domain.context import Context
from recommender.domain.score import Mode, Weights, coefficients, score
from recommender.usecases.relations import Person

Matrix = NDArray[np.float64]
WARM = 0.3  # of all events are known before the first choice is looked at: an empty graph teaches nothing
PIECES = 12  # of the rest; whoever chooses in one of them is asked with what was known before it
HELD_OUT = 4  # the last pieces: a third of the choices judges
MOST = 6_000  # choices that are looked at: more change the third digit of a coefficient
_CHOSEN = frozenset({"view", "click", "add_to_cart", "purchase", "like", "review"})
_NOT_LEARNED = frozenset({"text", "sim.need"})  # of written texts and of searches, which replayed clicks do not have


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One person who chose a product they had not dealt with."""

    user: str
    values: Matrix  # (candidates, terms)
    chosen: int  # row of what was chosen; -1: it was no candidate


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """In the order of time."""

    terms: Sequence[str]
    earlier: Sequence[Choice]
    later: Sequence[Choice]  # held out


def terms_of(weights: Weights) -> list[str]:
    """The terms whose coefficients can be learned."""
    return [name for name in coefficients(weights) if name not in _NOT_LEARNED]


async def observed(house: House, data: Dataset, told: Progress) -> Choices:
    """Replay the past; at every choice note what is known by then and by nobody later."""
    terms = terms_of(house.weights)
    acts = list(data.acts)
    warm = int(WARM * len(acts))
    await _take(house, acts[:warm])
    known = {act.user for act in acts[:warm]}
    pieces = [[acts[i] for i in part.tolist()] for part in np.array_split(np.arange(warm, len(acts)), PIECES)]
    found: list[list[Choice]] = []
    for number, piece in enumerate(pieces):
        told("choices", number, PIECES)
        first = _first(piece, known)
        found.append([choice for act in first if (choice := await _look(house, act, terms)) is not None])
        await _take(house, piece)
        known |= {act.user for act in piece}
    split = PIECES - HELD_OUT
    return Choices(
        terms,
        [choice for part in found[:split] for choice in part],
        [choice for part in found[split:] for choice in part],
    )


def _first(piece: Sequence[Act], known: set[str]) -> list[Act]:
    """The first choice of each person of whom something is known; when there are many, of some of them."""
    first: dict[str, Act] = {}
    for act in piece:
        if act.kind in _CHOSEN and act.user in known:
            first.setdefault(act.user, act)
    return sorted(first.values(), key=lambda act: chance(act.user))[: MOST // PIECES]


async def _take(house: House, acts: Sequence[Act]) -> None:
    await house.learn(acts)
    await house.remember(acts)


async def _look(house: House, act: Act, terms: Sequence[str]) -> Choice | None:
    """None for what the person had dealt with, and for what the catalogue does not have."""
    known = await house.understand(Person(TENANT, act.user), (), Mode.CONDITIONED)
    place = known.shop.places.get(act.product)
    if place is None or place in known.history.items or not known.shop.has(place):
        return None
    ruling = house.decisions.ruling(known.shop, Context.HOME, known.customer)
    proposed = await house.candidates(known.shop, known.wish, 10, _ALL, known.history.items, ruling)
    if not len(proposed.places):
        return None
    ones = Weights(learned=dict.fromkeys(terms, 1.0))
    columns = {name: values for name, values, _ in score(known.shop, known.wish, proposed.places, ones, _MODE).columns}
    none = np.zeros(len(proposed.places))
    rows = np.flatnonzero(proposed.places == place)
    return Choice(
        act.user, np.stack([columns.get(name, none) for name in terms], axis=1), int(rows[0]) if len(rows) else -1
    )


_ALL, _MODE = Allowed(out_of_stock=True), Mode.CONDITIONED
