"""Why nothing can be offered, in words for whoever asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from recommender.domain.allowed import Allowed
from recommender.domain.columns import Flags
from recommender.domain.shop import Places, Shop


def nothing_passes(shop: Shop, allowed: Allowed) -> str:
    """What keeps every product of a shop from being offered; empty: some product may be.

    Names the one condition that no product meets, else that none meets all of them.
    """
    everywhere = shop.all()
    if not len(everywhere):
        return f"the shop {shop.tenant!r} has no products yet: send some to attune.catalog.v1"
    if allowed.fits(shop, everywhere).any():
        return ""
    alone = (said for said, met in _conditions(shop, allowed, everywhere) if not met.any())
    return next(alone, "products meet some of the conditions, but none meets all of them")


def fewer(shop: Shop, allowed: Allowed, without: Collection[int], there: Collection[int] = ()) -> str:
    """Why there are fewer offers than asked for, where all that may be offered are.

    `without`: places that the person has dealt with; `there`: those that stand where offers are shown.
    """
    if nothing := nothing_passes(shop, allowed):
        return nothing
    passing = allowed.everywhere(shop)
    here, dealt = np.isin(passing, list(there)), np.isin(passing, list(without))
    counts = ((dealt & ~here, "dealt with before"), (here, "there already"))
    told = [f"{count} of them {what}" for flags, what in counts if (count := np.count_nonzero(flags))]
    return ", ".join([f"{len(passing)} products meet the conditions", *told])


def _conditions(shop: Shop, allowed: Allowed, places: Places) -> Iterable[tuple[str, Flags]]:
    """Each condition alone: what to say when nobody meets it, and who does."""
    columns, facts = shop.facts.columns, shop.facts
    if allowed.categories:
        met = facts.categories.chosen(allowed.categories)[columns.category[places]]
        yield f"no product is in category {_any(allowed.categories)}", met
    if allowed.brands:
        yield (
            f"no product is of brand {_any(allowed.brands)}",
            facts.brands.chosen(allowed.brands)[columns.brand[places]],
        )
    if allowed.most is not None or allowed.least is not None:
        priced = facts.currencies.chosen([allowed.currency])[columns.currency[places]]
        yield f"no product has a price in {allowed.currency}", priced
        amounts = columns.amount[places]
        if allowed.least is not None:
            yield f"no product costs {allowed.least:g} {allowed.currency} or more", priced & (amounts >= allowed.least)
        if allowed.most is not None:
            yield f"no product costs {allowed.most:g} {allowed.currency} or less", priced & (amounts <= allowed.most)
    yield from _by_trait(shop, allowed, places)
    if not allowed.out_of_stock:
        yield "nothing is in stock", columns.in_stock[places]
        yield "everything will be on sale only later", (columns.released[places] <= allowed.now) | (not allowed.now)
    if allowed.excluded:
        kept = np.isin(np.array(shop.ids)[places], list(allowed.excluded), invert=True)
        yield "every product was asked to be left out", kept


def _by_trait(shop: Shop, allowed: Allowed, places: Places) -> Iterable[tuple[str, Flags]]:
    for name, values in allowed.traits:
        named = shop.having(places, name, ())
        yield f"no product has an attribute {name!r}", named
        if values:
            yield f"no product has {_any(values)} as its {name!r}", shop.having(places, name, values)
    for stated in allowed.stated:
        yield f"no product is {stated.said}", shop.having_any(places, stated.numbers)


def _any(names: Iterable[str]) -> str:
    return " or ".join(repr(name) for name in sorted(names))
