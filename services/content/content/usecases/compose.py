"""Compose: candidates → facts checked → ranked by P(x|u,t) → chosen by the experiment → remembered."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from content.domain.appeals import affinity
from content.domain.candidate import Candidate, Checked, check
from content.domain.composition import Composition, experiment_id
from content.domain.customer import Customer, Person, require_consent
from content.domain.errors import ConsentUnknown, NothingToSay, UnknownProduct
from content.domain.experiment import Experiment, choose, context, posterior_in
from content.domain.facts import FactChecker, Rules
from content.domain.languages import primary
from content.domain.likelihood import Evidence, Score, Weights, cosine, scores
from content.domain.product import Product
from content.usecases.candidates import Candidates
from content.usecases.ports import (
    Awaited,
    Compositions,
    Customers,
    Experiments,
    KnownCustomer,
    Products,
    Reader,
    Replaced,
)

_SEEDS = 2**63


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for."""

    person: Person
    product_id: str
    channel: str
    language: str = ""  # empty: the person's
    at_least: Sequence[Awaited] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """What the shop says about texts."""

    rules: Rules
    weights: Weights
    marketing: frozenset[str]  # channels that need consent
    language: str  # for people whose language nobody knows, and where theirs has no text


@dataclass(frozen=True, slots=True)
class Composed:
    """A text, how it came about, and the texts that it was not."""

    composition: Composition
    language: str
    chosen: Checked
    score: Score
    others: Sequence[tuple[Checked, Score | None]]  # best first, refused ones last
    by: Sequence[str]
    replaced: Sequence[Replaced]
    stale: bool


@dataclass(slots=True)
class _Course:
    """What happened on the way to one text."""

    replaced: list[Replaced] = field(default_factory=list)
    refused: list[Checked] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)  # why templates could not be filled, why no text was generated


class Compose:
    """The verb."""

    def __init__(
        self,
        *,
        products: Products,
        customers: Customers,
        candidates: Candidates,
        experiments: Experiments,
        compositions: Compositions,
        reader: Reader,
        policy: Policy,
        new_id: Callable[[], str],
        now: Callable[[], int],
    ) -> None:
        """`now`: milliseconds since 1970."""
        self._products, self._customers, self._candidates = products, customers, candidates
        self._experiments, self._compositions, self._reader = experiments, compositions, reader
        self._policy, self._new_id, self._now = policy, new_id, now

    async def __call__(self, wish: Wish, seed: int) -> Composed:
        """The text. `seed` is all the chance there is in the generator and in the experiment.

        Raises UnknownProduct, ProductsAway, NoConsent, ConsentUnknown, NothingToSay, MemoryAway.
        """
        course = _Course()
        known = await self._consenting(wish)
        record = await self._products.get(wish.person.tenant, wish.product_id)
        if record.product is None:
            raise UnknownProduct(wish.person.tenant, wish.product_id)
        course.replaced += [replaced for replaced in (known.replaced, record.replaced) if replaced]
        chance = random.Random(seed)
        language, left = await self._left(wish, record.product, known.customer, course, chance.randrange(_SEEDS))
        return await self._choose(wish, record.product, known, language, left, course, chance.randrange(_SEEDS))

    async def _consenting(self, wish: Wish) -> KnownCustomer:
        known = await self._customers.get(wish.person, wish.at_least)
        if wish.channel in self._policy.marketing:
            if known.replaced is not None:
                raise ConsentUnknown(wish.channel, known.replaced.reason)
            require_consent(known.customer, wish.channel)
        return known

    async def _left(
        self, wish: Wish, product: Product, customer: Customer, course: _Course, seed: int
    ) -> tuple[str, list[Checked]]:
        """The texts that may be said, in the person's language, or else in the shop's."""
        wanted = wish.language or customer.language or self._policy.language
        checker = FactChecker(product, self._policy.rules, [*self._products.names(product.tenant), *customer.brands])
        for language in (wanted, self._policy.language):
            if language is not wanted and primary(language) == primary(wanted):
                continue
            found = await self._candidates.of(product, wish.channel, language, customer.words, seed)
            checked = await asyncio.to_thread(lambda: [check(one, checker, language) for one in found.texts])  # noqa: B023 - awaited here
            course.refused += [one for one in checked if one.refused]
            course.reasons += found.reasons
            course.replaced += found.replaced
            left = [one for one in checked if not one.refused]
            if left:
                if language is not wanted:
                    course.replaced.append(Replaced("language", language, f"no text in {wanted!r} may be said"))
                return language, left
        raise NothingToSay(
            wish.channel, wanted, [*(f"{c.candidate.text!r}: {c.refused}" for c in course.refused), *course.reasons]
        )

    async def _choose(
        self,
        wish: Wish,
        product: Product,
        known: KnownCustomer,
        language: str,
        left: Sequence[Checked],
        course: _Course,
        seed: int,
    ) -> Composed:
        customer = known.customer
        evidence = await self._evidence(wish.person, customer, product, [one.candidate for one in left])
        ranked = sorted(
            zip(left, scores([one.candidate for one in left], evidence, self._policy.weights), strict=True),
            key=lambda pair: -pair[1].value,
        )
        arms: dict[str, int] = {}  # variant → its likeliest text
        for place, (one, _) in enumerate(ranked):
            arms.setdefault(one.candidate.variant_id, place)
        named, where = experiment_id(wish.channel, language), context(customer.kinds)
        await self._experiments.open(wish.person.tenant, named, arms)
        experiment = await self._experiments.get(wish.person.tenant, named) or Experiment(named)
        places = list(arms.values())
        arm, propensity = choose(
            [posterior_in(experiment, variant, where) for variant in arms],
            [ranked[place][1].value for place in places],
            seed,
        )
        chosen, score = ranked.pop(places[arm])
        composition = Composition(
            self._new_id(), named, chosen.candidate.variant_id, where, chosen.candidate.appeal, product.product_id,
            propensity, self._now(),
        )  # fmt: skip
        await self._compositions.remember(wish.person, composition)
        return Composed(
            composition, language, chosen, score, [*ranked, *((one, None) for one in course.refused)],
            [*known.by, chosen.candidate.made_by, self._reader.space], course.replaced, known.stale,
        )  # fmt: skip

    async def _evidence(
        self, person: Person, customer: Customer, product: Product, candidates: Sequence[Candidate]
    ) -> Evidence:
        responses = await self._compositions.responses(person)
        appeals = {c.appeal: affinity(c.appeal, customer, product, responses) for c in candidates}
        return Evidence(
            np.array([cosine(self._words(c), customer.words) for c in candidates]),
            await self._nearness(customer, candidates),
            np.array([appeals[c.appeal] for c in candidates]),
        )

    async def _nearness(
        self, customer: Customer, candidates: Sequence[Candidate]
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Cosine with r_u; 0 while there is no r_u, or when it is of another space."""
        if customer.vector is None or customer.space != self._reader.space:
            return np.zeros(len(candidates))
        vectors = await self._reader.vectors([candidate.text for candidate in candidates])
        return np.asarray(vectors @ customer.vector, dtype=np.float64)

    def _words(self, candidate: Candidate) -> Mapping[str, float]:
        return self._reader.words(candidate.text)
