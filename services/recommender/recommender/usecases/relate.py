"""The relations of products as edges that a person can look at: they are served from memory, and drawn from there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from chassis.telemetry import log
from recommender.domain.shop import Shop
from recommender.usecases.relations import Follow
from recommender.usecases.world import World

STRONGEST = 20  # edges of a product and kind: enough to look at, and what two steps over them cost stays small
_AT_ONCE = 50  # products: their writers wait meanwhile
_PAUSE, _MORE = 2.0, 0.2  # seconds between two looks, and where more is left to do


class Stale(NamedTuple):
    """A product whose relations changed."""

    tenant: str
    place: int


class Related(NamedTuple):
    """The relations of a product."""

    tenant: str
    place: int
    edges: Sequence[tuple[int, str, float]]  # to, kind, weight in [0, 1]


class Drawing(Protocol):
    """Keeps the edges, in which nobody here ever looks something up."""

    async def stale(self, most: int) -> tuple[int, Sequence[Stale]]:
        """The number of the last change, and products whose edges are older than their relations."""

    async def relate(self, number: int, drawn: Sequence[Related]) -> None:
        """Replace the edges of these as of that change. Repeated or late, it changes nothing."""

    async def trim(self) -> None:
        """Let go of what the journal told long ago."""


class Relate:
    """Draws edges anew where relations changed, whichever replica comes to it first."""

    def __init__(self, world: World, drawing: Drawing, follow: Follow) -> None:
        self._world, self._drawing, self._follow = world, drawing, follow

    async def __call__(self) -> int:
        """How many products were drawn anew."""
        number, stale = await self._drawing.stale(_AT_ONCE)
        await self._follow()  # so that this world has all of those changes
        drawn = [Related(*at, _edges(self._world.look(at.tenant), at.place)) for at in stale]
        await self._drawing.relate(number, drawn)
        return len(drawn)

    async def regularly(self) -> None:
        """For ever, without hurry: whoever is served does not wait for it."""
        pause = _PAUSE
        while True:
            await asyncio.sleep(pause)
            try:
                pause = _MORE if await self() == _AT_ONCE else _PAUSE
                await self._drawing.trim()
            except Exception as error:  # noqa: BLE001 - it is tried again, and nothing is served from it
                log.warning("relations are drawn later", error=type(error).__name__)


def _edges(shop: Shop, place: int) -> list[tuple[int, str, float]]:
    return [
        (int(other), kind, float(weight))
        for kind, (_, places, weights) in sorted(shop.graph.related([place]).items())
        for other, weight in zip(places[:STRONGEST], weights[:STRONGEST], strict=True)
        if shop.ids[other]
    ]
