"""How offers are made in each place of a shop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from recommender.domain.context import Context


@dataclass(frozen=True, slots=True)
class Manner:
    """What differs from the home page."""

    factors: Mapping[str, float] = field(default_factory=dict)  # name of a term → how many times it counts
    substitutes: bool = True  # whether what could be bought in place of what stands there is offered
    words: bool = False  # whether what was said last counts for the need
    lasting: bool = False  # whether it is read later, when only what is in stock now may still be there


# Likeness to what is bought anyway finds it a second time: beside a cart it hardly counts.
_BESIDE = Manner({"sim.dense": 0.2, "sim.recent": 0.0, "sim.words": 0.2, "rel.attributes": 0.0}, substitutes=False)

MANNERS: Mapping[Context, Manner] = {
    Context.HOME: Manner(),
    Context.PRODUCT_PAGE: Manner(),  # what stands there comes first among the seeds, which is all it takes
    Context.CART: _BESIDE,
    Context.AFTER_PURCHASE: _BESIDE,
    Context.SEARCH_RESULTS: Manner({"sim.dense": 3.0, "sim.words": 2.0}, words=True),  # it was said a moment ago
    # Tomorrow the last visit is over, and so is what comes next in it; what is known of somebody for long still holds.
    Context.EMAIL: Manner({"sim.recent": 0.5, "rel.transition": 0.5, "sim.dense": 2.0}, lasting=True),
}
