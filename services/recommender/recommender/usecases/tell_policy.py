"""What a shop decides, as it is in force, or as it would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recommender.domain.policy import Known, Ranker, Remark, remarks
from recommender.domain.rules import Rule
from recommender.domain.score import coefficients
from recommender.usecases.decisions import Decisions
from recommender.usecases.world import World


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules by id, and the coefficients."""

    rules: Sequence[Rule]
    ranker: Ranker | None  # None: the shipped one
    weights: Mapping[str, float]  # all that are in force
    remarks: Sequence[Remark]


class TellPolicy:
    """Tells what a shop decides."""

    def __init__(self, world: World, decisions: Decisions) -> None:
        self._world, self._decisions = world, decisions

    def __call__(self, tenant: str, supposed: Sequence[Rule] = ()) -> Policy:
        """`supposed`: rules that are looked at as if they were there too."""
        policies, shop = self._world.policies, self._world.look(tenant)
        by_id = {rule.rule_id: rule for rule in (*policies.rules(tenant), *supposed)}
        rules = [rule for _, rule in sorted(by_id.items())]
        known = Known(
            lambda product_id: shop.product(product_id) is not None, shop.facts.has_category, shop.facts.has_brand
        )
        weights, _ = self._decisions.weights(tenant)
        return Policy(rules, policies.ranker(tenant), coefficients(weights), remarks(rules, known))
