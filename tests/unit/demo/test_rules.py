from __future__ import annotations

from attune.events.v1.rule_pb2 import Rule
from attune_demo.catalog import products
from attune_demo.rules import rules
from chassis.kafka.decode import checked, from_mapping


def test_every_rule_keeps_the_contract_and_names_what_there_is() -> None:
    catalogue = list(products())
    ids, categories = ({product[name] for product in catalogue} for name in ("product_id", "category"))
    for form in rules():
        rule = checked(from_mapping(Rule, form))
        assert rule.reason
        assert set(rule.match.product_ids) <= ids
        assert set(rule.match.categories) <= categories
