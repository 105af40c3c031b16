from __future__ import annotations

import json
from typing import Any

import pytest


def test_an_event_tells_where_kafka_put_it(on_kafka: Any, tenant: str) -> None:
    sent = on_kafka("send", "view", "--user", f"{tenant}-u", "--product", "p1", "--tenant", tenant, "--json")
    assert sent.exit_code == 0
    told = json.loads(sent.stdout)
    assert (told["topic"], told["applied_after_ms"]) == ("attune.clickstream.v1", None)
    assert told["offset"] >= 0


def test_words_go_to_the_queries(on_kafka: Any, tenant: str) -> None:
    sent = on_kafka("send", "query", "--user", "u", "--text", "绿茶", "--tenant", tenant, "--json")
    assert json.loads(sent.stdout)["topic"] == "attune.queries.v1"


@pytest.mark.parametrize(
    "arguments",
    [
        ["return", "--product", "p"],
        ["view", "--product", "p", "--dwell-ms", "2500"],
        ["identify", "--anonymous", "anon:1"],
        ["query", "--question", "--text", "is it red?", "--product", "p"],
    ],
)
def test_what_moves_a_need_can_be_sent(on_kafka: Any, tenant: str, arguments: list[str]) -> None:
    what, *more = arguments
    assert on_kafka("send", what, "--user", "u", "--tenant", tenant, *more).exit_code == 0


def test_what_compose_printed_becomes_the_reference_of_a_click(on_kafka: Any, tenant: str) -> None:
    composed = {"composition": {"composition_id": "c", "experiment_id": "e", "variant_id": "v", "propensity": 0.5}}
    sent = on_kafka("send", "click", "--user", "u", "--tenant", tenant, "--content", "-", input=json.dumps(composed))
    assert sent.exit_code == 0
    refused = on_kafka("send", "click", "--user", "u", "--tenant", tenant, "--content", "{}")
    assert refused.exit_code == 2
    assert "compose --json" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["view", "--user", "u"], "product_id is required unless content is set or kind is identify"),
        (["rate", "--user", "u", "--product", "p"], "rating (1 to 5) is required"),
        (["rate", "--user", "u", "--product", "p", "--rating", "9"], "rating = '9.0'"),
        (["review", "--user", "u", "--product", "p"], "text is required when kind is review"),
        (["view", "--user", "", "--product", "p"], "user_id"),
        (["view", "--user", "u\x07", "--product", "p"], "must not hold control characters"),
        (["view", "--user", "u", "--product", "p", "--at", "yesterday"], "send a time such as 2026-01-31T12:00:00Z"),
        (["query", "--user", "u", "--text", "x" * 100_000], "text"),
        (["query", "--user", "u"], "text"),
        (["stare", "--user", "u"], "stare"),
        (["identify", "--user", "u"], "anonymous_id, another one than user_id, is required"),
        (["identify", "--user", "u", "--anonymous", "u"], "anonymous_id, another one than user_id, is required"),
    ],
)
def test_an_event_that_breaks_the_contract_is_not_sent(on_kafka: Any, arguments: list[str], told: str) -> None:
    refused = on_kafka("send", *arguments)
    assert refused.exit_code == 2
    assert told in refused.stderr
    assert "Traceback" not in refused.output
    assert len(refused.stderr) < 2_000


def test_a_log_that_is_away_is_told_in_one_line(attune: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_KAFKA", "127.0.0.1:1")
    refused = attune("send", "view", "--user", "u", "--product", "p")
    assert refused.exit_code == 1
    assert "Kafka is not there" in refused.stderr


def test_a_service_that_is_away_is_named_with_its_address(attune: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_RECOMMENDER_ADDRESS", "127.0.0.1:1")
    refused = attune("recommend", "maria")
    assert refused.exit_code == 1
    assert "recommender at 127.0.0.1:1 is not there" in refused.stderr
