"""What one person did with products over the whole past, small enough to be read at every request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice, pairwise
from typing import NamedTuple

NEAR = 10  # products back from which a step is counted; 20 find no more, 5 miss a tenth (decision 0018)
TOGETHER = 20  # wanted products back with which a pair is counted, so that a wholesaler's cart stays small
MOST = 500  # products: 12 KB a person; beyond, the one left alone for longest goes
EVENTS = 20  # behaviours of which the event is remembered, as many as a need holds


class Done:
    """What was ever done with a product, as bits: plain integers, because an enum costs more than all the rest."""

    SEEN = 1  # viewed, clicked, reviewed …: dealt with in any way
    WANTED = 2  # put into the cart, bought or liked
    BOUGHT = 4
    REFUSED = 8  # disliked, returned, or few stars; lifted by the next sign of interest


class Meeting(NamedTuple):
    """What one behaviour adds to the graph."""

    place: int
    before: tuple[int, ...] = ()  # met before it, newest first, at most NEAR; empty unless met for the first time
    wished: tuple[int, ...] = ()  # wanted before it, at most TOGETHER; empty unless wanted for the first time
    first: bool = False
    first_wish: bool = False
    sign: float = 1.0  # -1: it is taken out of the graph again


@dataclass(slots=True)
class Item:
    """One product in a person's past."""

    done: int  # bits of Done
    turn: int  # of the last behaviour towards it: larger is later
    wish: int  # turn of the behaviour that made it wanted; 0: never
    at: int  # milliseconds since 1970, of the last behaviour
    bought: int = 0  # likewise, of the last purchase; 0: never


@dataclass(slots=True)
class History:
    """Places of products in the order in which the person first met them.

    A person's share of the graph is a function of two orders alone, that of first meetings and that of first wishes.
    So the graph can be rebuilt from histories, and a person taken out of it, and nothing is left over.
    At most MOST products and EVENTS events after `trim`.
    """

    items: dict[int, Item] = field(default_factory=dict)
    wishes: list[int] = field(default_factory=list)  # places, in the order of their `wish`
    turns: int = 0  # behaviours so far
    events: list[int] = field(default_factory=list)  # 64-bit names of the last events, oldest first

    def add(self, place: int, done: int, at: int) -> Meeting:
        """Take one behaviour; what it adds to the graph."""
        self.turns += 1
        item = self.items.get(place)
        before: tuple[int, ...] = ()
        first = item is None
        if item is None:
            before = tuple(islice(reversed(self.items), NEAR))
            item = self.items[place] = Item(Done.SEEN, 0, 0, 0)
        wished: tuple[int, ...] = ()
        first_wish = bool(done & Done.WANTED) and not item.wish
        if first_wish:
            wished = tuple(self.wishes[-TOGETHER:])
            item.wish = self.turns
            self.wishes.append(place)
        kept = item.done if done & Done.REFUSED else item.done & ~Done.REFUSED
        item.done, item.turn, item.at = kept | done | Done.SEEN, self.turns, max(item.at, at)
        if done & Done.BOUGHT:
            item.bought = max(item.bought, at)
        return Meeting(place, before, wished, first, first_wish)

    @classmethod
    def together(cls, histories: Sequence[History]) -> History:
        """What one person did under several ids, in the order of time; to be read, and not to be kept."""
        items = [
            (item.at, item.turn, place, item.done, item.bought)
            for each in histories
            for place, item in each.items.items()
        ]
        together = cls()
        for at, _, place, done, bought in sorted(items):
            before = together.items[place].bought if place in together.items else 0
            together.add(place, done, at)
            together.items[place].bought = max(before, bought)
        return together

    def is_new(self, event: int) -> bool:
        """Whether an event was not told before; remembers it. Producers may send one again at another offset."""
        if event in self.events:
            return False
        self.events.append(event)
        if len(self.events) > EVENTS:
            del self.events[0]
        return True

    def trim(self) -> list[Meeting]:
        """Let go of what is too much; what that changes in the graph."""
        changes: list[Meeting] = []
        while len(self.items) > MOST:
            changes += self._drop(min(self.items, key=lambda place: self.items[place].turn))
        return changes

    def back(self, places: Sequence[int]) -> list[int]:
        """How many moments each of these lies back, newest first; what was done at one moment is one order."""
        times = [self.items[place].at for place in places]
        return list(accumulate((a != b for a, b in pairwise(times)), initial=0))[: len(times)]

    def recent(self, k: int) -> list[int]:
        """The last k products that were not refused, newest first."""
        liked = [(item.turn, place) for place, item in self.items.items() if not item.done & Done.REFUSED]
        return [place for _, place in sorted(liked, reverse=True)[:k]]

    def meetings(self) -> Iterator[Meeting]:
        """All that this person adds to the graph."""
        met = list(self.items)
        yield from (_met(met, index, first=True) for index in range(len(met)))
        yield from (_wished(self.wishes, index, first=True) for index in range(len(self.wishes)))

    def undone(self) -> list[Meeting]:
        """The same, to be taken out of the graph."""
        return [_taken(meeting) for meeting in self.meetings()]

    def _drop(self, place: int) -> list[Meeting]:
        """Forget one product: those met or wanted soon after it close up."""
        before, wished_before = list(self.items), list(self.wishes)
        at = before.index(place)
        last = min(len(before), at + NEAR + 1)
        changes = [_taken(_met(before, index, first=index == at)) for index in range(at, last)]
        if self.items.pop(place).wish:
            self.wishes.remove(place)
            at_wish = wished_before.index(place)
            last_wish = min(len(wished_before), at_wish + TOGETHER + 1)
            changes += [_taken(_wished(wished_before, i, first=i == at_wish)) for i in range(at_wish, last_wish)]
            changes += [_wished(self.wishes, i, first=False) for i in range(at_wish, last_wish - 1)]
        after = list(self.items)
        return changes + [_met(after, index, first=False) for index in range(at, last - 1)]


def _met(met: Sequence[int], index: int, *, first: bool) -> Meeting:
    return Meeting(met[index], before=tuple(reversed(met[max(0, index - NEAR) : index])), first=first)


def _wished(wishes: Sequence[int], index: int, *, first: bool) -> Meeting:
    return Meeting(wishes[index], wished=tuple(wishes[max(0, index - TOGETHER) : index]), first_wish=first)


def _taken(meeting: Meeting) -> Meeting:
    return meeting._replace(sign=-meeting.sign)
