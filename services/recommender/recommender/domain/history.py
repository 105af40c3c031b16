"""What one person did with products over the whole past, small enough to be read at every request."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

NEAR = 5  # products back from which a step is counted (science: transitions, window 5)
TOGETHER = 20  # wanted products back with which a pair is counted, so that a wholesaler's cart stays small


class Done:
    """What was ever done with a product, as bits: plain integers, because an enum costs more than all the rest."""

    SEEN = 1  # viewed, clicked, reviewed …: dealt with in any way
    WANTED = 2  # put into the cart, bought or liked
    BOUGHT = 4
    REFUSED = 8  # disliked, or few stars; lifted by the next sign of interest


class Meeting(NamedTuple):
    """What one behaviour adds to the graph."""

    place: int
    before: Sequence[int] = ()  # met before it, newest first, at most NEAR; empty unless it was met for the first time
    wished: Sequence[int] = ()  # wanted before it, at most TOGETHER; empty unless it was wanted for the first time
    first: bool = False
    first_wish: bool = False


@dataclass(slots=True)
class Item:
    """One product in a person's past."""

    done: int  # bits of Done
    turn: int  # of the last behaviour towards it: larger is later
    wish: int  # turn of the behaviour that made it wanted; 0: never
    at: int  # milliseconds since 1970, of the last behaviour


@dataclass(slots=True)
class History:
    """Places of products in the order in which the person first met them.

    A person's share of the graph is a function of two orders alone, that of first meetings and that of first wishes.
    So the graph can be rebuilt from histories, and a person taken out of it, and nothing is left over.
    """

    items: dict[int, Item] = field(default_factory=dict)
    wishes: list[int] = field(default_factory=list)  # places, in the order of their `wish`
    turns: int = 0  # behaviours so far

    def add(self, place: int, done: int, at: int) -> Meeting:
        """Take one behaviour; what it adds to the graph."""
        self.turns += 1
        item = self.items.get(place)
        before: Sequence[int] = ()
        first = item is None
        if item is None:
            before = tuple(islice(reversed(self.items), NEAR))
            item = self.items[place] = Item(Done.SEEN, 0, 0, 0)
        wished: Sequence[int] = ()
        first_wish = bool(done & Done.WANTED) and not item.wish
        if first_wish:
            wished = tuple(self.wishes[-TOGETHER:])
            item.wish = self.turns
            self.wishes.append(place)
        kept = item.done if done & Done.REFUSED else item.done & ~Done.REFUSED
        item.done, item.turn, item.at = kept | done | Done.SEEN, self.turns, max(item.at, at)
        return Meeting(place, before, wished, first, first_wish)

    def recent(self, k: int) -> list[int]:
        """The last k products that were not refused, newest first."""
        liked = ((item.turn, place) for place, item in self.items.items() if not item.done & Done.REFUSED)
        return [place for _, place in heapq.nlargest(k, liked)]

    def meetings(self) -> Iterator[Meeting]:
        """All that this person adds to the graph."""
        met: list[int] = []
        for place in self.items:
            yield Meeting(place, before=tuple(reversed(met[-NEAR:])), first=True)
            met.append(place)
        for index, place in enumerate(self.wishes):
            yield Meeting(place, wished=tuple(self.wishes[max(0, index - TOGETHER) : index]), first_wish=True)
