"""Records of rules and rankers ↔ decisions. Every replica reads all of them, from the beginning."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from attune.events.v1 import rule_pb2 as pb
from attune.events.v1.ranker_pb2 import RankerRecord
from attune.types.v1 import context_pb2
from attune.types.v1.types_pb2 import AttributeMatch
from chassis.kafka import Rejected, Route, Slice, proto_decoder
from recommender.domain import rules
from recommender.domain.context import Context
from recommender.domain.errors import Refusal
from recommender.domain.policy import Ranker, SenselessRule, UnknownTerm, checked
from recommender.domain.product import DEFAULT_TENANT, Position
from recommender.usecases.policy import RULE, Named, PolicyChange

RULES, RANKERS = "attune.rules.v1", "attune.rankers.v1"
CONTEXTS: Mapping[int, Context] = {
    context_pb2.CONTEXT_UNSPECIFIED: Context.HOME,
    context_pb2.CONTEXT_HOME: Context.HOME,
    context_pb2.CONTEXT_PRODUCT_PAGE: Context.PRODUCT_PAGE,
    context_pb2.CONTEXT_CART: Context.CART,
    context_pb2.CONTEXT_AFTER_PURCHASE: Context.AFTER_PURCHASE,
    context_pb2.CONTEXT_SEARCH_RESULTS: Context.SEARCH_RESULTS,
    context_pb2.CONTEXT_EMAIL: Context.EMAIL,
}
Take = Callable[[Sequence[PolicyChange]], Awaitable[object]]


def policy_routes(take: Take, terms: Iterable[str]) -> list[Route[Any]]:
    """What is read of what shops decide; `terms`: names of f(u,p)'s that may have a coefficient.

    Every record may come again: a decision is the one of the latest position.
    """
    known = frozenset(terms)

    async def on_rules(part: Slice[pb.Rule]) -> Sequence[tuple[int, Rejected]]:
        return await _taken(take, part, rule_of)

    async def on_rankers(part: Slice[RankerRecord]) -> Sequence[tuple[int, Rejected]]:
        return await _taken(take, part, lambda message: ranker_of(message, known))

    return [
        Route(RULES, proto_decoder(pb.Rule), on_rules),
        Route(RANKERS, proto_decoder(RankerRecord), on_rankers),
    ]


async def _taken(take: Take, part: Slice[Any], read: Callable[[Any], Any]) -> list[tuple[int, Rejected]]:
    changes: list[PolicyChange] = []
    refused: list[tuple[int, Rejected]] = []
    for item in part.items:
        position = Position(part.source.log, part.source.partition, item.offset)
        try:
            if item.value is None:
                tenant = item.key if part.source.topic == RANKERS else ""
                changes.append(PolicyChange(position, item.key, None, tenant))
                continue
            decision = read(item.value)
            if item.key not in _keys(item.value):
                refused.append((item.offset, _wrong_key(item.key, part.source.topic)))
                continue
        except Refusal as why:
            reason = "unknown-term" if isinstance(why, UnknownTerm) else "senseless-rule"
            refused.append((item.offset, Rejected(reason, field=why.field, value=why.value, remedy=why.remedy)))
            continue
        changes.append(PolicyChange(position, item.key, decision, item.value.tenant or DEFAULT_TENANT))
    await take(changes)
    return refused


def _keys(message: pb.Rule | RankerRecord) -> tuple[str, ...]:
    """Those its record may have. The log keeps one record of each: of one id in two shops need the longer one."""
    if isinstance(message, RankerRecord):
        return (message.tenant,)
    return message.rule_id, f"{message.tenant or DEFAULT_TENANT}/{message.rule_id}"


def _wrong_key(key: str, topic: str) -> Rejected:
    wanted = "tenant" if topic == RANKERS else "rule_id, or tenant/rule_id,"
    return Rejected("wrong-key", field="key", value=key, remedy=f"send the {wanted} as the record's key")


def rule_of(message: pb.Rule) -> rules.Rule:
    """A rule from its message, which the contract has checked; raises SenselessRule."""
    return checked(
        rules.Rule(
            message.tenant or DEFAULT_TENANT,
            message.rule_id,
            _effect(message),
            _match(message.match),
            _audience(message.audience),
            frozenset(CONTEXTS[each] for each in message.contexts),
            message.active_from.ToMilliseconds() if message.HasField("active_from") else None,
            message.active_until.ToMilliseconds() if message.HasField("active_until") else None,
            message.reason,
            message.SerializeToString(deterministic=True),
        )
    )


def ranker_of(message: RankerRecord, terms: frozenset[str]) -> Ranker:
    """Coefficients from their message; raises UnknownTerm."""
    for name in sorted(message.weights):
        if name not in terms:
            raise UnknownTerm(
                f"f(u,p) has no term {name!r}",
                field="weights",
                value=name,
                remedy=f"name some of {', '.join(sorted(terms))}",
            )
    return Ranker(message.version, dict(message.weights), message.SerializeToString(deterministic=True))


def decision_of(named: Named, record: bytes) -> rules.Rule | Ranker:
    """A decision from what its store kept. A ranker may name terms that an earlier release had."""
    if named.kind == RULE:
        return rule_of(pb.Rule.FromString(record))
    message = RankerRecord.FromString(record)
    return ranker_of(message, frozenset(message.weights))


def _effect(message: pb.Rule) -> rules.Effect:  # noqa: PLR0911 - one line for each effect
    match message.WhichOneof("effect"):
        case "exclude":
            return rules.Exclude()
        case "include_only":
            return rules.IncludeOnly()
        case "pin":
            return rules.Pin(message.pin.position or 1)
        case "bury":
            return rules.Bury()
        case "boost":
            return rules.Boost(message.boost.by)
        case "brand_cap":
            return rules.BrandCap(message.brand_cap.most)
        case "diversity":
            return rules.Diversity(message.diversity.strength)
        case "fresh_quota":
            return rules.FreshQuota(message.fresh_quota.share, timedelta(days=message.fresh_quota.days))
        case "adults_only":
            return rules.AdultsOnly(message.adults_only.age or rules.OF_AGE)
        case _:
            days = message.repurchase.after_days if message.repurchase.HasField("after_days") else None
            return rules.Repurchase(None if days is None else timedelta(days=days))


def _match(message: pb.ProductMatch) -> rules.Match:
    least, most = (
        Decimal(getattr(message, name).amount) if message.HasField(name) and getattr(message, name).amount else None
        for name in ("min_price", "max_price")
    )
    currencies = {
        getattr(message, name).currency for name in ("min_price", "max_price") if getattr(message, name).amount
    }
    if len(currencies) > 1:
        raise SenselessRule("the prices are of two currencies", field="match.max_price.currency",
                            value=message.max_price.currency, remedy="give both prices in one currency")  # fmt: skip
    return rules.Match(
        frozenset(message.product_ids),
        frozenset(category.strip("/") for category in message.categories),
        frozenset(message.brands),
        _wanted(message.attributes),
        next(iter(currencies), ""),
        least,
        most,
        timedelta(days=message.newer_than_days) if message.newer_than_days else None,
        message.in_stock if message.HasField("in_stock") else None,
    )


def _audience(message: pb.Audience) -> rules.Audience:
    return rules.Audience(
        frozenset(message.tiers), frozenset(message.regions), frozenset(message.languages), _wanted(message.attributes)
    )


def _wanted(attributes: Iterable[AttributeMatch]) -> rules.Wanted:
    return tuple((each.name, frozenset(value.casefold() for value in each.values)) for each in attributes)
