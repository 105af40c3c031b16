"""Compose: candidates → facts checked → ranked by P(x|u,t) → chosen by the experiment → remembered."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from content.domain.appeals import Response, affinity
from content.domain.candidate import Candidate, Checked, check
from content.domain.composition import Composition, experiment_id
from content.domain.customer import Customer, Person, require_consent
from content.domain.errors import ConsentUnknown, NothingToSay, UnknownProduct
from content.domain.experiment import Experiment, choose, context, posterior_in
from content.domain.facts import Rules
from content.domain.gaps import Template
from content.domain.languages import primary
from content.domain.likelihood import Evidence, Score, Weights, cosine, scores
from content.domain.names import Names
from content.domain.product import Product
from content.domain.record import Records
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
    Templates,
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


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What a text is made from."""

    customer: KnownCustomer
    product: Product
    templates: Sequence[Template]  # of the channel
    responses: Mapping[str, Response]
    experiment: Experiment  # of the channel and of the language that is wanted


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
        templates: Templates,
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
        self._templates, self._experiments, self._compositions = templates, experiments, compositions
        self._reader, self._policy, self._new_id, self._now = reader, policy, new_id, now
        self._records = Records(policy.rules)

    async def __call__(self, wish: Wish, seed: int) -> Composed:
        """The text. `seed` is all the chance there is in the generator and in the experiment.

        Raises UnknownProduct, ProductsAway, NoConsent, ConsentUnknown, NothingToSay, MemoryAway.
        """
        course, chance, began = _Course(), random.Random(seed), self._now()
        known = await self._known(wish, course)
        language, left = await self._left(wish, known, course, chance.randrange(_SEEDS))
        return await self._choose(wish, known, language, left, course, chance.randrange(_SEEDS), began)

    async def _known(self, wish: Wish, course: _Course) -> _Known:
        """Asks the other services at once, and then the memory, which needs to know the person's language."""
        person = wish.person
        customer, record = await asyncio.gather(
            self._customers.get(person, wish.at_least),
            self._products.get(person.tenant, wish.product_id),
            return_exceptions=True,  # both to their end: a missing consent is told before a missing product
        )
        if isinstance(customer, BaseException):
            raise customer
        self._require_consent(wish, customer)
        if isinstance(record, BaseException):
            raise record
        if record.product is None:
            raise UnknownProduct(person.tenant, wish.product_id)
        course.replaced += [replaced for replaced in (customer.replaced, record.replaced) if replaced]
        named = experiment_id(wish.channel, self._wanted(wish, customer.customer))
        templates, responses, experiment = await asyncio.gather(
            self._templates.of_channel(person.tenant, wish.channel),
            self._compositions.responses(person),
            self._experiments.get(person.tenant, named),
        )
        return _Known(customer, record.product, templates, responses, experiment or Experiment(named))

    def _require_consent(self, wish: Wish, known: KnownCustomer) -> None:
        if wish.channel in self._policy.marketing:
            if known.replaced is not None:
                raise ConsentUnknown(wish.channel, known.replaced.reason)
            require_consent(known.customer, wish.channel)

    def _wanted(self, wish: Wish, customer: Customer) -> str:
        return wish.language or customer.language or self._policy.language

    async def _left(self, wish: Wish, known: _Known, course: _Course, seed: int) -> tuple[str, list[Checked]]:
        """The texts that may be said, in the person's language, or else in the shop's."""
        product, customer = known.product, known.customer.customer
        wanted, record = self._wanted(wish, customer), self._records.of(product)
        others = [self._products.names(product.tenant), Names(customer.brands)]
        for language in (wanted, self._policy.language):
            if language is not wanted and primary(language) == primary(wanted):
                continue
            found = await self._candidates.of(known.templates, record, wish.channel, language, customer.words, seed)
            checked = [check(one, record.checker, language, others) for one in found.texts]
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
        known: _Known,
        language: str,
        left: Sequence[Checked],
        course: _Course,
        seed: int,
        began: int,
    ) -> Composed:
        """`began`: when the text was asked for, in milliseconds since 1970."""
        customer, tenant = known.customer.customer, wish.person.tenant
        evidence = await self._evidence(known, [one.candidate for one in left])
        ranked = sorted(
            zip(left, scores([one.candidate for one in left], evidence, self._policy.weights), strict=True),
            key=lambda pair: -pair[1].value,
        )
        arms: dict[str, int] = {}  # variant → its likeliest text
        for place, (one, _) in enumerate(ranked):
            arms.setdefault(one.candidate.variant_id, place)
        experiment = await self._experiment(tenant, known.experiment, experiment_id(wish.channel, language))
        where, places = context(customer.kinds), list(arms.values())
        arm, propensity = choose(
            [posterior_in(experiment, variant, where) for variant in arms],
            [ranked[place][1].value for place in places],
            seed,
        )
        chosen, score = ranked.pop(places[arm])
        # As of when it was asked for: who was forgotten meanwhile is not brought back by it.
        composition = Composition(
            self._new_id(), experiment.experiment_id, chosen.candidate.variant_id, where, chosen.candidate.appeal,
            known.product.product_id, propensity, began,
        )  # fmt: skip
        await asyncio.gather(
            self._experiments.open(tenant, experiment.experiment_id, arms.keys() - experiment.arms.keys()),
            self._compositions.remember(wish.person, composition),
        )
        return Composed(
            composition, language, chosen, score, [*ranked, *((one, None) for one in course.refused)],
            [*known.customer.by, chosen.candidate.made_by, self._reader.space], course.replaced, known.customer.stale,
        )  # fmt: skip

    async def _experiment(self, tenant: str, held: Experiment, named: str) -> Experiment:
        """Another one is asked for where the shop's language stands in for the person's."""
        if held.experiment_id == named:
            return held
        return await self._experiments.get(tenant, named) or Experiment(named)

    async def _evidence(self, known: _Known, candidates: Sequence[Candidate]) -> Evidence:
        customer = known.customer.customer
        appeals = {c.appeal: affinity(c.appeal, customer, known.product, known.responses) for c in candidates}
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
