from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

_SERVICES = ["needs", "recommender", "qa", "content"]


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Services that are known and away."""
    for name in _SERVICES:
        monkeypatch.setenv(f"ATTUNE_{name.upper()}_ADDRESS", "127.0.0.1:1")


@pytest.mark.usefixtures("nobody")
def test_what_services_that_are_away_still_have_to_do_stands_in_the_log(
    on_kafka: Any, tenant: str, keys: Callable[[str], Sequence[str]]
) -> None:
    receipt = on_kafka("erase", tenant, "--json")
    assert receipt.exit_code == 1
    told = json.loads(receipt.stdout)
    assert (told["user_id"], told["erased"]) == (tenant, [])
    assert [each["service"] for each in told["pending"]] == _SERVICES
    assert told["request"]["topic"] == "attune.erasures.v1"
    assert f"qa has not forgotten {tenant} yet: it will when it reads attune.erasures.v1" in receipt.stderr
    assert list(keys("attune.erasures.v1")).count(tenant) == 1


@pytest.mark.usefixtures("nobody")
def test_without_kafka_the_command_has_to_be_given_again(attune: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_KAFKA", "127.0.0.1:1")
    receipt = attune("erase", "maria", "--yes")
    assert receipt.exit_code == 1
    assert receipt.stdout.splitlines()[:2] == ["service\twhat\twhere\tremoved\twhen", "needs\t\t\tnot yet\t"]
    assert "attune.erasures.v1 does not hold the request: give the command again once Kafka is there" in receipt.stderr
    assert "needs has not forgotten maria yet: give the command again" in receipt.stderr


def test_a_person_who_cannot_be_is_refused_before_anyone_is_asked(on_kafka: Any) -> None:
    refused = on_kafka("erase", "u\x07", "--yes")
    assert refused.exit_code == 2
    assert "user_id" in refused.stderr


def test_nothing_is_done_before_it_is_said_to_be_meant(on_kafka: Any, keys: Callable[[str], Sequence[str]]) -> None:
    assert on_kafka("erase", "kept", input="n\n").exit_code == 1
    assert "kept" not in keys("attune.erasures.v1")
