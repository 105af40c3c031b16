"""Kafka events → verbs. They translate and decide nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from attune.events.v1 import clickstream_pb2 as clicks
from attune.events.v1.erasure_pb2 import ErasureRequest
from attune.events.v1.product_pb2 import AVAILABILITY_OUT_OF_STOCK
from attune.events.v1.product_pb2 import Product as ProductMessage
from chassis.kafka import Rejected, Rewound, Route, Slice, proto_decoder
from recommender.decoding import Click, click_decoder, erasure_decoder
from recommender.domain.around import SHARES
from recommender.domain.history import Done
from recommender.domain.product import DEFAULT_TENANT, Key, Link, Product
from recommender.usecases.learn import Behavior, Forget, LearnBehavior
from recommender.usecases.learn_catalog import LearnCatalog, ProductChange
from recommender.usecases.relations import Follow, Person, Span

_CLICKS = 500  # that are read at once: 4 ms
_LIKED = 3.0  # stars from which a rating speaks for a product

# What each kind does to a history, and what it adds to a trend: what costs the person more says more.
_KINDS: Mapping[int, tuple[int, float]] = {
    clicks.BEHAVIOR_KIND_VIEW: (Done.SEEN, 1.0),
    clicks.BEHAVIOR_KIND_CLICK: (Done.SEEN, 1.0),
    clicks.BEHAVIOR_KIND_ADD_TO_CART: (Done.WANTED, 3.0),
    clicks.BEHAVIOR_KIND_REMOVE_FROM_CART: (Done.SEEN, 0.0),
    clicks.BEHAVIOR_KIND_PURCHASE: (Done.WANTED | Done.BOUGHT, 5.0),
    clicks.BEHAVIOR_KIND_LIKE: (Done.WANTED, 3.0),
    clicks.BEHAVIOR_KIND_DISLIKE: (Done.REFUSED, 0.0),
    clicks.BEHAVIOR_KIND_RATE: (Done.SEEN, 1.0),
    clicks.BEHAVIOR_KIND_REVIEW: (Done.SEEN, 1.0),
    clicks.BEHAVIOR_KIND_RETURN: (Done.REFUSED, 0.0),
}


def routes(
    catalog: LearnCatalog, behavior: LearnBehavior, forget: Forget, follow: Follow, now: Callable[[], int]
) -> list[Route[Any]]:
    """What this service reads; `now`: milliseconds since 1970.

    Every handler may be given the same slice again: the catalogue compares each product's position in the log, the
    others skip what lies below the offset that the store wrote together with their effect. A store that was restored
    from a copy is given again what it lost: reading goes back to what it holds.
    """

    async def on_catalog(part: Slice[ProductMessage]) -> Sequence[tuple[int, Rejected]]:
        changes: list[ProductChange] = []
        refused: list[tuple[int, Rejected]] = []
        for item in part.items:
            if item.value is None:
                changes.append(ProductChange(item.offset, catalog.find(item.key), None))
                continue
            since = catalog.since(Key.of(item.value.tenant, item.value.product_id))
            told = [at for at in (since, item.at) if at]
            _date(item.value, min([*told, now()]) if told else 0)
            try:
                product = product_of(item.value)
            except Rejected as why:
                refused.append((item.offset, why))
                continue
            changes.append(ProductChange(item.offset, product.key, product))
        try:
            await catalog(_span(part), changes)
        except Rewound:
            await follow()  # what the world holds and the store does not any more would not be written again
            raise
        return refused

    async def on_click(part: Slice[Click]) -> Sequence[tuple[int, Rejected]]:
        await behavior(
            _span(part), [b for item in part.items if item.value for b in _behaviors(item.offset, item.value)]
        )
        return ()

    async def on_erasure(part: Slice[ErasureRequest]) -> Sequence[tuple[int, Rejected]]:
        wanted = [
            (item.offset, person_of(item.value.tenant, item.value.user_id), item.value.requested_at.ToMilliseconds())
            for item in part.items
            if item.value is not None
        ]
        await forget.requests(_span(part), wanted)
        return ()

    return [
        Route("attune.catalog.v1", proto_decoder(ProductMessage), on_catalog, at_once=catalog.at_once),
        Route("attune.clickstream.v1", click_decoder(), on_click, owner=False, at_once=_CLICKS),
        Route("attune.erasures.v1", erasure_decoder(), on_erasure, owner=False),
    ]


def person_of(tenant: str, user: str) -> Person:
    """The person of a message, where an empty tenant means the default one."""
    return Person(tenant or DEFAULT_TENANT, user)


def product_of(message: ProductMessage, record: bytes = b"") -> Product:
    """A product from its message, which the contract has checked; Rejected where it contradicts itself.

    `record`: the message as bytes, where it was read from such.
    """
    key = Key.of(message.tenant, message.product_id)
    if any(link.product_id == message.product_id for link in message.relations):
        raise Rejected(
            "self-relation",
            field="relations.product_id",
            value=message.product_id,
            remedy="relate a product to another one, not to itself",
        )
    priced = message.HasField("price")
    return Product(
        key,
        _by_language(message.title),
        _by_language(message.description),
        message.category.strip("/"),
        _by_language(message.category_name),
        message.brand,
        message.price.currency if priced else "",
        Decimal(message.price.amount) if priced and message.price.amount else None,
        tuple((attribute.name, _by_language(attribute.value)) for attribute in message.attributes),
        tuple(Link(_stated(link.kind), link.product_id, link.weight or 1.0) for link in message.relations),
        message.availability != AVAILABILITY_OUT_OF_STOCK,
        message.released_at.ToMilliseconds() if message.HasField("released_at") else 0,
        record or message.SerializeToString(deterministic=True),
    )


def _by_language(texts: Mapping[str, str]) -> dict[str, str]:
    """In one order, because Protobuf has another one in each process: vectors and words must be the same everywhere."""
    return dict(sorted(texts.items()))


def _stated(kind: str) -> str:
    """The kind of a link; one that is called as what people do is a link and no more, or it would be taken for that."""
    return "link" if kind in SHARES else kind


def product_of_record(record: bytes) -> Product:
    """A product from what its store kept."""
    return product_of(ProductMessage.FromString(record), record)


def _date(message: ProductMessage, since: int) -> None:
    """A product that does not say since when it is on sale is so since its first record, and in no case only later: a
    date that was taken back holds no more, and neither does a producer's clock that is ahead.
    """
    if since and not message.HasField("released_at"):
        message.released_at.FromMilliseconds(since)


def _behaviors(offset: int, click: Click) -> list[Behavior]:
    """None for impressions, which are not the person's doing, and for behaviour towards a text alone."""
    found = _KINDS.get(click.kind)
    if found is None or not click.product_id:
        return []
    done, weight = found
    if click.rating is not None:
        done, weight = (Done.WANTED, 3.0) if click.rating > _LIKED else (Done.SEEN, 1.0)
        if click.rating < _LIKED:
            done, weight = Done.REFUSED, 0.0
    return [Behavior(offset, click.person, click.product_id, done, click.at, weight, click.event)]


def _span(part: Slice[Any]) -> Span:
    return Span(part.source.log, part.source.topic, part.source.partition, part.next_offset, part.begins)
