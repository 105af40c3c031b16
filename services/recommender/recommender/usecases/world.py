"""The shops in process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from recommender.domain.errors import UnknownProduct
from recommender.domain.history import History, Meeting
from recommender.domain.product import Key, Position, Product
from recommender.domain.shop import Entry, Held, Shelf, Shop
from recommender.usecases.policy import Policies
from recommender.usecases.relations import Person, Relations, Shares


class World:
    """All shops; a shop is there as soon as it is spoken of.

    Invariant: the graphs, trends and products hold every change up to `number` once, and those of `ahead` once, which
    this process made itself. So a write whose outcome is unknown is taken from the journal like another replica's.
    """

    def __init__(self, dim: int, shelf: Callable[[], Shelf] = Held, policies: Policies | None = None) -> None:
        """`shelf` makes one for each shop."""
        self.dim, self.shelf, self.policies = dim, shelf, policies or Policies()
        self.shops: dict[str, Shop] = {}
        self.publishing = asyncio.Lock()  # held while a product's vector is told and taken over here
        self.number = 0
        self.ahead: set[int] = set()

    def shop(self, tenant: str) -> Shop:
        """The shop of a tenant, for writing."""
        shop = self.shops.get(tenant)
        if shop is None:
            shop = self.shops[tenant] = Shop(tenant, self.dim, self.shelf())
        return shop

    def look(self, tenant: str) -> Shop:
        """The shop of a tenant, for reading: an unknown one is empty and is not kept."""
        return self.shops.get(tenant) or Shop(tenant, self.dim)

    def entry(self, key: Key) -> Entry | None:
        """A product with what the models made of it."""
        shop = self.look(key.tenant)
        place = shop.places.get(key.product_id)
        return None if place is None else shop.entry(place)

    def product(self, key: Key) -> Product:
        """Raises UnknownProduct."""
        product = self.look(key.tenant).product(key.product_id)
        if product is None:
            raise UnknownProduct(*key)
        return product

    def keys(self) -> Iterator[Key]:
        """Every product there is."""
        return (Key(shop.tenant, shop.ids[place]) for shop in self.shops.values() for place in shop.all().tolist())

    def is_new(self, key: Key, position: Position) -> bool:
        """Whether a record was not applied yet."""
        shop = self.look(key.tenant)
        place = shop.places.get(key.product_id)
        applied = None if place is None else shop.facts.position(place)  # also of a product that is gone
        return applied is None or position.follows(applied)

    def made(self, number: int) -> bool:
        """Whether a change of this process is still to be taken here; 0: no journal brings it another time."""
        if not number:
            return True
        if number <= self.number:
            return False
        self.ahead.add(number)
        return True

    def comes(self, number: int) -> bool:
        """Whether a change of the journal is still to be taken here."""
        self.number = number
        if number in self.ahead:
            self.ahead.remove(number)
            return False
        return True

    def settle(self, places: Mapping[Key, int]) -> None:
        """Learn where products stand."""
        for key, place in places.items():
            self.shop(key.tenant).settle(place, key.product_id)

    def lacks(self, histories: Mapping[Person, History]) -> bool:
        """Whether a history names a place that is not known here yet."""
        return any(max(h.items, default=-1) >= len(self.look(person.tenant).ids) for person, h in histories.items())

    def learn(self, met: Mapping[str, Iterable[Meeting]], trend: Shares) -> None:
        """Take what people did."""
        for tenant, meetings in met.items():
            self.shop(tenant).graph.learn(meetings)
        for (tenant, place), count in trend.items():
            self.shop(tenant).trend.add([(place, count)])

    def put(self, entries: Sequence[Entry]) -> list[Entry]:
        """Take products, unless a later record of theirs is here; those that were taken."""
        new = [entry for entry in entries if self.is_new(entry.product.key, entry.position)]
        for entry in new:
            self.shop(entry.product.key.tenant).put(entry)
        return new

    def remove(self, gone: Mapping[Key, Position]) -> list[Key]:
        """Let products go, unless a later record of theirs is here; those that went."""
        new = [key for key, position in gone.items() if self.is_new(key, position)]
        for key in new:
            self.shop(key.tenant).remove(key.product_id, gone[key])
        return new

    def become(self, other: World) -> None:
        """Hold what another one holds, which was read from the store meanwhile.

        What this process wrote after that reading went into what is let go here: the journal brings it again.
        """
        self.shops, self.number = other.shops, other.number
        self.ahead.clear()


async def settle(world: World, relations: Relations, keys: Collection[Key]) -> None:
    """See to it that product ids have places."""
    new = dict.fromkeys(key for key in keys if key.product_id not in world.look(key.tenant).places)
    if new:
        world.settle(await relations.places(list(new)))
