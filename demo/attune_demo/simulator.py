"""What shoppers do: a click trail and words for each, as their persona would leave them.

A visit begins with a search or with something the person likes, and walks on along links of the catalogue and through
the category. Some of what is seen goes into the cart, some of that is bought, some of what was bought is reviewed days
later. Everything follows from the seed and the time given; nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from attune_demo.personas import Shopper
from attune_demo.shelf import Item, Shelf

CLICKSTREAM, QUERIES = "attune.clickstream.v1", "attune.queries.v1"
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Habits:
    """Chances of one step, chosen so that a visit looks like one: some five products, a purchase in every fourth."""

    search: float = 0.5  # a visit begins with words
    other_language: float = 0.1  # and the words are in the person's second language
    follow_link: float = 0.3  # the next product is one linked with this one
    stay: float = 0.4  # or another one of its category; otherwise something else
    through_link: float = 0.5  # a product is reached by a link that counts as a click; from a search always
    like: float = 0.08
    dislike: float = 0.25  # of what is far from the person's likes
    cart: float = 0.14
    drop: float = 0.3  # what is in the cart is taken out again
    buy: float = 0.6  # or bought
    review: float = 0.4  # what was bought
    question: float = 0.12  # at the end of a visit


HABITS = Habits()


def topic(event: Mapping[str, Any]) -> str:
    """Where an event of the simulator belongs, by its kind."""
    return QUERIES if event["kind"].startswith("QUERY_KIND_") else CLICKSTREAM


def events(
    shoppers: Iterable[Shopper], shelf: Shelf, *, until: datetime, days: int, seed: int, habits: Habits = HABITS
) -> list[dict[str, Any]]:
    """Everything they did in the days before `until`, in the order of time, in the contract's JSON form."""
    happened = [
        event
        for shopper in shoppers
        for event in _Trail(shopper, shelf, habits, seed, until - timedelta(days=days), until)
    ]
    return sorted(happened, key=lambda event: (event["occurred_at"], event["event_id"]))


class _Trail:
    """The events of one shopper. Ids count up, so the same seed and time give the same ids."""

    def __init__(
        self, shopper: Shopper, shelf: Shelf, habits: Habits, seed: int, start: datetime, until: datetime
    ) -> None:
        self._shopper = shopper
        self._shelf = shelf
        self._habits = habits
        self._start = start
        self._until = until
        self._chance = Random(f"{seed}/{shopper.user_id}")
        self._prefix = f"{shopper.user_id}/{seed}/{until:%Y%m%dT%H%M%S}"
        self._count = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """A visit that is not over by `until` is cut off there."""
        for number, begin in enumerate(self._visits()):
            for event in self._visit(f"{self._prefix}/v{number}", begin):
                if event["occurred_at"] < _written(self._until):
                    yield event

    def _visits(self) -> list[datetime]:
        expected = self._shopper.persona.visits_per_week * ((self._until - self._start) / WEEK)
        first, last = self._shopper.persona.hours
        days = (self._until - self._start).days
        return sorted(
            self._start + timedelta(days=self._chance.randrange(days), hours=self._chance.uniform(first, last))
            for _ in range(max(2, round(self._chance.gauss(expected, expected / 5))))
        )

    def _visit(self, session: str, at: datetime) -> Iterator[dict[str, Any]]:
        chance, persona, habits = self._chance, self._shopper.persona, self._habits
        item, surface = None, "home"
        if chance.random() < habits.search:
            text, language = self._words(persona.searches)
            yield self._query(session, at, "SEARCH", text, language)
            item, surface = self._shelf.found(text, chance), "search"
        item = item or self._shelf.from_likes(persona.likes, persona.spends, chance)
        cart: list[Item] = []
        for _ in range(chance.randint(2, 8)):
            at = self._later(at)
            yield from self._meet(session, at, item, surface)
            if item.in_stock and item not in cart and chance.random() < habits.cart:
                at = self._later(at)
                cart.append(item)
                yield self._click(session, at, "ADD_TO_CART", item, quantity=1)
            item, surface = self._next(item), "product"
        yield from self._checkout(session, at, cart)
        if chance.random() < habits.question:
            yield self._query(session, self._later(at), "QUESTION", *self._words(persona.questions))

    def _meet(self, session: str, at: datetime, item: Item, surface: str) -> Iterator[dict[str, Any]]:
        if surface == "search" or (surface == "product" and self._chance.random() < self._habits.through_link):
            yield self._click(session, at, "CLICK", item, surface=surface)
        yield self._click(session, at + timedelta(seconds=1), "VIEW", item, surface=surface)
        liked = item.category in self._shopper.persona.likes
        if self._chance.random() < (self._habits.like if liked else self._habits.dislike / 10):
            yield self._click(session, at + timedelta(seconds=9), "LIKE" if liked else "DISLIKE", item)

    def _next(self, item: Item) -> Item:
        dice, persona = self._chance.random(), self._shopper.persona
        if dice < self._habits.follow_link and (linked := self._shelf.linked(item, self._chance)):
            return linked
        if dice < self._habits.follow_link + self._habits.stay:
            return self._shelf.beside(item, persona.spends, self._chance)
        return self._shelf.from_likes(persona.likes, persona.spends, self._chance)

    def _checkout(self, session: str, at: datetime, cart: list[Item]) -> Iterator[dict[str, Any]]:
        for item in cart:
            at, dice = self._later(at), self._chance.random()
            if dice < self._habits.drop:
                yield self._click(session, at, "REMOVE_FROM_CART", item)
            elif dice < self._habits.drop + self._habits.buy:
                yield self._click(session, at, "PURCHASE", item, quantity=1, surface="checkout")
                if self._chance.random() < self._habits.review:
                    yield self._review(at + timedelta(days=self._chance.uniform(4, 12)), item)

    def _review(self, at: datetime, item: Item) -> dict[str, Any]:
        language = self._shopper.language
        text = self._chance.choice(self._shopper.persona.reviews[language])
        if item.category not in self._shopper.persona.likes:  # the persona's words would speak of something else
            return self._click("", at, "RATE", item, rating=float(self._chance.randint(3, 5)))
        return self._click("", at, "REVIEW", item, rating=float(self._chance.randint(4, 5)), text=text)

    def _words(self, by_language: Mapping[str, Any]) -> tuple[str, str]:
        language = self._shopper.language
        if self._chance.random() < self._habits.other_language:
            language = "en" if language == "zh" else "zh"
        return self._chance.choice(by_language[language]), language

    def _later(self, at: datetime) -> datetime:
        return at + timedelta(seconds=self._chance.randint(10, 180))

    def _click(self, session: str, at: datetime, kind: str, item: Item, **more: Any) -> dict[str, Any]:
        event = self._event(session, at, f"BEHAVIOR_KIND_{kind}", self._shopper.language)
        return event | {"product_id": item.product_id} | more

    def _query(self, session: str, at: datetime, kind: str, text: str, language: str) -> dict[str, Any]:
        return self._event(session, at, f"QUERY_KIND_{kind}", language) | {"text": text}

    def _event(self, session: str, at: datetime, kind: str, language: str) -> dict[str, Any]:
        self._count += 1
        return {
            "event_id": f"{self._prefix}/{self._count:05d}",
            "user_id": self._shopper.user_id,
            "session_id": session,
            "occurred_at": _written(at),
            "kind": kind,
            "language": language,
        }


def _written(at: datetime) -> str:
    """RFC 3339 to the second, which sorts as text as it does in time."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
