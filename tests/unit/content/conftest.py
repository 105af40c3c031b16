"""A shop with a kettle, and what stands behind the ports of the content service."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from content.domain.customer import Customer, Person
from content.domain.facts import FactChecker, Rules
from content.domain.gaps import Template
from content.domain.likelihood import Weights
from content.domain.names import Names
from content.domain.product import Money, Product
from content.reader import TextReader
from content.stores.compositions_redis import RedisCompositions
from content.stores.experiments_redis import RedisExperiments
from content.stores.positions_redis import RedisPositions
from content.stores.templates_redis import RedisTemplates
from content.stores.together import Together
from content.usecases.candidates import Candidates
from content.usecases.compose import Compose, Policy
from content.usecases.ports import Awaited, KnownCustomer, KnownProduct, Span, Written
from content.words import load as words
from lm import lexical
from lm.static import StaticEncoder

NOW = 1_750_000_000_000


@pytest.fixture(scope="session")
def rules() -> Rules:
    return words.rules()


@pytest.fixture
def kettle(tenant: str) -> Product:
    return Product(
        tenant=tenant,
        product_id="kettle",
        title={"en": "Harbor Electric Kettle, 1.7 L", "zh": "海港电热水壶 1.7升"},
        description={
            "en": "Boils a full 1.7 L with 2200 W. Not dishwasher safe. Made by hand? No, but with care.",
            "zh": "2200瓦功率烧开满满1.7升水，壶身内壁为不锈钢。",
        },
        category="kitchen/kettles",
        category_name={"en": "Kettles", "zh": "烧水壶"},
        brand="Fennhaven",
        price=Money("EUR", "49.90"),
        attributes={
            "capacity": {"en": "1.7 L", "zh": "1.7升"},
            "material": {"en": "stainless steel", "zh": "不锈钢"},
            "warranty": {"en": "24 months", "zh": "24个月"},
            "temperatures": {"en": "70, 80 and 100 °C", "zh": "70、80和100°C"},
        },
    )


@pytest.fixture
def checker(kettle: Product, rules: Rules) -> FactChecker:
    return FactChecker(kettle, rules)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    connection = Redis.from_url(redis_url)
    yield connection
    await connection.aclose()


@dataclass
class Shop:
    """What other services would tell, and the real memory."""

    tenant: str
    redis: Redis
    product: Product
    customers: dict[str, KnownCustomer] = field(default_factory=dict)
    written: Written = field(default_factory=lambda: Written("template", ()))
    now: int = NOW

    def __post_init__(self) -> None:
        self._loaded = 0
        together = Together(self.redis)
        self.templates = RedisTemplates(self.redis, together)
        self.positions = RedisPositions(self.redis)
        self.experiments = RedisExperiments(self.redis, lambda: self.now, together)
        month = timedelta(days=30)
        self.compositions = RedisCompositions(
            self.redis, lambda: self.now, lifetime=month, forgotten_for=month, together=together
        )

    async def get(self, person: Person, at_least: Sequence[Awaited]) -> KnownCustomer:
        del at_least
        return self.customers.get(person.user, KnownCustomer(Customer(consents={"marketing": True}), ["needs"]))

    async def write(
        self, facts: Mapping[str, str], channel: str, language: str, *, max_chars: int, seed: int
    ) -> Written:
        del facts, channel, language, max_chars, seed
        return self.written

    def person(self, user: str = "ada") -> Person:
        return Person(self.tenant, user)

    async def template(self, template_id: str, body: str, **changes: str | int) -> None:
        given = {"channel": "push", "language": "en", "appeal": "", **changes}
        template = Template(tenant=self.tenant, template_id=template_id, body=body, **given)  # type: ignore[arg-type]
        self._loaded += 1
        await self.templates.apply(Span("log", self.tenant, 0, self._loaded), [(self._loaded - 1, template)])


@dataclass
class Catalogue:
    """Product records."""

    product: Product

    async def get(self, tenant: str, product_id: str) -> KnownProduct:
        known = (tenant, product_id) == (self.product.tenant, self.product.product_id)
        return KnownProduct(self.product if known else None)

    def names(self, tenant: str) -> Names:
        del tenant
        return Names(["Fennhaven", "Karsavo"])


@pytest.fixture
def shop(tenant: str, redis: Redis, kettle: Product) -> Shop:
    return Shop(tenant, redis, kettle)


ENCODER = StaticEncoder.load()


@pytest.fixture
def compose(shop: Shop, rules: Rules) -> Compose:
    reader, ids = TextReader(ENCODER, lexical.words), itertools.count(1)
    new_id: Callable[[], str] = lambda: f"composition-{next(ids)}"  # noqa: E731 - reads as what it is
    return Compose(
        products=Catalogue(shop.product),
        customers=shop,
        templates=shop.templates,
        candidates=Candidates(shop, reader, words.phrases(), {"sms": 70}),
        experiments=shop.experiments,
        compositions=shop.compositions,
        reader=reader,
        policy=Policy(rules, Weights(), frozenset({"push", "sms", "email"}), "en"),
        new_id=new_id,
        now=lambda: shop.now,
    )
