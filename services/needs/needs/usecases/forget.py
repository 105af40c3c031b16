"""Forget a person, and who they were before they signed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from needs.domain.identity import Person
from needs.domain.links import Links
from needs.domain.placement import partition_of
from needs.usecases.ports import Changed, Changes, NeedStore, Page, Span, Wanted, Wishes


class _Owing(Exception):
    """No error: these have links, whose ids must be forgotten before the decision can be taken."""

    def __init__(self, links: Mapping[Person, tuple[Links, int]]) -> None:
        super().__init__()
        self.links = links


class Forget:
    """Removes a person. Then it is as if they had never signed in, and had never been here before.

    The other services know no links: they are told of every id by a wish of its own, which is in the log before the
    links are gone. What dies in between begins again and tells the same.
    """

    def __init__(self, store: NeedStore, wishes: Wishes, partitions: int, changed: Changed) -> None:
        self._store, self._wishes, self._partitions, self._changed = store, wishes, partitions, changed

    async def __call__(self, person: Person, at: int) -> Mapping[str, int]:
        """How many records of each collection were removed. Safe to repeat. Raises LogAway where there are links."""
        removed: Counter[str] = Counter()
        while not await self._forget([person], at, told={person}, removed=removed):
            continue
        return removed

    async def asked(self, span: Span, requests: Sequence[tuple[int, Person, int]]) -> None:
        """Whom to forget, each with its offset and when it was asked for, milliseconds since 1970.

        A wish that was granted already, by a call before its record came, removes nothing of what happened since.
        """
        told: dict[Person, Links] = {}

        def decide(page: Page) -> Changes:
            forget: dict[Person, int] = {}
            for offset, person, at in requests:
                if offset >= page.applied and at > page.forgotten.get(person, 0):
                    forget[person] = max(at, forget.get(person, 0))
            owing = {p: (page.links[p], at) for p, at in forget.items() if page.links[p] != told.get(p, Links())}
            if owing:
                raise _Owing(owing)
            return Changes(forget=forget)

        people = list(dict.fromkeys(person for _, person, _ in requests))
        while True:
            try:
                self._changed(await self._store.update(span, Wanted(people, links_of=people), decide))
            except _Owing as owing:
                for person, (links, at) in owing.links.items():
                    others = [Person(person.tenant, user) for user in links.ids if user != person.user]
                    if await self._forget(others, at, told=set(), removed=Counter(), without=person):
                        told[person] = links
            else:
                return

    async def _forget(
        self,
        people: Sequence[Person],
        at: int,
        *,
        told: set[Person],
        removed: Counter[str],
        without: Person | None = None,
    ) -> bool:
        """These and who they were, those whom links name before who has them. False: links changed, begin again."""
        found = await self._with_links(people, without)
        await self._wishes.spread([person for person in found if person not in told], at)
        for person, links in reversed(found.items()):
            gone = await self._store.forget(self._partition(person), person, at, links)
            if gone is None:
                return False
            removed.update(gone)
            self._changed([person])
        return True

    async def _with_links(self, people: Sequence[Person], without: Person | None) -> dict[Person, Links]:
        """These, who they were, who those were and so on; links may lead in a circle."""
        found: dict[Person, Links] = {}
        waiting = list(people)
        while waiting:
            person = waiting.pop(0)
            if person in found or person == without:
                continue
            found[person] = await self._store.links(self._partition(person), person)
            waiting += [Person(person.tenant, user) for user in found[person].ids]
        return found

    def _partition(self, person: Person) -> int:
        return partition_of(person.user, self._partitions)
